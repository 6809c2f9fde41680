// What a person chooses for himself; kept in this browser.
import type { Era, Language } from '../time/dates';

const key = 'ccoc.settings';

function load(): { language: Language; era: Era } {
  try {
    const stored = JSON.parse(localStorage.getItem(key) ?? '{}') as { language?: string; era?: string };
    return { language: stored.language === 'en' ? 'en' : 'th', era: stored.era === 'ce' ? 'ce' : 'be' };
  } catch {
    return { language: 'th', era: 'be' };
  }
}

class Settings {
  language = $state<Language>('th');
  era = $state<Era>('be');

  constructor() {
    const stored = load();
    this.language = stored.language;
    this.era = stored.era;
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
  private save(): void {
    localStorage.setItem(key, JSON.stringify({ language: this.language, era: this.era }));
  }
}

export const settings = new Settings();
