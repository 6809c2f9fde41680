// The wall's layout and the layouts a person saved; kept in this browser.
import { defaultLayout, readLayout, type Layout } from '../screens/wall/layout';

const key = 'ccoc.wall';
export const cycleChoices = [10, 20, 30, 60] as const;

interface Stored { current: Layout; saved: Record<string, Layout>; cycleSeconds: number }

function load(): Stored {
  try {
    const stored = JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Record<keyof Stored, unknown>>;
    const saved = typeof stored.saved === 'object' && stored.saved !== null ? stored.saved : {};
    return {
      current: readLayout(stored.current),
      saved: Object.fromEntries(Object.entries(saved).map(([name, layout]) => [name, readLayout(layout)])),
      cycleSeconds: (cycleChoices as readonly unknown[]).includes(stored.cycleSeconds) ? (stored.cycleSeconds as number) : 20,
    };
  } catch {
    return { current: { ...defaultLayout }, saved: {}, cycleSeconds: 20 };
  }
}

class WallStore {
  layout = $state.raw<Layout>(defaultLayout);
  saved = $state.raw<Record<string, Layout>>({});
  cycleSeconds = $state(20);
  cycling = $state(false);
  page = $state(0);
  selected = $state(0);
  panel = $state(false);

  constructor() {
    const stored = load();
    this.layout = stored.current;
    this.saved = stored.saved;
    this.cycleSeconds = stored.cycleSeconds;
  }
  change(layout: Layout): void {
    if (layout.size !== this.layout.size || layout.zone !== this.layout.zone) {
      this.page = 0;
      this.selected = 0;
    }
    this.layout = layout;
    this.keep();
  }
  save(name: string): void {
    this.saved = { ...this.saved, [name]: this.layout };
    this.keep();
  }
  forget(name: string): void {
    this.saved = Object.fromEntries(Object.entries(this.saved).filter(([each]) => each !== name));
    this.keep();
  }
  setCycleSeconds(seconds: number): void {
    this.cycleSeconds = seconds;
    this.keep();
  }
  private keep(): void {
    localStorage.setItem(key, JSON.stringify({ current: this.layout, saved: this.saved, cycleSeconds: this.cycleSeconds }));
  }
}

export const wall = new WallStore();
