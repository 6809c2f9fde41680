import { describe, expect, it } from 'vitest';
import { readCoverage, type Coverage } from '../../api/client';
import { screens } from '../../i18n/screens';
import type { Language } from '../../time/dates';
import { describeCoverage as describeIn } from './coverage';

const describeCoverage = (coverage: Coverage | null | undefined, language: Language) => describeIn(coverage, language, (key, values = {}) =>
  screens[key as keyof typeof screens][language === 'th' ? 0 : 1].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name])));

const headers = (footage: string, missing: string) => ({
  get: (name: string) => ({ 'X-Footage': footage, 'X-Missing-Seconds': missing })[name] ?? null,
});
const half = readCoverage(headers(
  '2026-11-24T05:00:05.000Z/2026-11-24T05:00:10.000Z, 2026-11-24T05:00:30.000Z/2026-11-24T05:00:40.000Z', '40.000'));

describe('what a download holds (fault V2)', () => {
  it('is read from the headers of the answer', () => {
    expect(half.missingSeconds).toBe(40);
    expect(half.spans.map(({ from }) => from.toISOString())).toEqual(['2026-11-24T05:00:05.000Z', '2026-11-24T05:00:30.000Z']);
    expect(readCoverage({ get: () => null })).toEqual({ spans: [], missingSeconds: 0 });
  });
  it('is said where something is missing', () => {
    const note = describeCoverage(half, 'en');
    expect(note).toMatchObject({ kind: 'part', lacks: true });
    expect(note.text).toMatch(/12:00:05–12:00:10, 12:00:30–12:00:40/);
    expect(note.text).toContain('40');
    expect(describeCoverage(half, 'th').text).toContain('ขาด');
  });
  it('is whole when less than a second is missing', () => {
    expect(describeCoverage({ ...half, missingSeconds: 0.9 }, 'en')).toMatchObject({ kind: 'whole', lacks: false });
  });
  it('names some parts and counts the rest', () => {
    const many = { missingSeconds: 600, spans: Array.from({ length: 7 }, (_, index) => ({ from: new Date(index * 60_000), to: new Date(index * 60_000 + 9_000) })) };
    expect(describeCoverage(many, 'en').text).toContain('and 4 more parts');
  });
  it('is nothing, or not known', () => {
    expect(describeCoverage(null, 'en').kind).toBe('empty');
    expect(describeCoverage(undefined, 'en').kind).toBe('unknown');
  });
});
