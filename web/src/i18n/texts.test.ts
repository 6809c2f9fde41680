import { describe, expect, it } from 'vitest';
import { common } from './common';
import { registry } from './registry';
import { screens } from './screens';

const sets = { common, registry, screens };
const all = Object.entries(sets).flatMap(([, set]) => Object.entries(set) as [string, readonly [string, string]][]);
const placeholders = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([match]) => match).sort();

describe('texts', () => {
  it('are there in both languages', () => {
    expect(all.filter(([, [thai, english]]) => !thai.trim() || !english.trim()).map(([key]) => key)).toEqual([]);
  });
  it('take the same values in both languages', () => {
    const differing = all.filter(([, [thai, english]]) => placeholders(thai).join() !== placeholders(english).join());
    expect(differing.map(([key]) => key)).toEqual([]);
  });
  it('are named once', () => {
    const keys = all.map(([key]) => key);
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
  });
});
