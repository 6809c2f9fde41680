// The look of the map. There is no glyph server: names are page elements, in the page's own font.
import type { StyleSpecification } from 'maplibre-gl';

export const stateColours = { live: '#46d18f', connecting: '#8fb4d9', offline: '#ff7a73', disabled: '#8491a0' } as const;

const none: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] };
const source = () => ({ type: 'geojson' as const, data: none });

const byState = ['match', ['get', 'state'],
  'live', stateColours.live, 'offline', stateColours.offline, 'disabled', stateColours.disabled, stateColours.connecting] as unknown as string;
const zoneColour = ['coalesce', ['get', 'color'], '#6bb5ff'] as unknown as string;

export function mapStyle(): StyleSpecification {
  return {
    version: 8,
    sources: { base: source(), zones: source(), communities: source(), wedges: source(), cameras: source(), places: source() },
    layers: [
      { id: 'ground', type: 'background', paint: { 'background-color': '#0d131a' } },
      { id: 'area', type: 'fill', source: 'base', filter: ['all', ['==', ['geometry-type'], 'Polygon'], ['!=', ['get', 'kind'], 'water']], paint: { 'fill-color': '#141d26' } },
      { id: 'water', type: 'fill', source: 'base', filter: ['all', ['==', ['get', 'kind'], 'water'], ['==', ['geometry-type'], 'Polygon']], paint: { 'fill-color': '#16324a' } },
      { id: 'waterline', type: 'line', source: 'base', filter: ['all', ['==', ['get', 'kind'], 'water'], ['==', ['geometry-type'], 'LineString']], paint: { 'line-color': '#1b4364', 'line-width': ['interpolate', ['linear'], ['zoom'], 13, 3, 17, 14] } },
      { id: 'street-edge', type: 'line', source: 'base', filter: ['all', ['==', ['geometry-type'], 'LineString'], ['!=', ['get', 'kind'], 'water']], layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': '#0a0f14', 'line-width': ['interpolate', ['exponential', 1.6], ['zoom'], 12, 2.5, 18, 19] } },
      { id: 'street', type: 'line', source: 'base', filter: ['all', ['==', ['geometry-type'], 'LineString'], ['!=', ['get', 'kind'], 'water']], layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': '#33414f', 'line-width': ['interpolate', ['exponential', 1.6], ['zoom'], 12, 1.4, 18, 15] } },
      { id: 'communities', type: 'line', source: 'communities', paint: { 'line-color': '#93a4b5', 'line-width': 1, 'line-dasharray': [2, 3], 'line-opacity': 0.7 } },
      { id: 'zones-fill', type: 'fill', source: 'zones', paint: { 'fill-color': zoneColour, 'fill-opacity': 0.09 } },
      { id: 'zones', type: 'line', source: 'zones', paint: { 'line-color': zoneColour, 'line-width': 1.8, 'line-opacity': 0.85 } },
      { id: 'places', type: 'circle', source: 'places', paint: { 'circle-radius': 3, 'circle-color': '#b3bfca', 'circle-stroke-color': '#0d131a', 'circle-stroke-width': 1 } },
      { id: 'wedges', type: 'fill', source: 'wedges', paint: { 'fill-color': byState, 'fill-opacity': ['case', ['get', 'selected'], 0.5, 0.2] } },
      {
        id: 'cameras', type: 'circle', source: 'cameras',
        paint: {
          'circle-color': byState,
          'circle-radius': ['interpolate', ['linear'], ['zoom'], 13, ['case', ['get', 'selected'], 7, 4.5], 17, ['case', ['get', 'selected'], 11, 8]],
          'circle-stroke-color': ['case', ['get', 'selected'], '#ffffff', '#06090d'],
          'circle-stroke-width': ['case', ['get', 'selected'], 2.5, 1.5],
        },
      },
    ],
  };
}
