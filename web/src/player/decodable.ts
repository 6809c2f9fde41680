// What this browser can decode, told to the hub with each subscription, so that it sends nothing that cannot be shown.

/** A codec string of each family, at the level of a camera of today. */
const samples: Record<string, string> = { avc1: 'avc1.640028', hvc1: 'hvc1.1.6.L123.B0' };

export interface DecoderProbe { isConfigSupported(config: { codec: string }): Promise<{ supported?: boolean }> }

/**
 * The families that the prober takes, and Motion JPEG, which needs no decoder where there is one for the rest. Undefined
 * where there is no prober: then it is not known, and everything comes as it is.
 */
export async function findDecodable(probe: DecoderProbe | undefined): Promise<string[] | undefined> {
  if (!probe) return undefined;
  const found: string[] = ['mp4v'];
  for (const [family, codec] of Object.entries(samples)) {
    try {
      if ((await probe.isConfigSupported({ codec })).supported) found.push(family);
    } catch {
      // A browser that does not even know the name.
    }
  }
  return found.sort();
}

let known: string[] | undefined;
/** Asked once, when the page loads. */
export const decodableKnown: Promise<void> = findDecodable(globalThis.VideoDecoder).then((families) => { known = families; });
export function decodable(): string[] | undefined {
  return known;
}

/** The families that a <video> takes in MP4; undefined where nothing can be asked. Motion JPEG is none of them. */
export function playableByMse(
  source: Pick<typeof MediaSource, 'isTypeSupported'> | undefined = globalThis.MediaSource ??
    (globalThis as { ManagedMediaSource?: typeof MediaSource }).ManagedMediaSource,
): string[] | undefined {
  if (!source) return undefined;
  return Object.entries(samples).filter(([, codec]) => source.isTypeSupported(`video/mp4; codecs="${codec}"`)).map(([family]) => family).sort();
}
