/**
 * A server that is far away: a proxy in front of it, over which everything takes half a round trip in each direction.
 * A handshake of TLS and a request cost what they cost over such a distance.
 */

import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves to the port that stands for `port` at this distance, in milliseconds per round trip. */
export function startDistance(port: number, roundTripMs: number): Promise<number> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    // The kernel accepts a connection at once. A client speaks first, so its first bytes wait for that handshake.
    carry(near, far, Math.ceil(roundTripMs / 2), performance.now() + roundTripMs);
    carry(far, near, Math.floor(roundTripMs / 2));
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** Carries everything in its order, each piece so many milliseconds late. */
function carry(from: Socket, to: Socket, ms: number, notBefore = 0): void {
  let last = Promise.resolve();
  const late = (deliver: () => unknown) => {
    const at = Math.max(performance.now(), notBefore) + ms;
    last = last.then(() => sleep(Math.max(at - performance.now(), 0))).then(() => void deliver());
  };
  from.on('data', (bytes) => late(() => to.writable && to.write(bytes)));
  from.on('end', () => late(() => to.end()));
  from.on('error', () => to.destroy());
}
