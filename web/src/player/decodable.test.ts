import { describe, expect, it } from 'vitest';
import { findDecodable, playableByMse } from './decodable';

describe('what a browser can decode', () => {
  it('is asked for by family', async () => {
    const asked: string[] = [];
    const families = await findDecodable({
      isConfigSupported: async ({ codec }) => {
        asked.push(codec);
        return { supported: codec.startsWith('avc1') };
      },
    });
    expect(families).toEqual(['avc1', 'mp4v']);
    expect(asked.length).toBe(2);
  });
  it('leaves out what the browser refuses to think about', async () => {
    const families = await findDecodable({
      isConfigSupported: async ({ codec }) => {
        if (codec.startsWith('hvc1')) throw new TypeError('unknown');
        return { supported: true };
      },
    });
    expect(families).toEqual(['avc1', 'mp4v']);
  });
  it('is not known without WebCodecs', async () => {
    expect(await findDecodable(undefined)).toBeUndefined();
  });

  it('is asked of MP4 where a <video> must play it', () => {
    expect(playableByMse({ isTypeSupported: (type) => type.includes('avc1') })).toEqual(['avc1']);
    expect(playableByMse(undefined)).toBeUndefined();
  });
});
