// Every text in Thai and English. `t` is reactive: it reads the language from the settings.
import { ApiError } from '../api/client';
import { settings } from '../stores/settings.svelte';
import { common } from './common';
import { registry } from './registry';
import { screens } from './screens';

export const texts = { ...common, ...screens, ...registry };
export type TextKey = keyof typeof texts;

export function translate(key: TextKey, language: 'th' | 'en', values: Record<string, string | number> = {}): string {
  const text: string = texts[key][language === 'th' ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export function t(key: TextKey, values?: Record<string, string | number>): string {
  return translate(key, settings.language, values);
}

export function isTextKey(key: string): key is TextKey {
  return key in texts;
}

/** The text in the person's language, or the other one where only that is there. */
export function named(text: { th: string; en: string } | null | undefined): string {
  if (!text) return '';
  return settings.language === 'th' ? text.th || text.en : text.en || text.th;
}

/** A sentence for a failure: the hub's own where it gave one. */
export function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return t('error.unknown');
  if (error.status === 0) return t('hub.unreachable');
  if (error.status === 403) return t('error.forbidden');
  if (error.status === 429) return t('error.busy', { seconds: error.retryAfter || 5 });
  if (error.status === 404) return t('error.missing');
  return error.problem.detail ?? error.problem.title ?? t('error.unknown');
}

/** Why footage is missing, in words; causes this console does not know are shown as they are. */
export function gapCause(cause: string | undefined): string {
  if (!cause) return t('gap.unknown');
  const key = `gap.${cause}`;
  return isTextKey(key) ? t(key) : cause;
}
