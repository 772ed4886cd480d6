/** A store that keeps what a warm process has read: marks for a short while, and which jobs have ended. */

import { isTerminal, type JobName, jobKey } from '../domain/job.ts';
import type { KnownJob, Store } from './store.ts';

/** How long it is kept which jobs have ended, in milliseconds. They stay so until their records expire. */
const endedLastMs = 60 * 60_000;

/**
 * Makes the store. `now` returns epoch milliseconds. A mark is read again unless the caller accepts an older one, or if this
 * process has written it.
 */
export function keepReads(store: Store, now: () => number): Store {
  const kept = new Map<string, { at: number; mark: object | undefined }>();
  let ended = new Map<string, KnownJob>();
  let endedSince = Number.NEGATIVE_INFINITY;
  let writes = 0;

  /** A read that was under way during a write is not kept: it may show what was there before. */
  const changing = async <Result>(key: string, write: () => Promise<Result>): Promise<Result> => {
    const forget = () => {
      writes += 1;
      kept.delete(key);
    };
    forget();
    return await write().finally(forget);
  };

  return {
    ...store,

    async readMarks(keys, { maxAgeMs = () => 0 } = {}) {
      const at = now();
      // The clock may have been set back since.
      const isYoung = (key: string) => {
        const ageMs = at - (kept.get(key)?.at ?? Number.NEGATIVE_INFINITY);
        return ageMs >= 0 && ageMs < maxAgeMs(key);
      };
      const [young, old] = [keys.filter(isYoung), keys.filter((key) => !isYoung(key))];
      const marks = new Map(young.flatMap((key) => [[key, kept.get(key)?.mark] as const].filter(hasMark)));
      if (old.length === 0) return marks;
      const writesBefore = writes;
      const read = await store.readMarks(old);
      if (writes === writesBefore) for (const key of old) kept.set(key, { at, mark: read.get(key) });
      return new Map([...marks, ...read]);
    },

    async known(jobs) {
      if (now() - endedSince >= endedLastMs) [ended, endedSince] = [new Map(), now()];
      const asked = jobs.filter((job) => !ended.has(jobKey(job)));
      const read = asked.length > 0 ? await store.known(asked) : new Map<string, KnownJob>();
      const known = new Map(jobs.flatMap((job: JobName) => present(jobKey(job), read, ended)));
      for (const [key, job] of read) if (isTerminal(job.status)) ended.set(key, job);
      return known;
    },

    writeMark: (key, ...rest) => changing(key, () => store.writeMark(key, ...rest)),
    claim: (key, times) => changing(key, () => store.claim(key, times)),
    claimTime: (key, time) => changing(key, () => store.claimTime(key, time)),
    removeMark: (key) => changing(key, () => store.removeMark(key)),
  };
}

const hasMark = (entry: readonly [string, object | undefined]): entry is readonly [string, object] =>
  entry[1] !== undefined;

const present = (key: string, ...maps: Map<string, KnownJob>[]): [string, KnownJob][] =>
  maps.flatMap((map) => map.get(key) ?? []).map((job) => [key, job]);
