// WHIP and WHEP with a WebRTC peer that this project did not write: Chromium pushes a canvas to the hub, and watches what
// the hub makes of it.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newPage, startBrowser } from './browser';
import { Hub, until } from './hub';

interface Session { status: number; location: string; problem: string }
interface Received { state: string; decoded: number; keys: number; width: number; time: number; heard: number; apart: number }

let hub: Hub;
let browser: Browser;
let page: Page;
let api: Awaited<ReturnType<Hub['api']>>;
const keys: Record<string, string> = {};

async function keyWith(right: string): Promise<string> {
  const answer = await api('POST', '/keys', JSON.stringify({ name: right, rights: [right] }));
  return ((await answer.json()) as { bearer: string }).bearer;
}

/** A peer in the page, under `name`; pushes a canvas or watches. */
async function connect(name: string, path: string, key: string, way: 'push' | 'watch'): Promise<Session> {
  return page.evaluate(async ([name_, path_, key_, way_]) => {
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    (window as unknown as Record<string, unknown>)[name_] = peer;
    if (way_ === 'push') {
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [640, 360];
      const pen = canvas.getContext('2d')!;
      let count = 0;
      setInterval(() => { pen.fillStyle = `hsl(${count++ % 360} 80% 50%)`; pen.fillRect(0, 0, 640, 360); }, 40);
      const sender = peer.addTransceiver(canvas.captureStream(25).getVideoTracks()[0]!, { direction: 'sendonly' });
      sender.setCodecPreferences(RTCRtpSender.getCapabilities('video')!.codecs.filter((codec) => codec.mimeType === 'video/H264'));
    } else {
      peer.addTransceiver('video', { direction: 'recvonly' });
      peer.addTransceiver('audio', { direction: 'recvonly' });
      const stream = new MediaStream();
      peer.ontrack = ({ track }) => {
        stream.addTrack(track);
        if (track.kind !== 'video') return;
        const video = Object.assign(document.createElement('video'), { muted: true, autoplay: true, srcObject: stream });
        document.body.append(video);
        void video.play();
        (window as unknown as Record<string, unknown>)[`${name_}Video`] = video;
      };
    }
    await peer.setLocalDescription();
    const answer = await fetch(`/api/v1${path_}`, {
      method: 'POST', body: peer.localDescription!.sdp, headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${key_}` },
    });
    const text = await answer.text();
    if (answer.status === 201) await peer.setRemoteDescription({ type: 'answer', sdp: text });
    return { status: answer.status, location: answer.headers.get('Location') ?? '', problem: answer.status === 201 ? '' : text };
  }, [name, path, key, way] as const);
}

async function received(name: string): Promise<Received> {
  return page.evaluate(async (name_) => {
    const all = window as unknown as Record<string, unknown>;
    const peer = all[name_] as RTCPeerConnection;
    const video = all[`${name_}Video`] as HTMLVideoElement | undefined;
    const out = { state: peer.connectionState as string, decoded: 0, keys: 0, width: video?.videoWidth ?? 0, time: video?.currentTime ?? 0, heard: 0, apart: Infinity };
    const playedOut: number[] = [];
    (await peer.getStats()).forEach((report: Record<string, unknown>) => {
      if (report.type !== 'inbound-rtp') return;
      playedOut.push(Number(report.estimatedPlayoutTimestamp));
      if (report.kind === 'audio') out.heard = Number(report.totalSamplesReceived) - Number(report.concealedSamples);
      if (report.kind !== 'video') return;
      out.decoded = Number(report.framesDecoded);
      out.keys = Number(report.keyFramesDecoded);
    });
    if (playedOut.length === 2) out.apart = Math.abs(playedOut[0]! - playedOut[1]!);
    return out;
  }, name);
}

const status = async () => (await (await api('GET', '/cameras/drone/status')).json()) as { state: string; streams: Record<string, unknown>[] };

beforeAll(async () => {
  hub = await Hub.start(1);
  api = await hub.api();
  keys.send = await keyWith('live.send');
  keys.view = await keyWith('live.view');
  const made = await api('POST', '/cameras', JSON.stringify({
    id: 'drone', name: { th: 'โดรน', en: 'Drone' }, location: { lat: 18.8, lon: 98.98 }, streams: [{ role: 'main', url: 'whip:' }],
  }));
  expect(made.status, await made.text()).toBe(201);
  browser = await startBrowser();
  ({ page } = await newPage(browser));
  await page.goto(hub.url);
}, 180_000);

afterAll(async () => {
  await browser?.close();
  await hub?.stop();
});

describe('WebRTC', () => {
  it('takes what a browser pushes, and shows it to a browser', async () => {
    await until('the hub to wait', async () => String((await status()).streams[0]?.last_error).includes('nobody sends'));
    const push = await connect('pusher', '/cameras/drone/whip', keys.send!, 'push');
    expect(push.status, push.problem).toBe(201);
    await until('the drone to be live', async () => (await status()).state === 'live', 60_000);
    const stream = (await status()).streams[0]!;
    expect(stream.transport).toBe('whip');
    expect(stream.codec).toMatch(/^avc1\./);

    const second = await connect('second', '/cameras/drone/whip', keys.send!, 'push');
    expect(second.status).toBe(409);
    const forbidden = await connect('forbidden', '/cameras/drone/whep', keys.send!, 'watch');
    expect(forbidden.status).toBe(403);

    const watch = await connect('watcher', '/cameras/drone/whep', keys.view!, 'watch');
    expect(watch.status, watch.problem).toBe(201);
    await until('two key frames and fifty pictures', async () => {
      const got = await received('watcher');
      return got.state === 'connected' && got.decoded > 50 && got.keys >= 2 && got.width === 640 && got.time > 0;
    }, 60_000);
    const ended = await page.evaluate(async ([location, key]) =>
      (await fetch(location, { method: 'DELETE', headers: { Authorization: `Bearer ${key}` } })).status, [push.location, keys.send!] as const);
    expect(ended).toBe(200);
    await until('the drone to be offline', async () => (await status()).state === 'offline');
  }, 180_000);

  it('shows a browser an ordinary camera, and lets it be heard', async () => {
    const csv = 'id,name_th,name_en,lat,lon,main_url\r\n' +
      `cam01,กล้อง,Camera,18.80,98.98,rtsp://127.0.0.1:${hub.cameraPort}/cam01/main\r\n`;
    expect((await api('POST', '/cameras/import', csv, 'text/csv')).status).toBe(200);
    await until('a picture', async () => (await api('GET', '/cameras/cam01/snapshot.jpg')).status === 200, 60_000);
    const watch = await connect('camera', '/cameras/cam01/whep', keys.view!, 'watch');
    expect(watch.status, watch.problem).toBe(201);
    await until('pictures', async () => (await received('camera')).decoded > 30, 60_000);
    await until('two seconds of sound', async () => (await received('camera')).heard > 16_000, 60_000);
    // What is seen and heard at one moment was captured at one moment, as the sender reports tell (ms).
    await until('sound and pictures together', async () => (await received('camera')).apart < 300, 60_000);
  }, 180_000);
});
