// The thread that decodes, away from the page. Where there is no VideoDecoder in it the page decodes itself.
import { DecodeHost, type DecodeRequest } from './decode-host';
import { rendererKind } from './renderer';

if (rendererKind !== 'webcodecs') throw new Error('no VideoDecoder in workers');
const host = new DecodeHost((answer, transfer) => postMessage(answer, { transfer }));
addEventListener('message', (event: MessageEvent<DecodeRequest>) => host.request(event.data));
