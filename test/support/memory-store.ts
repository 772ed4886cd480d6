/** The store in memory, for tests that need thousands of runs. It passes the same contract suite as the real one. */

import { type DueEntry, type JobName, type JobRecord, jobKey } from '../../lib/domain/job.ts';
import type { Cursor, Store } from '../../lib/table/store.ts';

export function createMemoryStore({ pageSize = 100 }: { pageSize?: number } = {}): Store {
  const records = new Map<string, JobRecord>();
  const marks = new Map<string, object>();
  const read = (job: JobName) => structuredClone(records.get(jobKey(job)));

  const readMarks = (keys: string[]) =>
    new Map(keys.flatMap((key) => (marks.has(key) ? [[key, structuredClone(marks.get(key) as object)] as const] : [])));

  /** The work list after a cursor, the longest due first. */
  const list = (until: number, after?: Cursor, watched = 'jobs'): (DueEntry & Cursor)[] =>
    [...records.entries()]
      .flatMap(([key, record]) => {
        const { environment, jobId, status, notFoundSince, check, lease, pendingAt, watch, dueAt } = record;
        if (watch !== watched || dueAt === null || dueAt > until) return [];
        return [{ jobKey: key, dueAt, environment, jobId, status, notFoundSince, check, lease, pendingAt }];
      })
      .sort(order)
      .filter((entry) => !after || order(entry, after) > 0);

  return {
    get: async (job) => read(job),

    async save(next, known, { settled = false, result } = {}) {
      const key = jobKey(next);
      const present = records.get(key);
      const isAsKnown = present?.revision === known?.revision;
      const others = Object.entries(present?.deliveries ?? {}).filter(([name]) => name !== result);
      const isSettled = !settled || !others.some(([, { state }]) => state === 'pending');
      const isUnsent = result === undefined || present?.deliveries[result]?.state !== 'sent';
      const isStillDead = Object.entries(next.deliveries).every(
        ([name, { state }]) =>
          known?.deliveries[name]?.state !== 'dead' ||
          state !== 'pending' ||
          present?.deliveries[name]?.state === 'dead',
      );
      if (!isAsKnown || !isSettled || !isUnsent || !isStillDead) {
        const isOurs = present?.writer === next.writer || present?.lease?.owner === next.writer;
        return { won: isOurs, record: read(next) };
      }
      const deliveries = structuredClone(present?.deliveries ?? {});
      for (const [name, delivery] of Object.entries(next.deliveries)) {
        const before = known?.deliveries[name];
        const kept = deliveries[name];
        if (!kept || name === result) deliveries[name] = structuredClone(delivery);
        else if (before?.state === 'dead' && delivery.state === 'pending') deliveries[name] = structuredClone(delivery);
        else if (before && before.ambiguousSince !== delivery.ambiguousSince) {
          kept.ambiguousSince = delivery.ambiguousSince;
        }
      }
      const { receipts: _, ...state } = structuredClone(next);
      const receipts = present?.receipts === undefined ? {} : { receipts: present.receipts };
      records.set(key, { ...state, ...receipts, deliveries });
      return { won: true, record: read(next) };
    },

    async saveDelivery(job, key, delivery, known) {
      const record = records.get(jobKey(job));
      const stored = record?.deliveries[key];
      if (!record || !stored) return undefined;
      if (stored.state === 'sent') return delivery.state === 'sent' ? structuredClone(stored) : undefined;
      const { ambiguousSince, ...others } = delivery;
      Object.assign(stored, ambiguousSince === known.ambiguousSince ? others : delivery);
      record.receipts = (record.receipts ?? 0) + 1;
      return undefined;
    },

    async setAmbiguous(job, key, since) {
      const record = records.get(jobKey(job));
      const stored = record?.deliveries[key];
      if (!record || stored?.state !== 'sent') return;
      stored.ambiguousSince = since;
      record.receipts = (record.receipts ?? 0) + 1;
    },

    async *due(until, after) {
      let cursor = after;
      for (;;) {
        const page = list(until, cursor).slice(0, pageSize);
        yield structuredClone(page);
        const last = page.at(-1);
        if (!last || page.length < pageSize) return;
        cursor = { jobKey: last.jobKey, dueAt: last.dueAt };
      }
    },

    async *dead() {
      yield structuredClone(list(Number.MAX_SAFE_INTEGER, undefined, 'dead'));
    },

    getAll: async (jobs) =>
      new Map(
        jobs.flatMap((job) => {
          const record = read(job);
          return record ? [[jobKey(job), record] as const] : [];
        }),
      ),

    known: async (jobs) =>
      new Map(
        jobs.flatMap((job) => {
          const record = read(job);
          return record ? [[jobKey(job), { status: record.status, check: record.check }] as const] : [];
        }),
      ),

    readMarks: async (keys) => readMarks(keys),
    getWithMarks: async (job, keys) => ({ record: read(job), marks: readMarks(keys) }),
    async writeMark(key, mark, { unless } = {}) {
      if (unless === undefined || !(unless in (marks.get(key) ?? {}))) marks.set(key, structuredClone(mark));
    },
    async claim(key, { now, until }) {
      const held = marks.get(key) as { until: number } | undefined;
      if (held && held.until > now) return false;
      marks.set(key, { until });
      return true;
    },
    async claimTime(key, { now, ms, latestEnd, mostAheadMs }) {
      const { until = Number.NEGATIVE_INFINITY } = (marks.get(key) ?? {}) as { until?: number };
      const isFree = until < now || until > now + mostAheadMs;
      const begin = isFree ? now : until;
      const isClaimed = isFree || begin + ms <= latestEnd;
      if (isClaimed) marks.set(key, { until: begin + ms });
      return { isClaimed, begin };
    },
    removeMark: async (key) => void marks.delete(key),
  };
}

const order = (one: Cursor, other: Cursor): number =>
  one.dueAt - other.dueAt || (one.jobKey < other.jobKey ? -1 : one.jobKey > other.jobKey ? 1 : 0);
