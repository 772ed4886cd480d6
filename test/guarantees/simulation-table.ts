/** The table of a simulation. The ledger records each state and each receipt that is written to it. */

import { isDeepStrictEqual } from 'node:util';
import {
  type DueEntry,
  type Exceeded,
  type JobRecord,
  jobKey,
  type Outcome,
  type TimeLimit,
} from '../../lib/domain/job.ts';
import { splitKey } from '../../lib/domain/outbox.ts';
import type { Store } from '../../lib/table/store.ts';
import type { SimulatedJob } from './simulation-jobs.ts';
import type { Ledger } from './simulation-ledger.ts';

export type Table = ReturnType<typeof createTable>;

export function createTable({ store, ledger, jobs }: { store: Store; ledger: Ledger; jobs: SimulatedJob[] }) {
  let shown: unknown;
  return {
    /** The store as a deployment writes to it whose rules name these channels. */
    storeFor: (channelsFor: (outcome: Outcome) => string[]): Store => ({
      ...store,
      async save(next, known, options) {
        const saved = await store.save(next, known, options);
        if (!saved.won || saved.record?.writer !== next.writer) return saved;
        const [key, { decision, exceeded, status }] = [jobKey(next), next];
        ledger.recorded(key, status);
        for (const [limit, its] of Object.entries(exceeded ?? {}) as [TimeLimit, Exceeded][]) {
          if (!known?.exceeded?.[limit]) ledger.exceeded(key, limit, its, { channelsFor, writer: next.writer });
        }
        // Compared whole: two workers with different clocks can decide at the same time.
        if (decision && !isDeepStrictEqual(decision, known?.decision)) {
          const ended = jobs.find((job) => job.key === key)?.ended;
          ledger.decided(key, decision, { channelsFor, isOld: ended?.isOld ?? false, endedAt: ended?.at });
        }
        return saved;
      },
      async writeMark(key, mark, options) {
        await store.writeMark(key, mark, options);
        const [kind, environment = ''] = key.split('#');
        if (kind === 'discovery' && 'begunAt' in mark) ledger.began(environment);
      },
      async saveDelivery(job, key, delivery, known) {
        const stored = await store.saveDelivery(job, key, delivery, known);
        const message = { job: jobKey(job), ...splitKey(key) };
        if (delivery.state === 'sent') ledger.receipt(message, 'stored');
        if (delivery.state === 'dead') ledger.gaveUp(message);
        return stored;
      },
    }),

    /** A page of the work list as the index shows it. A stale index shows the previous page. */
    show<Page>(page: IteratorResult<Page>, isStale: boolean): IteratorResult<Page> {
      if (page.done) return page;
      const before = (shown ?? page) as IteratorResult<Page>;
      shown = page;
      return isStale ? before : page;
    },

    /** All records, by the keys of their jobs. */
    async records(): Promise<Map<string, JobRecord>> {
      const read = await Promise.all(jobs.map(async (job) => [job.key, await store.get(job)] as const));
      return new Map(read.flatMap(([key, record]) => (record ? [[key, record] as const] : [])));
    },

    /** The first entry of the work list. */
    async head(): Promise<DueEntry | undefined> {
      for await (const [first] of store.due(Number.MAX_SAFE_INTEGER)) return first;
      return undefined;
    },
  };
}
