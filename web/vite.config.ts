import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// `npm run dev` talks to a hub started beside it; CCOC_HUB names another one.
const hub = process.env.CCOC_HUB ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    // The content security policy allows no data: scripts or fonts; everything is a file.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
  },
  server: { proxy: { '/api': { target: hub, ws: true } } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
