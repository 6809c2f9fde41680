// Which cameras are seen together, as the address of the page says it.
export const mostTogether = 16;

/** Known cameras only, each once, at most as many as may be. */
export function readChoice(text: string | null, known: (id: string) => boolean): string[] {
  return [...new Set((text ?? '').split(','))].filter((id) => id !== '' && known(id)).slice(0, mostTogether);
}
export function toggleChoice(chosen: readonly string[], id: string): string[] {
  if (chosen.includes(id)) return chosen.filter((each) => each !== id);
  return chosen.length < mostTogether ? [...chosen, id] : [...chosen];
}
/** Columns of the grid: the smallest square that holds them. */
export function columnsFor(count: number): number {
  return Math.max(1, Math.ceil(Math.sqrt(count)));
}

export const offsetStepMs = 40;
const largestOffsetMs = 60_000;
export function clampOffset(ms: number): number {
  return Number.isFinite(ms) ? Math.max(-largestOffsetMs, Math.min(largestOffsetMs, Math.round(ms))) : 0;
}
