// Sizes and rates for people.
function scaled(value: number, base: number, units: readonly string[]): string {
  let [rest, unit] = [value, 0];
  while (rest >= base && unit < units.length - 1) {
    rest /= base;
    unit += 1;
  }
  return `${rest >= 100 || unit === 0 ? Math.round(rest) : rest.toFixed(1)} ${units[unit]}`;
}

/** 1536 → 1.5 KiB */
export const formatBytes = (bytes: number) => scaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
/** 4000000 → 4.0 Mbit/s */
export const formatBits = (bits: number) => scaled(bits, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s']);

/** avc1.640028 and h264 → H.264; what is unknown stays as it is. */
export function codecName(codec: string | null | undefined): string {
  const family = (codec ?? '').split('.')[0]!.toLowerCase();
  if (family === 'avc1' || family === 'avc3' || family === 'h264') return 'H.264';
  if (family === 'hvc1' || family === 'hev1' || family === 'h265' || family === 'hevc') return 'H.265';
  if (codec === 'mp4v.6C' || family === 'mjpeg') return 'MJPEG';
  return codec ?? '';
}

export function audioName(codec: string | null | undefined): string {
  const names: Record<string, string> = { aac: 'AAC', pcmu: 'G.711 µ', pcma: 'G.711 A', opus: 'Opus' };
  return names[codec ?? ''] ?? codec ?? '';
}
