// A real hub and real (simulated) cameras for one test file: two processes of the program named by CCOC_BIN,
// a fresh data folder, ports that are free. What they say is kept and shown when something fails.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const webRoot = fileURLToPath(new URL('../dist', import.meta.url));
export const adminPassword = 'correct-horse-battery';

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')));
    });
  });
}

/** Asks `question` until it answers with a value, or fails with `what` after `deadlineMs`. */
export async function until<T>(what: string, question: () => Promise<T | undefined | false | null>, deadlineMs = 30_000): Promise<T> {
  const end = Date.now() + deadlineMs;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const answer = await question();
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited ${deadlineMs} ms for: ${what}${last ? ` (${String(last)})` : ''}`);
}

class Program {
  private readonly process_: ChildProcess;
  private output_ = '';
  private ended_ = false;

  constructor(arguments_: string[], environment: Record<string, string> = {}) {
    const program = process.env.CCOC_BIN;
    if (!program) throw new Error('CCOC_BIN names the ccoc program to test, for example build/release/ccoc');
    this.process_ = spawn(program, arguments_, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (data: Buffer) => { this.output_ = (this.output_ + data.toString()).slice(-8_000); };
    this.process_.stdout?.on('data', keep);
    this.process_.stderr?.on('data', keep);
    this.process_.once('exit', () => { this.ended_ = true; });
    this.process_.once('error', (error) => { this.output_ += String(error); this.ended_ = true; });
  }
  get output(): string {
    return this.output_;
  }
  get ended(): boolean {
    return this.ended_;
  }
  async stop(): Promise<void> {
    if (this.ended_) return;
    const gone = new Promise<void>((resolve) => this.process_.once('exit', () => resolve()));
    this.process_.kill('SIGTERM');
    const last = setTimeout(() => this.process_.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(last);
  }
}

const header = 'id,name_th,name_en,lat,lon,main_url,sub_url,zone,community,heading_deg,fov_deg,range_m,owner_kind,owner_name';

/** `cam01` … in the order of the simulator, standing along Chang Phueak road. */
export function camerasCsv(count: number, cameraPort: number): string {
  const rows = Array.from({ length: count }, (_, index) => {
    const id = `cam${String(index + 1).padStart(2, '0')}`;
    const url = `rtsp://127.0.0.1:${cameraPort}/${id}`;
    return [id, `กล้องทดสอบ ${index + 1}`, `Test camera ${index + 1}`, (18.7965 + index * 0.0015).toFixed(5), '98.98660',
      `${url}/main`, `${url}/sub`, '', '', String((index * 60) % 360), '70', '60', 'public', 'Test'].join(',');
  });
  return [header, ...rows, ''].join('\r\n');
}

export class Hub {
  private constructor(
    readonly url: string, readonly cameraPort: number,
    private readonly hub: Program, private readonly cameras: Program, private readonly folder: string,
  ) {}

  /** `simulate` and `settings`: more arguments of the cameras, more environment of the hub. */
  static async start(cameraCount: number, simulate: string[] = [], settings: Record<string, string> = {}): Promise<Hub> {
    const [httpPort, cameraPort] = [await freePort(), await freePort()];
    const folder = await mkdtemp(join(tmpdir(), 'ccoc-e2e-'));
    const cameras = new Program(['simulate', '--cameras', String(cameraCount), '--port', String(cameraPort), '--sound', String(cameraCount), ...simulate]);
    const hub = new Program(['serve', '--data', folder, '--http', `127.0.0.1:${httpPort}`], {
      CCOC_INGEST__ALLOW_LOOPBACK: 'true',
      CCOC_ADMIN_PASSWORD: adminPassword,
      CCOC_HTTP__WEB_ROOT: webRoot,
      CCOC_RTSP__LISTEN: '127.0.0.1:0',
      ...settings,
    });
    const made = new Hub(`http://127.0.0.1:${httpPort}`, cameraPort, hub, cameras, folder);
    try {
      await until('the hub to be ready', async () => {
        if (hub.ended || cameras.ended) throw new Error('a program ended');
        return (await fetch(`${made.url}/readyz`)).ok;
      }, 90_000);
    } catch (error) {
      const said = made.said();
      await made.stop();
      throw new Error(`${String(error)}\n${said}`);
    }
    return made;
  }

  said(): string {
    return `--- hub ---\n${this.hub.output}\n--- cameras ---\n${this.cameras.output}`;
  }

  /** As the administrator, beside the browser. */
  async api(): Promise<(method: string, path: string, body?: string, type?: string) => Promise<Response>> {
    const login = await fetch(`${this.url}/api/v1/session`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: 'admin', password: adminPassword }),
    });
    if (!login.ok) throw new Error(`log-in answered ${login.status}: ${await login.text()}`);
    const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const { csrf_token: csrf } = (await login.json()) as { csrf_token: string };
    return (method, path, body, type = 'application/json') => fetch(`${this.url}/api/v1${path}`, {
      method, body, headers: { Cookie: cookie, 'X-CSRF-Token': csrf, ...(body ? { 'Content-Type': type } : {}) },
    });
  }

  async stop(): Promise<void> {
    await this.hub.stop();
    await this.cameras.stop();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
