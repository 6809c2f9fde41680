// What a camera sees, as a polygon on the map: a sector of a circle from heading, field of view and range.
import type { Camera } from '../../api/types';

const metresPerDegree = 111_320;
const defaultFovDeg = 70;
const defaultRangeM = 45;

/** Null where the heading is unknown: a wedge would claim what nobody said. */
export function wedge(location: NonNullable<Camera['location']>): GeoJSON.Polygon | null {
  const { lat, lon, heading_deg: heading } = location;
  if (heading === null || heading === undefined) return null;
  const fov = Math.min(location.fov_deg ?? defaultFovDeg, 360);
  const range = location.range_m ?? defaultRangeM;
  const longitudeScale = metresPerDegree * Math.cos((lat * Math.PI) / 180);
  const point = (bearing: number): [number, number] => {
    const angle = (bearing * Math.PI) / 180;
    return [lon + (Math.sin(angle) * range) / longitudeScale, lat + (Math.cos(angle) * range) / metresPerDegree];
  };
  const steps = Math.max(4, Math.ceil(fov / 8));
  const arc = Array.from({ length: steps + 1 }, (_, index) => point(heading - fov / 2 + (fov * index) / steps));
  return { type: 'Polygon', coordinates: [[[lon, lat], ...arc, [lon, lat]]] };
}

export interface CameraFeatures {
  points: GeoJSON.FeatureCollection<GeoJSON.Point, { id: string; state: string; selected: boolean }>;
  wedges: GeoJSON.FeatureCollection<GeoJSON.Polygon, { id: string; state: string; selected: boolean }>;
}

export function cameraFeatures(cameras: readonly Camera[], stateOf: (id: string) => string, selected: string | null): CameraFeatures {
  const points: CameraFeatures['points'] = { type: 'FeatureCollection', features: [] };
  const wedges: CameraFeatures['wedges'] = { type: 'FeatureCollection', features: [] };
  for (const camera of cameras) {
    if (!camera.location) continue;
    const properties = { id: camera.id, state: stateOf(camera.id), selected: camera.id === selected };
    points.features.push({ type: 'Feature', properties, geometry: { type: 'Point', coordinates: [camera.location.lon, camera.location.lat] } });
    const sector = wedge(camera.location);
    if (sector) wedges.features.push({ type: 'Feature', properties, geometry: sector });
  }
  return { points, wedges };
}

function positions(geometry: GeoJSON.Geometry): number[][] {
  const points: number[][] = [];
  const collect = (value: unknown): void => {
    if (!Array.isArray(value)) return;
    if (typeof value[0] === 'number') points.push(value as number[]);
    else value.forEach(collect);
  };
  if ('coordinates' in geometry) collect(geometry.coordinates);
  return points;
}

/** West, south, east, north of all outlines and cameras, or null where there are none. */
export function extent(outlines: readonly GeoJSON.Feature[], cameras: readonly Camera[]): [number, number, number, number] | null {
  const points = [
    ...outlines.flatMap((feature) => positions(feature.geometry)),
    ...cameras.flatMap((camera) => (camera.location ? [[camera.location.lon, camera.location.lat]] : [])),
  ];
  if (points.length === 0) return null;
  const [xs, ys] = [points.map((point) => point[0]!), points.map((point) => point[1]!)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** Where a label stands: the middle of the bounds, or of their northern edge. Good enough for zones and communities. */
export function anchor(geometry: GeoJSON.Geometry, north = false): [number, number] | null {
  if (geometry.type === 'Point') return [geometry.coordinates[0]!, geometry.coordinates[1]!];
  const points = positions(geometry);
  if (points.length === 0) return null;
  if (geometry.type === 'LineString') {
    const middle = points[Math.floor(points.length / 2)]!;
    const before = points[Math.floor(points.length / 2) - 1] ?? middle;
    return [(middle[0]! + before[0]!) / 2, (middle[1]! + before[1]!) / 2];
  }
  const [xs, ys] = [points.map((point) => point[0]!), points.map((point) => point[1]!)];
  const top = Math.max(...ys);
  return [(Math.min(...xs) + Math.max(...xs)) / 2, north ? top : (Math.min(...ys) + top) / 2];
}
