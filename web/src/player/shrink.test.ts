import { describe, expect, it } from 'vitest';
import { matrixFor, shrink, type Size } from './shrink';

/** An I420 picture of one colour for each of its halves, left and right, in rows longer than the picture. */
function halves(size: Size, left: [number, number, number], right: [number, number, number]) {
  const padding = 6;
  const chroma = { width: size.width / 2, height: size.height / 2 };
  const planes = [size, chroma, chroma].map((each) => ({ ...each, offset: 0, stride: each.width + padding }));
  let bytes = 0;
  for (const plane of planes) {
    plane.offset = bytes;
    bytes += plane.stride * plane.height;
  }
  const source = new Uint8Array(bytes).fill(77);
  planes.forEach((plane, index) => {
    for (let y = 0; y < plane.height; y += 1) {
      const row = plane.offset + y * plane.stride;
      source.fill(left[index]!, row, row + plane.width / 2);
      source.fill(right[index]!, row + plane.width / 2, row + plane.width);
    }
  });
  return { source, planes };
}

const pixel = (image: Uint8ClampedArray, index: number) => [...image.subarray(index * 4, index * 4 + 4)];
const near = (actual: number[], expected: number[]) => actual.every((value, index) => Math.abs(value - expected[index]!) <= 1);

describe('shrink', () => {
  const from = { width: 64, height: 36 };
  const to = { width: 16, height: 9 };
  const colours: [string, VideoMatrixCoefficients, boolean, [number, number, number], number[]][] = [
    ['black', 'smpte170m', false, [16, 128, 128], [0, 0, 0, 255]],
    ['white', 'smpte170m', false, [235, 128, 128], [255, 255, 255, 255]],
    ['red of BT.601', 'smpte170m', false, [81, 90, 240], [254, 0, 0, 255]],
    ['green of BT.601', 'bt470bg', false, [145, 54, 34], [0, 255, 1, 255]],
    ['red of BT.709', 'bt709', false, [63, 102, 240], [255, 1, 0, 255]],
    ['blue of BT.709', 'bt709', false, [32, 240, 118], [1, 0, 255, 255]],
    ['grey of full range', 'smpte170m', true, [200, 128, 128], [200, 200, 200, 255]],
    ['what is below black', 'smpte170m', false, [0, 128, 128], [0, 0, 0, 255]],
    ['what is above white', 'bt709', false, [255, 128, 128], [255, 255, 255, 255]],
  ];
  it.each(colours)('knows %s', (_, matrix, fullRange, ycbcr, rgba) => {
    const { source, planes } = halves(from, ycbcr, ycbcr);
    const image = shrink(source, planes, from, to, matrixFor({ matrix, fullRange })!);
    expect(image.length).toBe(16 * 9 * 4);
    for (let index = 0; index < 16 * 9; index += 1) expect(near(pixel(image, index), rgba), String(pixel(image, index))).toBe(true);
  });
  it('keeps left and right, and stays inside the rows', () => {
    const { source, planes } = halves(from, [16, 128, 128], [235, 128, 128]);
    const image = shrink(source, planes, from, to, matrixFor({})!);
    for (let y = 0; y < 9; y += 1) {
      expect(pixel(image, y * 16)[0]).toBe(0);
      expect(pixel(image, y * 16 + 7)[0]).toBe(0);
      expect(pixel(image, y * 16 + 8)[0]).toBe(255);
      expect(pixel(image, y * 16 + 15)[0]).toBe(255);
    }
  });
  it('takes the mean of four', () => {
    const planes = [{ offset: 0, stride: 2 }, { offset: 4, stride: 1 }, { offset: 5, stride: 1 }];
    const image = shrink(new Uint8Array([10, 20, 30, 40, 128, 128]), planes, { width: 2, height: 2 }, { width: 1, height: 1 },
      matrixFor({ fullRange: true })!);
    expect(pixel(image, 0)).toEqual([25, 25, 25, 255]);
  });
  it('leaves other colours to the browser', () => {
    expect(matrixFor({ matrix: 'bt2020-ncl' as VideoMatrixCoefficients })).toBeNull();
    expect(matrixFor({ matrix: null })).toBe(matrixFor({ matrix: 'smpte170m', fullRange: false }));
  });
});
