// What a person chooses for himself; kept in this browser.
import type { Era, Language } from '../time/dates';

const key = 'ccoc.settings';

interface Stored { language: Language; era: Era; filmstrip: boolean }

function load(): Stored {
  try {
    const stored = JSON.parse(localStorage.getItem(key) ?? '{}') as { language?: string; era?: string; filmstrip?: boolean };
    return { language: stored.language === 'en' ? 'en' : 'th', era: stored.era === 'ce' ? 'ce' : 'be', filmstrip: stored.filmstrip !== false };
  } catch {
    return { language: 'th', era: 'be', filmstrip: true };
  }
}

class Settings {
  language = $state<Language>('th');
  era = $state<Era>('be');
  /** Pictures above the time line. */
  filmstrip = $state(true);

  constructor() {
    const stored = load();
    this.language = stored.language;
    this.era = stored.era;
    this.filmstrip = stored.filmstrip;
    document.documentElement.lang = this.language;
  }
  setLanguage(language: Language): void {
    this.language = language;
    document.documentElement.lang = language;
    this.save();
  }
  setEra(era: Era): void {
    this.era = era;
    this.save();
  }
  setFilmstrip(shown: boolean): void {
    this.filmstrip = shown;
    this.save();
  }
  private save(): void {
    localStorage.setItem(key, JSON.stringify({ language: this.language, era: this.era, filmstrip: this.filmstrip }));
  }
}

export const settings = new Settings();
