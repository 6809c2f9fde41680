// Which camera stands in which tile. Pure functions over a small value that is kept in the browser.

export const sizes = [1, 4, 9, 16, 25, 36, 49, 64] as const;
export type WallSize = (typeof sizes)[number];

export interface Layout {
  size: WallSize;
  /** Own choice of cameras, tile by tile over all pages; null shows every camera in order. */
  slots: (string | null)[] | null;
  /** Only this zone's cameras, where every camera is shown. */
  zone: string | null;
}

export const defaultLayout: Layout = { size: 16, slots: null, zone: null };

export function isWallSize(value: unknown): value is WallSize {
  return (sizes as readonly unknown[]).includes(value);
}

/** What a browser kept, which may be of an older console or damaged: what is wrong becomes the default. */
export function readLayout(value: unknown): Layout {
  if (typeof value !== 'object' || value === null) return { ...defaultLayout };
  const { size, slots, zone } = value as Record<string, unknown>;
  const valid = Array.isArray(slots) && slots.length <= 4096 && slots.every((slot) => slot === null || typeof slot === 'string');
  return {
    size: isWallSize(size) ? size : defaultLayout.size,
    // A camera stands in one tile only.
    slots: valid ? (slots as (string | null)[]).map((slot, index, all) => (slot !== null && all.indexOf(slot) < index ? null : slot)) : null,
    zone: typeof zone === 'string' ? zone : null,
  };
}

export function columns(size: WallSize): number {
  return Math.sqrt(size);
}

/** The smallest wall that holds `count` cameras on one page, or the largest there is. */
export function sizeFor(count: number): WallSize {
  return sizes.find((size) => size >= count) ?? 64;
}

/** Every tile over all pages. `shown` are the ids that the zone filter leaves. */
export function allSlots(layout: Layout, shown: readonly string[]): (string | null)[] {
  return layout.slots ?? [...shown];
}

export function pageCount(layout: Layout, shown: readonly string[]): number {
  return Math.max(1, Math.ceil(allSlots(layout, shown).length / layout.size));
}

/** Exactly `size` tiles. */
export function pageSlots(layout: Layout, shown: readonly string[], page: number): (string | null)[] {
  const slots = allSlots(layout, shown).slice(page * layout.size, (page + 1) * layout.size);
  return [...slots, ...Array<null>(layout.size - slots.length).fill(null)];
}

/** Puts a camera into a tile (counted over all pages); one that stands elsewhere changes places. */
export function put(layout: Layout, shown: readonly string[], index: number, camera: string): Layout {
  const slots = [...allSlots(layout, shown)];
  while (slots.length <= index) slots.push(null);
  const from = slots.indexOf(camera);
  if (from >= 0) slots[from] = slots[index] ?? null;
  slots[index] = camera;
  return { ...layout, slots: trimmed(slots) };
}

export function swap(layout: Layout, shown: readonly string[], from: number, to: number): Layout {
  const slots = [...allSlots(layout, shown)];
  while (slots.length <= Math.max(from, to)) slots.push(null);
  [slots[from], slots[to]] = [slots[to] ?? null, slots[from] ?? null];
  return { ...layout, slots: trimmed(slots) };
}

export function takeOut(layout: Layout, shown: readonly string[], index: number): Layout {
  const slots = [...allSlots(layout, shown)];
  if (index < slots.length) slots[index] = null;
  return { ...layout, slots: trimmed(slots) };
}

function trimmed(slots: (string | null)[]): (string | null)[] {
  let end = slots.length;
  while (end > 0 && slots[end - 1] === null) end -= 1;
  return slots.slice(0, end);
}

export type Direction = 'ArrowLeft' | 'ArrowRight' | 'ArrowUp' | 'ArrowDown';

/** The tile to go to; `page` is -1 or 1 where the arrow leaves this page sideways. */
export function step(size: WallSize, selected: number, direction: Direction): { tile: number; page: -1 | 0 | 1 } {
  const across = columns(size);
  const [row, column] = [Math.floor(selected / across), selected % across];
  switch (direction) {
    case 'ArrowLeft':
      return column > 0 ? { tile: selected - 1, page: 0 } : { tile: row * across + across - 1, page: -1 };
    case 'ArrowRight':
      return column < across - 1 ? { tile: selected + 1, page: 0 } : { tile: row * across, page: 1 };
    case 'ArrowUp':
      return { tile: row > 0 ? selected - across : selected, page: 0 };
    case 'ArrowDown':
      return { tile: row < across - 1 ? selected + across : selected, page: 0 };
  }
}

const mainFromPixels = 420;

/** The sub stream is enough for a small tile; a camera with one stream has no choice. */
export function streamFor(tilePixelHeight: number, roles: readonly ('main' | 'sub')[]): 'main' | 'sub' {
  if (!roles.includes('sub')) return 'main';
  return tilePixelHeight >= mainFromPixels && roles.includes('main') ? 'main' : 'sub';
}
