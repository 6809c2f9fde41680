import { describe, expect, it } from 'vitest';
import { formatDate, formatDateTime, formatDuration, inputDate, parseMoment, startOfDay } from './dates';

const lateEvening = new Date('2026-07-26T18:30:05.000Z'); // 01:30:05 on the 27th in Bangkok

describe('dates', () => {
  it('shows Bangkok time in the Buddhist era', () => {
    expect(formatDateTime(lateEvening, 'th', 'be')).toBe('27 ก.ค. 2569 01:30:05');
  });
  it('shows the Common era in English', () => {
    expect(formatDate(lateEvening, 'en', 'ce')).toBe('27 Jul 2026');
  });
  it('reads back what it writes, in both eras', () => {
    for (const era of ['be', 'ce'] as const) {
      expect(parseMoment(inputDate(lateEvening, era), '01:30:05')).toEqual(lateEvening);
    }
  });
  it('takes a time without seconds', () => {
    expect(parseMoment('27/7/2569', '1:30')).toEqual(new Date('2026-07-26T18:30:00Z'));
  });
  it.each([['31/02/2569', '10:00'], ['01/13/2026', '10:00'], ['1/1/26', '10:00'], ['01/01/2026', '24:00'], ['', '']])(
    'refuses %s %s', (date, time) => {
      expect(parseMoment(date, time)).toBeNull();
    });
  it('begins the day at midnight in Bangkok', () => {
    expect(startOfDay(lateEvening)).toEqual(new Date('2026-07-26T17:00:00Z'));
  });
  it('keeps the two largest parts of a duration', () => {
    expect(formatDuration(90061, 'en')).toBe('1 d 1 h');
    expect(formatDuration(60, 'en')).toBe('1 min');
    expect(formatDuration(0, 'th')).toBe('0 วิ');
  });
});
