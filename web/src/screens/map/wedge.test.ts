import { describe, expect, it } from 'vitest';
import { anchor, extent, wedge } from './wedge';

const place = { lat: 18.8, lon: 98.98, fov_deg: 60, range_m: 100 };
const metres = (a: number[], b: number[]) =>
  Math.hypot((a[0]! - b[0]!) * 111_320 * Math.cos((18.8 * Math.PI) / 180), (a[1]! - b[1]!) * 111_320);

describe('wedge', () => {
  it('says nothing where the heading is unknown', () => {
    expect(wedge({ ...place, heading_deg: null })).toBeNull();
  });
  it('reaches as far as the camera sees, in its direction', () => {
    const ring = wedge({ ...place, heading_deg: 90 })!.coordinates[0]!;
    const rim = ring.slice(1, -1);
    for (const point of rim) expect(metres(point, [98.98, 18.8])).toBeCloseTo(100, 3);
    expect(rim.every((point) => point[0]! > 98.98)).toBe(true);
    expect(rim[Math.floor(rim.length / 2)]![1]).toBeCloseTo(18.8, 4);
  });
  it('is closed', () => {
    const ring = wedge({ ...place, heading_deg: 0 })!.coordinates[0]!;
    expect(ring[0]).toEqual(ring[ring.length - 1]);
  });
});

it('finds what the map must show', () => {
  const square: GeoJSON.Feature = { type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [[[1, 1], [3, 1], [3, 2], [1, 1]]] } };
  expect(extent([square], [])).toEqual([1, 1, 3, 2]);
  expect(extent([], [])).toBeNull();
});

it('labels a street on its middle stretch', () => {
  expect(anchor({ type: 'LineString', coordinates: [[0, 0], [2, 0], [2, 4], [9, 4]] })).toEqual([2, 2]);
  expect(anchor({ type: 'LineString', coordinates: [[0, 0], [2, 0]] })).toEqual([1, 0]);
});

it('labels an outline in the middle of its bounds', () => {
  expect(anchor({ type: 'Polygon', coordinates: [[[0, 0], [4, 0], [4, 2], [0, 2], [0, 0]]] })).toEqual([2, 1]);
  expect(anchor({ type: 'GeometryCollection', geometries: [] })).toBeNull();
});
