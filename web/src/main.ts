import '@fontsource/ibm-plex-sans-thai-looped/latin-400.css';
import '@fontsource/ibm-plex-sans-thai-looped/latin-500.css';
import '@fontsource/ibm-plex-sans-thai-looped/latin-600.css';
import '@fontsource/ibm-plex-sans-thai-looped/thai-400.css';
import '@fontsource/ibm-plex-sans-thai-looped/thai-500.css';
import '@fontsource/ibm-plex-sans-thai-looped/thai-600.css';
import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { decodableKnown } from './player/decodable';

// The first subscription says what can be decoded here; a browser that does not answer is not waited for.
const patience = new Promise<void>((resolve) => setTimeout(resolve, 1_000));
void Promise.race([decodableKnown, patience]).then(() => mount(App, { target: document.getElementById('app')! }));
