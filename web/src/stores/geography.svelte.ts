// Zones, communities and places: loaded once a session, they rarely change.
import { api } from '../api/client';
import type { MapConfig, PlaceProperties, Places } from '../api/types';
import { settings } from './settings.svelte';

const nothing: Places = { type: 'FeatureCollection', features: [] };

export function placeName(properties: PlaceProperties): string {
  if (typeof properties.name === 'string') return properties.name;
  return properties.name[settings.language] || properties.name.th || properties.id;
}

class Geography {
  zones = $state.raw<Places>(nothing);
  communities = $state.raw<Places>(nothing);
  places = $state.raw<Places>(nothing);
  base = $state.raw<GeoJSON.FeatureCollection>(nothing);
  config = $state.raw<MapConfig | null>(null);
  phase = $state<'loading' | 'ready' | 'failed'>('loading');

  async load(): Promise<void> {
    this.phase = 'loading';
    const answers = await Promise.allSettled([api.zones(), api.communities(), api.places(), api.baseMap(), api.mapConfig()] as const);
    const [zones, communities, places, base, config] = answers;
    if (zones.status === 'fulfilled') this.zones = zones.value;
    if (communities.status === 'fulfilled') this.communities = communities.value;
    if (places.status === 'fulfilled') this.places = places.value;
    if (base.status === 'fulfilled') this.base = base.value;
    if (config.status === 'fulfilled') this.config = config.value;
    this.phase = answers.every((each) => each.status === 'rejected') ? 'failed' : 'ready';
  }
  zoneName(id: string | null | undefined): string {
    return this.name(this.zones, id);
  }
  communityName(id: string | null | undefined): string {
    return this.name(this.communities, id);
  }
  private name(places: Places, id: string | null | undefined): string {
    if (!id) return '';
    const feature = places.features.find((each) => each.properties.id === id);
    return feature ? placeName(feature.properties) : id;
  }
}

export const geography = new Geography();
