import { describe, expect, it } from 'vitest';
import { defaultLayout, pageCount, pageSlots, put, readLayout, sizeFor, step, streamFor, swap, takeOut, type Layout } from './layout';

const ids = ['a', 'b', 'c', 'd', 'e'];
const four: Layout = { size: 4, slots: null, zone: null };

describe('pages', () => {
  it('shows every camera in order and fills the last page with empty tiles', () => {
    expect(pageCount(four, ids)).toBe(2);
    expect(pageSlots(four, ids, 0)).toEqual(['a', 'b', 'c', 'd']);
    expect(pageSlots(four, ids, 1)).toEqual(['e', null, null, null]);
  });
  it('has one page when there is no camera', () => {
    expect(pageCount(four, [])).toBe(1);
  });
});

describe('placing cameras', () => {
  it('changes places with the camera that stood there', () => {
    expect(put(four, ids, 0, 'd').slots).toEqual(['d', 'b', 'c', 'a', 'e']);
  });
  it('puts a camera far out and keeps the tiles between empty', () => {
    expect(put({ ...four, slots: ['a'] }, ids, 3, 'z').slots).toEqual(['a', null, null, 'z']);
  });
  it('swaps with an empty tile and trims what is empty at the end', () => {
    expect(swap({ ...four, slots: [null, 'b'] }, ids, 1, 0).slots).toEqual(['b']);
  });
  it('takes a camera out', () => {
    expect(takeOut(four, ids, 1).slots).toEqual(['a', null, 'c', 'd', 'e']);
    expect(takeOut(four, ids, 99).slots).toEqual(ids);
  });
});

describe('step', () => {
  it('moves inside the page', () => {
    expect(step(9, 4, 'ArrowUp')).toEqual({ tile: 1, page: 0 });
    expect(step(9, 4, 'ArrowDown')).toEqual({ tile: 7, page: 0 });
    expect(step(9, 1, 'ArrowUp')).toEqual({ tile: 1, page: 0 });
  });
  it('turns the page at the edge and arrives on the other side of the same row', () => {
    expect(step(9, 5, 'ArrowRight')).toEqual({ tile: 3, page: 1 });
    expect(step(9, 3, 'ArrowLeft')).toEqual({ tile: 5, page: -1 });
  });
});

describe('streamFor', () => {
  it('takes the sub stream for small tiles and the main stream for large ones', () => {
    expect(streamFor(240, ['main', 'sub'])).toBe('sub');
    expect(streamFor(900, ['main', 'sub'])).toBe('main');
  });
  it('takes what there is', () => {
    expect(streamFor(100, ['main'])).toBe('main');
    expect(streamFor(900, ['sub'])).toBe('sub');
  });
});

describe('readLayout', () => {
  it.each([null, 'x', 7, { size: 5 }, { size: 16, slots: [1] }, { slots: {} }])('makes %j harmless', (value) => {
    expect(readLayout(value)).toEqual(defaultLayout);
  });
  it('lets no camera stand twice', () => {
    expect(readLayout({ size: 4, slots: ['a', 'b', 'a'] }).slots).toEqual(['a', 'b', null]);
  });
  it('keeps what is valid', () => {
    expect(readLayout({ size: 64, slots: ['a', null], zone: 'z' })).toEqual({ size: 64, slots: ['a', null], zone: 'z' });
  });
});

it('finds the wall that holds them all', () => {
  expect(sizeFor(1)).toBe(1);
  expect(sizeFor(60)).toBe(64);
  expect(sizeFor(500)).toBe(64);
});
