import { describe, expect, it, vi } from 'vitest';
import type { Unit } from './header';
import { chooseRenderer, type RendererEvents } from './renderer';
import { SnapshotRenderer } from './snapshot-renderer';

const unit = (captureUs: number, more: Partial<Unit> = {}): Unit => ({
  id: 1, sequence: 0, captureUs, mediaTime: 0, key: false, discontinuity: false, init: false, skipped: false, audio: false, preroll: false,
  payload: new Uint8Array(0), ...more,
} as Unit);
const settled = () => new Promise((resolve) => setTimeout(resolve));

describe('chooseRenderer', () => {
  it('fault V1: falls back to MSE without VideoDecoder, and to single pictures without either', () => {
    const there = () => {};
    expect(chooseRenderer({ VideoDecoder: there, MediaSource: there })).toBe('webcodecs');
    expect(chooseRenderer({ MediaSource: there })).toBe('mse');
    expect(chooseRenderer({ ManagedMediaSource: there })).toBe('mse');
    expect(chooseRenderer({})).toBe('snapshots');
  });
});

describe('SnapshotRenderer', () => {
  function made(live: boolean) {
    let nowMs = 0;
    const events: RendererEvents = { frame: vi.fn(), failed: vi.fn(), unsupported: vi.fn() };
    const fetch = vi.fn(async (at: Date | null) => ({ captureUs: at ? at.getTime() * 1000 : 7_000_000, image: new Blob() }));
    const renderer = new SnapshotRenderer(fetch, async () => ({ width: 640, height: 360 }), events, () => live, () => nowMs);
    return { renderer, events, fetch, pass: (ms: number) => { nowMs += ms; } };
  }
  it('asks for one picture a second while units come', async () => {
    const { renderer, events, fetch, pass } = made(true);
    renderer.unit(unit(1_000_000));
    renderer.unit(unit(1_040_000));
    await settled();
    renderer.unit(unit(1_080_000));
    expect(fetch).toHaveBeenCalledTimes(1);
    expect(fetch.mock.calls[0]![0]).toBeNull();
    expect(events.frame).toHaveBeenCalledWith(7_000_000, 640, 360);
    pass(1_000);
    renderer.unit(unit(2_000_000));
    expect(fetch).toHaveBeenCalledTimes(2);
  });
  it('shows the moment that is played, not what lies before it', async () => {
    const { renderer, events, fetch } = made(false);
    renderer.unit(unit(1_000_000, { preroll: true }));
    expect(fetch).not.toHaveBeenCalled();
    renderer.unit(unit(2_000_000));
    await settled();
    expect(events.frame).toHaveBeenCalledWith(2_000_000, 640, 360);
  });
  it('does not draw what was asked for before a seek, and asks for the new moment at once', async () => {
    const { renderer, events, fetch } = made(false);
    renderer.unit(unit(1_000_000));
    renderer.reset();
    await settled();
    expect(events.frame).not.toHaveBeenCalled();
    renderer.unit(unit(9_000_000));
    expect(fetch).toHaveBeenCalledTimes(2);
  });
  it('says so when none comes', async () => {
    const { renderer, events, fetch, pass } = made(true);
    fetch.mockRejectedValue(new Error('no decoder'));
    for (let tries = 0; tries < 5; tries += 1) {
      renderer.unit(unit(1_000_000));
      await settled();
      pass(1_000);
    }
    expect(events.failed).toHaveBeenCalledWith('no decoder');
  });
});
