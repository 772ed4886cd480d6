/** The boundary around a worker: every call that leaves it crosses here, where a test can count, delay, fail or stop it. */

import type { HttpRequest } from '../../lib/platform/http.ts';
import type { Store } from '../../lib/table/store.ts';

/** What a boundary may want to know about a call. */
export interface CrossingDetails {
  request?: HttpRequest;
  /** How long the worker waits for the response. */
  timeoutMs?: number;
  /** The number of items that the table is asked for. */
  keys?: number;
}

/** One call that leaves a worker. `name` is `token`, `api`, `slack`, `fifo`, `topic`, `store.save`, and so on. */
export type Cross = <Result>(name: string, call: () => Promise<Result>, details?: CrossingDetails) => Promise<Result>;

/** Nothing goes wrong. */
export const direct: Cross = (_, call) => call();

/** The store with every call through the boundary; each page of a list is one crossing. */
export function crossing(store: Store, cross: Cross): Store {
  async function* pages<Page>(name: string, list: AsyncIterable<Page>): AsyncGenerator<Page> {
    const iterator = list[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await cross(name, () => iterator.next());
      if (done) return;
      yield value;
    }
  }
  return {
    get: (job) => cross('store.get', () => store.get(job), { keys: 1 }),
    save: (next, known, options) => cross('store.save', () => store.save(next, known, options)),
    saveDelivery: (job, key, delivery, known) =>
      cross('store.saveDelivery', () => store.saveDelivery(job, key, delivery, known)),
    setAmbiguous: (job, key, since) => cross('store.setAmbiguous', () => store.setAmbiguous(job, key, since)),
    due: (until, after) => pages('store.due', store.due(until, after)),
    dead: () => pages('store.dead', store.dead()),
    readMarks: (keys) => cross('store.readMarks', () => store.readMarks(keys), { keys: keys.length }),
    getWithMarks: (job, keys) =>
      cross('store.getWithMarks', () => store.getWithMarks(job, keys), { keys: keys.length + 1 }),
    writeMark: (key, mark, options) => cross('store.writeMark', () => store.writeMark(key, mark, options)),
    claim: (key, times) => cross('store.claim', () => store.claim(key, times)),
    claimTime: (key, time) => cross('store.claimTime', () => store.claimTime(key, time)),
    getAll: (jobs) => cross('store.getAll', () => store.getAll(jobs), { keys: jobs.length }),
    known: (jobs) => cross('store.known', () => store.known(jobs), { keys: jobs.length }),
    removeMark: (key) => cross('store.removeMark', () => store.removeMark(key)),
  };
}

/** Whether no job is watched and no delivery is due, now or later. */
export async function isWorkListEmpty(store: Store): Promise<boolean> {
  for await (const page of store.due(Number.MAX_SAFE_INTEGER)) if (page.length > 0) return false;
  return true;
}
