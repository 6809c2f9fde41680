// What a download will hold, in a sentence: said before it is taken along, so that nobody shows half a range for the whole.
import type { Coverage } from '../../api/client';
import type { TextKey } from '../../i18n';
import { formatDuration, formatTime, type Language } from '../../time/dates';

export interface CoverageNote {
  kind: 'whole' | 'part' | 'empty' | 'unknown';
  text: string;
  /** Something of what was asked for is not there. */
  lacks: boolean;
}

/** `t`, or what stands in for it. */
export type Say = (key: TextKey, values?: Record<string, string | number>) => string;

/** A range that ends between two pictures lacks none. */
const toleratedSeconds = 1;
const mostSpans = 3;

/** `coverage`: null where nothing was recorded, undefined where the hub did not say. */
export function describeCoverage(coverage: Coverage | null | undefined, language: Language, say: Say): CoverageNote {
  if (coverage === undefined) return { kind: 'unknown', text: say('camera.download.unknown'), lacks: true };
  if (coverage === null) return { kind: 'empty', text: say('camera.download.empty'), lacks: true };
  if (coverage.missingSeconds <= toleratedSeconds) return { kind: 'whole', text: say('camera.download.whole'), lacks: false };
  const shown = coverage.spans.slice(0, mostSpans).map(({ from, to }) => `${formatTime(from)}–${formatTime(to)}`).join(', ');
  const more = coverage.spans.length - mostSpans;
  const spans = more > 0 ? say('camera.download.more', { spans: shown, count: more }) : shown;
  const missing = formatDuration(Math.round(coverage.missingSeconds), language);
  return { kind: 'part', text: say('camera.download.part', { spans, missing }), lacks: true };
}
