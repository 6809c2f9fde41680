// HTTP to the hub. Every failure is an ApiError that carries the problem document,
// so that a screen can show a sentence and the fields it concerns.
import type {
  Camera, CameraPatch, CameraStatus, CameraTimeline, FieldError, Forecast, ImportReport, MapConfig, NewCamera, Page, Places,
  ProbeResult, Problem, Session, Status, StreamRole,
} from './types';

const root = '/api/v1';
let csrfToken = '';
let onUnauthorized: () => void = () => {};

export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;
  /** Seconds to wait before another try, from Retry-After; 0 where the hub said nothing. */
  readonly retryAfter: number;
  constructor(problem: Problem, retryAfter = 0) {
    super(problem.detail ?? problem.title ?? `HTTP ${problem.status}`);
    this.status = problem.status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
  get fields(): FieldError[] {
    return this.problem.errors ?? [];
  }
}

/** Called once per answer that says the session is gone. */
export function whenUnauthorized(handler: () => void): void {
  onUnauthorized = handler;
}

async function readProblem(response: Response): Promise<Problem> {
  try {
    const body = (await response.json()) as Partial<Problem>;
    return { ...body, status: response.status };
  } catch {
    return { status: response.status, title: response.statusText };
  }
}

async function send(
  method: string, path: string, body?: unknown, type = 'application/json', cache: RequestCache = 'no-store',
): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (method !== 'GET' && method !== 'HEAD' && csrfToken) headers['X-CSRF-Token'] = csrfToken;
  if (body !== undefined) headers['Content-Type'] = type;
  let response: Response;
  try {
    response = await fetch(root + path, {
      method,
      headers,
      body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
      credentials: 'same-origin',
      cache,
    });
  } catch {
    throw new ApiError({ status: 0, title: 'hub unreachable' });
  }
  if (!response.ok) {
    if (response.status === 401 && !path.startsWith('/session')) onUnauthorized();
    throw new ApiError(await readProblem(response), Number(response.headers.get('Retry-After') ?? 0) || 0);
  }
  return response;
}

async function json<T>(method: string, path: string, body?: unknown, type?: string): Promise<T> {
  const response = await send(method, path, body, type);
  return (await response.json()) as T;
}

function query(values: Record<string, string | number | boolean | undefined>): string {
  const pairs = Object.entries(values).filter(([, value]) => value !== undefined);
  return pairs.length ? '?' + pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join('&') : '';
}

const cameraPath = (id: string) => `/cameras/${encodeURIComponent(id)}`;

function keep(session: Session): Session {
  csrfToken = session.csrf_token;
  return session;
}

export const api = {
  session: async () => keep(await json<Session>('GET', '/session')),
  logIn: async (username: string, password: string) => keep(await json<Session>('POST', '/session', { username, password })),
  logOut: async () => {
    await send('DELETE', '/session');
    csrfToken = '';
  },
  changePassword: async (current: string, next: string) => {
    await send('POST', '/session/password', { current, new: next });
  },

  /** Every camera, page by page. */
  cameras: async (): Promise<Camera[]> => {
    const all: Camera[] = [];
    let cursor: string | undefined;
    do {
      const page: Page<Camera> = await json('GET', '/cameras' + query({ limit: 500, cursor }));
      all.push(...page.items);
      cursor = page.next ?? undefined;
    } while (cursor);
    return all;
  },
  camera: (id: string) => json<Camera>('GET', cameraPath(id)),
  addCamera: (camera: NewCamera) => json<Camera>('POST', '/cameras', camera),
  changeCamera: (id: string, camera: CameraPatch) => json<Camera>('PATCH', cameraPath(id), camera),
  deleteCamera: async (id: string) => {
    await send('DELETE', cameraPath(id));
  },
  cameraStatus: (id: string) => json<CameraStatus>('GET', cameraPath(id) + '/status'),
  probe: (url: string, username?: string, password?: string) =>
    json<ProbeResult>('POST', '/cameras/probe', { url, username, password }),
  importCameras: (csv: Blob, dryRun: boolean) =>
    json<ImportReport>('POST', '/cameras/import' + query({ dry_run: dryRun }), csv, 'text/csv'),

  status: () => json<Status>('GET', '/status'),
  forecast: () => json<Forecast>('GET', '/archive/forecast'),
  timeline: async (camera: string, from: Date, to: Date, buckets: number): Promise<CameraTimeline> => {
    const answer = await json<{ items: CameraTimeline[] }>(
      'GET', '/timeline' + query({ cameras: camera, from: from.toISOString(), to: to.toISOString(), buckets }),
    );
    return answer.items[0] ?? { camera, spans: [], gaps: [], activity: [] };
  },
  zones: () => json<Places>('GET', '/zones'),
  communities: () => json<Places>('GET', '/communities'),
  places: () => json<Places>('GET', '/places'),
  mapConfig: () => json<MapConfig>('GET', '/map/config'),
  baseMap: () => json<GeoJSON.FeatureCollection>('GET', '/map/base.geojson'),

  snapshot: async (id: string, at?: Date): Promise<Blob> => {
    const response = await send('GET', cameraPath(id) + '/snapshot.jpg' + query({ at: at?.toISOString() }));
    return response.blob();
  },
  /** One picture of a stream, and when it was taken (µs since 1970; 0: not told). `at`: null for now. */
  picture: async (id: string, stream: StreamRole, at: Date | null, width: number): Promise<{ captureUs: number; image: Blob }> => {
    const response = await send('GET', cameraPath(id) + '/snapshot.jpg' + query({ stream, at: at?.toISOString(), width }));
    return { captureUs: (Date.parse(response.headers.get('X-Capture-Time') ?? '') || 0) * 1000, image: await response.blob() };
  },
  /** Which time a download of the range will cover; null where nothing was recorded. */
  coverage: async (id: string, from: Date, to: Date): Promise<Coverage | null> => {
    try {
      const response = await send('HEAD', recordingUrl(id, from, to).slice(root.length));
      return readCoverage(response.headers);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  },
  /** Kept by the browser: many ask for the same. */
  thumbnail: async (id: string, at: Date, width: number): Promise<Blob> => {
    const response = await send('GET', cameraPath(id) + '/thumbnail.jpg' + query({ at: at.toISOString(), width }), undefined, undefined, 'default');
    return response.blob();
  },
};

export interface Coverage {
  spans: { from: Date; to: Date }[];
  /** Of the range asked for. */
  missingSeconds: number;
}

export function readCoverage(headers: Pick<Headers, 'get'>): Coverage {
  const spans = (headers.get('X-Footage') ?? '').split(',').map((span) => {
    const [from = '', to = ''] = span.trim().split('/');
    return { from: new Date(from), to: new Date(to) };
  });
  return { spans: spans.filter(({ from, to }) => to > from), missingSeconds: Number(headers.get('X-Missing-Seconds') ?? 0) || 0 };
}

export function recordingUrl(id: string, from: Date, to: Date): string {
  return root + cameraPath(id) + '/recording.mp4' +
    query({ from: from.toISOString(), to: to.toISOString(), stream: 'main' });
}

export function socketUrl(path: string): string {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return `${scheme}//${location.host}${root}${path}`;
}
