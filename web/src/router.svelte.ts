// Addresses of the console; the hub answers every one of them with the same page.
export type Screen = 'wall' | 'together' | 'map' | 'cameras' | 'system' | 'camera';

class Router {
  screen = $state<Screen>('wall');
  /** The camera of /camera/ID. */
  camera = $state('');
  query = $state.raw(new URLSearchParams());

  constructor() {
    this.read();
    window.addEventListener('popstate', () => this.read());
  }
  go(path: string): void {
    if (path === location.pathname + location.search) return;
    history.pushState(null, '', path);
    this.read();
  }
  /** For links: plain clicks stay in the page, the others (new tab) are the browser's. */
  follow = (event: MouseEvent): void => {
    const link = (event.target as Element | null)?.closest('a[href^="/"]');
    if (!link || link.hasAttribute('download') || link.getAttribute('target')) return;
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const href = link.getAttribute('href')!;
    if (href.startsWith('/api/')) return;
    event.preventDefault();
    this.go(href);
  };
  private read(): void {
    const [, first = '', second = ''] = location.pathname.split('/');
    this.query = new URLSearchParams(location.search);
    this.camera = '';
    if (first === 'camera' && second) {
      this.screen = 'camera';
      try {
        this.camera = decodeURIComponent(second);
      } catch {
        this.screen = 'wall';
      }
    } else if (first === 'map' || first === 'together' || first === 'cameras' || first === 'system') this.screen = first;
    else this.screen = 'wall';
  }
}

export const router = new Router();
export const togetherPath = (ids: readonly string[], at?: Date) =>
  `/together?cameras=${ids.map(encodeURIComponent).join(',')}` + (at ? `&t=${at.toISOString()}` : '');
export const cameraPath = (id: string, at?: Date) =>
  `/camera/${encodeURIComponent(id)}` + (at ? `?t=${at.toISOString()}` : '');
