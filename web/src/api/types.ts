// Names for the shapes of the HTTP API. They come from docs/openapi.yaml (`npm run types`); what stands here
// beside them is what the document leaves open.
import type { components } from './schema';

type Schemas = components['schemas'];

export type Right = Schemas['RightName'];
export type Text = Schemas['Text'];
export type Session = Schemas['Session'];
export type User = Session['user'];
export type StreamRole = Schemas['StreamRole'];
export type Camera = Schemas['Camera'];
export type CameraStream = Schemas['CameraStream'];
export type NewCamera = Schemas['NewCamera'];
export type CameraPatch = Schemas['CameraPatch'];
export type CameraState = Schemas['StreamState'];
export type StreamStatus = Schemas['StreamStatus'];
export type PictureHealth = Schemas['PictureStatus'];
export type CameraStatus = Schemas['CameraStatus'];
export type Status = Schemas['Status'];
export type Forecast = Schemas['Forecast'];
export type FieldError = Schemas['FieldError'];
export type Problem = Partial<Schemas['Problem']> & { status: number };
export type ImportReport = Schemas['ImportReport'];
export type ImportRow = ImportReport['rows'][number];
export type ProbeResult = Schemas['Probe'];
export type Interval = Schemas['Span'];
export type CameraTimeline = Schemas['Timeline'];
export type Gap = CameraTimeline['gaps'][number];
export type HubEvent = Schemas['Event'];

export interface Page<T> { items: T[]; next?: string | null }

export interface MapConfig {
  center: [number, number];
  zoom: number;
  /** West, south, east, north. */
  bounds: [number, number, number, number];
  attribution: string;
}
export interface PlaceProperties {
  id: string; name: Text | string; kind?: string; approximate?: boolean; color?: string;
}
export type Places = GeoJSON.FeatureCollection<GeoJSON.Geometry, PlaceProperties>;
