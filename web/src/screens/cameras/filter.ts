// Finding a camera by what a person types.
import type { Camera, CameraState } from '../../api/types';

/** Every word must stand somewhere in the id, a name, the owner, or the notes. */
export function matches(camera: Camera, search: string): boolean {
  const words = search.toLocaleLowerCase('th').split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = [camera.id, camera.name.th, camera.name.en, camera.owner.name, camera.notes].join('\n').toLocaleLowerCase('th');
  return words.every((word) => text.includes(word));
}

export interface Filter { search: string; zone: string; state: CameraState | '' }

export function filterCameras(all: readonly Camera[], filter: Filter, stateOf: (id: string) => CameraState): Camera[] {
  return all.filter((camera) =>
    matches(camera, filter.search) &&
    (!filter.zone || camera.zone === filter.zone) &&
    (!filter.state || stateOf(camera.id) === filter.state));
}
