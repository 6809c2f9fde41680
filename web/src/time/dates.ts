// Dates for people: Asia/Bangkok (UTC+7, no daylight saving), Buddhist or Common era.
// On the wire every instant is UTC; these functions are the only place that converts.

export type Era = 'be' | 'ce';
export type Language = 'th' | 'en';

const bangkokOffsetMs = 7 * 3600_000;
const beOffset = 543;
const months: Record<Language, string[]> = {
  th: ['ม.ค.', 'ก.พ.', 'มี.ค.', 'เม.ย.', 'พ.ค.', 'มิ.ย.', 'ก.ค.', 'ส.ค.', 'ก.ย.', 'ต.ค.', 'พ.ย.', 'ธ.ค.'],
  en: ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'],
};

const two = (value: number) => String(value).padStart(2, '0');
/** A Date whose UTC fields read as Bangkok's wall clock. */
const wall = (at: Date) => new Date(at.getTime() + bangkokOffsetMs);

/** 14:03:27 */
export function formatTime(at: Date): string {
  const w = wall(at);
  return `${two(w.getUTCHours())}:${two(w.getUTCMinutes())}:${two(w.getUTCSeconds())}`;
}

/** 14:03 */
export function formatMinutes(at: Date): string {
  return formatTime(at).slice(0, 5);
}

/** 27 ก.ค. 2569 or 27 Jul 2026 */
export function formatDate(at: Date, language: Language, era: Era): string {
  const w = wall(at);
  const year = w.getUTCFullYear() + (era === 'be' ? beOffset : 0);
  return `${w.getUTCDate()} ${months[language][w.getUTCMonth()]} ${year}`;
}

/** 27 ก.ค. */
export function formatDay(at: Date, language: Language): string {
  const w = wall(at);
  return `${w.getUTCDate()} ${months[language][w.getUTCMonth()]}`;
}

export function formatDateTime(at: Date, language: Language, era: Era): string {
  return `${formatDate(at, language, era)} ${formatTime(at)}`;
}

/** 27/07/2569, the form that parseMoment reads back. */
export function inputDate(at: Date, era: Era): string {
  const w = wall(at);
  return `${two(w.getUTCDate())}/${two(w.getUTCMonth() + 1)}/${w.getUTCFullYear() + (era === 'be' ? beOffset : 0)}`;
}

/**
 * Reads `27/07/2569` and `14:03:27` (or `14:03`) as Bangkok time. A year of 2400 or more is Buddhist,
 * whatever the person's setting, because no footage is that far away in the Common era.
 * Returns null where it is no date.
 */
export function parseMoment(date: string, time: string): Date | null {
  const d = /^\s*(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})\s*$/.exec(date);
  const t = /^\s*(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?\s*$/.exec(time);
  if (!d || !t) return null;
  const [day, month, writtenYear] = [Number(d[1]), Number(d[2]), Number(d[3])];
  const year = writtenYear >= 2400 ? writtenYear - beOffset : writtenYear;
  const [hour, minute, second] = [Number(t[1]), Number(t[2]), Number(t[3] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59) return null;
  const asUtc = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  if (asUtc.getUTCDate() !== day || asUtc.getUTCMonth() !== month - 1) return null;
  return new Date(asUtc.getTime() - bangkokOffsetMs);
}

/** Start of the Bangkok day that holds `at`. */
export function startOfDay(at: Date): Date {
  const w = wall(at);
  return new Date(Date.UTC(w.getUTCFullYear(), w.getUTCMonth(), w.getUTCDate()) - bangkokOffsetMs);
}

/** 1 d 3 h, 5 min, 12 s: the two largest parts. */
export function formatDuration(seconds: number, language: Language): string {
  const units: [number, string][] = language === 'th'
    ? [[86400, 'วัน'], [3600, 'ชม.'], [60, 'นาที'], [1, 'วิ']]
    : [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  let rest = Math.max(0, Math.floor(seconds));
  const parts: string[] = [];
  for (const [size, label] of units) {
    const count = Math.floor(rest / size);
    if (count > 0 && parts.length < 2) parts.push(`${count} ${label}`);
    else if (parts.length > 0) break;
    rest -= count * size;
  }
  return parts.length ? parts.join(' ') : `0 ${units[3]![1]}`;
}
