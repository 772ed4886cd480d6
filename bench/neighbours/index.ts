/** Starts the neighbours of a measured process and configures them. */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { responseOf } from '../processes.ts';
import type { Asked, Distant, Order, Service, Start } from './server.ts';
import type { Item } from './table.ts';

export interface Neighbours {
  urls: Record<Service, string>;
  /** Resolves to the number of calls of each operation since the previous order. */
  be(order: Order): Promise<Asked>;
  close(): void;
}

/** `sample` is the item of a watched running job. The table holds as many copies as an order says. */
export async function startNeighbours(sample: Item, distant?: Distant): Promise<Neighbours> {
  const start = JSON.stringify({ sample, distant } satisfies Start);
  const child = fork(fileURLToPath(new URL('server.ts', import.meta.url)), [start]);
  const { urls } = await responseOf<Pick<Neighbours, 'urls'>>(child);
  return {
    urls,
    async be(order) {
      child.send(order);
      return (await responseOf<{ asked: Asked }>(child)).asked;
    },
    close: () => child.disconnect(),
  };
}
