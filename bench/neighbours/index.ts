/** Starts the neighbours of a measured process, and tells them what to be like. */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { responseOf } from '../processes.ts';
import type { Asked, Order } from './server.ts';
import type { Item } from './table.ts';

export interface Neighbours {
  url: string;
  /** Resolves to how often each was asked since the order before. */
  be(order: Order): Promise<Asked>;
  close(): void;
}

/** `sample`: the item of a watched running job, of which the table holds as many copies as it is told to. */
export async function startNeighbours(sample: Item): Promise<Neighbours> {
  const child = fork(fileURLToPath(new URL('server.ts', import.meta.url)), [JSON.stringify(sample)]);
  const { url } = await responseOf<{ url: string }>(child);
  return {
    url,
    async be(order) {
      child.send(order);
      return (await responseOf<{ asked: Asked }>(child)).asked;
    },
    close: () => child.disconnect(),
  };
}
