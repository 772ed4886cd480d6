/** What every store keeps to, whatever is behind it. Run by `store.test.ts` against each of them. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type DueEntry, type JobRecord, jobKey } from '../../lib/domain/job.ts';
import type { Cursor, Saved, Store } from '../../lib/table/store.ts';
import { after, someDecision, someDelivery, someRecord } from './some-record.ts';

/** An empty store. */
export interface StartedStore {
  store: Store;
  close?: () => Promise<void>;
}

export function storeContract(name: string, start: () => Promise<StartedStore>): void {
  describe(name, () => {
    let started: StartedStore;
    let store: Store;
    beforeEach(async () => {
      started = await start();
      store = started.store;
    });
    afterEach(() => started.close?.());

    /** Writes a record that was not there, and gives it back. */
    async function create(values: Partial<JobRecord> = {}): Promise<JobRecord> {
      const { won, record } = await store.save(someRecord(values), undefined);
      expect(won).toBe(true);
      return record as JobRecord;
    }
    const job = { environment: 'production', jobId: 'job_1' };

    describe('writing a state', () => {
      test('a job that was never written is not there', async () => {
        await create({ jobId: 'job_2' });
        await create({ environment: 'staging' });
        expect(await store.get(job)).toBeUndefined();
      });

      test('what was written is read as it was, with null where nothing is', async () => {
        const record = someRecord({
          job: { ...someJob, name: 'ä "quoted" 🚀', statistics: null },
          lease: { owner: 'writer-1', since: 1, until: 2 },
          decision: someDecision(),
          superseded: { failed: { decision: someDecision({ outcome: 'failed' }), job: null } },
          exceeded: { queuedFor: { minutes: 2.5, decision: someDecision({ outcome: 'late' }), job: someJob } },
          progress: { statistics: someJob.statistics, since: '2026-01-01T10:12:00.000Z' },
          deliveries: {
            'completed/team': someDelivery(),
            'completedWithWarnings/a-1-b': someDelivery(),
            'late/team/queuedFor': someDelivery(),
          },
        });
        expect(await store.save(record, undefined)).toEqual({ won: true, record });
        expect(await store.get(job)).toEqual(record);
        const nothing = someRecord({ jobId: 'job_2', status: null });
        expect(await store.save(nothing, undefined)).toEqual({ won: true, record: nothing });
        expect(await store.get(nothing)).toEqual(nothing);
      });

      test('of many who write a new job at once, one wins, and the others get what it wrote', async () => {
        const writers = Array.from({ length: 20 }, (_, index) => someRecord({ writer: `writer-${index}` }));
        const saved = await Promise.all(writers.map((record) => store.save(record, undefined)));
        expectOneWinner(saved);
        expect(await store.get(job)).toEqual(saved[0]?.record);
      });

      test('of many who change a job at once, one wins, and the others get what it wrote', async () => {
        const known = await create();
        const writers = Array.from({ length: 20 }, (_, index) =>
          after(known, `other-${index}`, { status: `${index}` }),
        );
        const saved = await Promise.all(writers.map((next) => store.save(next, known)));
        expectOneWinner(saved);
        expect(await store.get(job)).toEqual(saved[0]?.record);
        expect(saved[0]?.record?.revision).toBe(2);
      });

      test('who knows an older state changes nothing, and gets the present one', async () => {
        const first = await create();
        const second = (await store.save(after(first, 'second', { status: 'Completed' }), first)).record;
        expect(await store.save(after(first, 'late', { status: 'Queued' }), first)).toEqual({
          won: false,
          record: second,
        });
        expect(await store.save(someRecord({ writer: 'later' }), undefined)).toEqual({ won: false, record: second });
        expect(await store.get(job)).toEqual(second);
      });

      test('who knows a job that is gone learns that there is none', async () => {
        const known = someRecord();
        expect(await store.save(after(known, 'late'), known)).toEqual({ won: false, record: undefined });
        expect(await store.get(job)).toBeUndefined();
      });

      test('every member can be changed, and be taken away again', async () => {
        const first = await create({ deliveries: { 'completed/team': someDelivery() } });
        const full = after(first, 'second', {
          status: 'Failed',
          job: someJob,
          changedAt: '2026-01-01T10:20:00.000Z',
          notFoundSince: '2026-01-01T10:21:00.000Z',
          check: { failures: 3, error: 'answered 500', nextAt: null, failingSince: '2026-01-01T10:22:00.000Z' },
          dueAt: 2_000,
          pendingAt: '2026-01-01T10:23:00.000Z',
          lease: { owner: 'second', since: 3, until: 4 },
          decision: someDecision(),
          superseded: { completed: { decision: someDecision(), job: someJob } },
          exceeded: { noProgressFor: { minutes: 20, decision: someDecision({ outcome: 'stuck' }), job: someJob } },
          progress: { statistics: someJob.statistics, since: '2026-01-01T10:12:00.000Z' },
        });
        expect((await store.save(full, first)).record).toEqual(full);
        const bare = after(full, 'third', {
          status: null,
          job: null,
          changedAt: null,
          notFoundSince: null,
          watch: null,
          dueAt: null,
          pendingAt: null,
          lease: null,
          decision: null,
          superseded: {},
          exceeded: null,
          progress: null,
          expiresAt: 1_770_000_000,
        });
        expect((await store.save(bare, full)).record).toEqual(bare);
        expect(await store.get(job)).toEqual(bare);
      });
    });

    describe('a write whose answer was lost', () => {
      test('is recognised when it is repeated', async () => {
        const first = someRecord();
        await store.save(first, undefined);
        expect(await store.save(first, undefined)).toEqual({ won: true, record: first });
        const second = after(first, 'second', { status: 'Completed' });
        await store.save(second, first);
        expect(await store.save(second, first)).toEqual({ won: true, record: second });
      });

      test('is recognised by its lease, although somebody wrote more under it', async () => {
        const first = await create();
        const lease = { owner: 'mine', since: 1, until: 2 };
        const mine = after(first, 'mine', { lease });
        await store.save(mine, first);
        const more = after(mine, 'another', { status: 'Completed' });
        await store.save(more, mine);
        expect(await store.save(mine, first)).toEqual({ won: true, record: more });
      });

      test('is nobody else’s success', async () => {
        const first = await create();
        const mine = after(first, 'mine', { lease: { owner: 'mine', since: 1, until: 2 } });
        await store.save(mine, first);
        expect(await store.save({ ...mine, writer: 'another' }, first)).toEqual({ won: false, record: mine });
      });
    });

    describe('deliveries', () => {
      const pending = someDelivery();
      const sent = someDelivery({ state: 'sent', attempts: 1, nextAt: null, receipt: 'receipt-1' });

      test('are added to those that are there, and replace none', async () => {
        const first = await create({ deliveries: { 'failed/team': pending } });
        const known = { ...first, deliveries: {} };
        const next = after(first, 'second', {
          deliveries: {
            'failed/team': someDelivery({ error: 'of the second writer' }),
            'failed/events': pending,
            'completed/team': pending,
          },
        });
        // Whether the writer knew of the delivery or not: it stays as it was.
        const deliveries = { 'failed/team': pending, 'failed/events': pending, 'completed/team': pending };
        expect((await store.save(next, known)).record?.deliveries).toEqual(deliveries);
        const third = after(next, 'third', {
          deliveries: { ...deliveries, 'failed/events': someDelivery({ state: 'dead', error: 'of the third' }) },
        });
        expect((await store.save(third, { ...next, deliveries })).record?.deliveries).toEqual(deliveries);
      });

      test('that a writer does not mention stay', async () => {
        const first = await create({ deliveries: { 'failed/team': pending, 'failed/events': sent } });
        await store.save(after(first, 'second', { deliveries: {} }), first);
        expect((await store.get(job))?.deliveries).toEqual({ 'failed/team': pending, 'failed/events': sent });
      });

      test('come into doubt by a write of the state, and nothing else of them changes', async () => {
        const first = await create({ deliveries: { 'failed/team': pending, 'failed/events': pending } });
        const ambiguousSince = '2026-01-01T10:30:00.000Z';
        const doubtful = someDelivery({ ambiguousSince, attempts: 7, error: 'of the writer' });
        const next = after(first, 'second', { deliveries: { ...first.deliveries, 'failed/team': doubtful } });
        expect((await store.save(next, first)).record?.deliveries).toEqual({
          'failed/team': { ...pending, ambiguousSince },
          'failed/events': pending,
        });
      });

      test('that were sent while somebody wrote a state stay sent, and the writer sees that', async () => {
        const first = await create({ deliveries: { 'failed/team': pending } });
        await store.saveDelivery(job, 'failed/team', sent);
        const saved = await store.save(after(first, 'second', { status: 'Failed' }), first);
        expect(saved).toMatchObject({ won: true, record: { status: 'Failed', deliveries: { 'failed/team': sent } } });
      });

      test('that are stored at the same moment both stand', async () => {
        const keys = Array.from({ length: 20 }, (_, index) => `failed/channel-${index}`);
        await create({ deliveries: Object.fromEntries(keys.map((key) => [key, pending])) });
        const receipt = (key: string) => ({ ...sent, receipt: `receipt of ${key}` });
        await Promise.all(keys.map((key) => store.saveDelivery(job, key, receipt(key))));
        const { deliveries = {} } = (await store.get(job)) ?? {};
        expect(deliveries).toEqual(Object.fromEntries(keys.map((key) => [key, receipt(key)])));
      });

      test('need no revision: a receipt is stored whatever was written meanwhile, and changes nothing else', async () => {
        const first = await create({ deliveries: { 'failed/team': pending, 'failed/events': pending } });
        const second = after(first, 'second', { status: 'Failed', lease: { owner: 'second', since: 1, until: 2 } });
        await store.save(second, first);
        await store.saveDelivery(job, 'failed/team', sent);
        expect(await store.get(job)).toEqual({ ...second, deliveries: { ...first.deliveries, 'failed/team': sent } });
      });

      test('that were sent are never overwritten', async () => {
        await create({ deliveries: { 'failed/team': pending } });
        await store.saveDelivery(job, 'failed/team', sent);
        for (const late of [pending, someDelivery({ state: 'dead' }), { ...sent, receipt: 'receipt-2' }]) {
          await store.saveDelivery(job, 'failed/team', late);
        }
        expect((await store.get(job))?.deliveries['failed/team']).toEqual(sent);
      });

      test('that failed or died can still turn out to be sent', async () => {
        const failed = someDelivery({ attempts: 1, error: 'answered 500' });
        await create({ deliveries: { 'failed/team': pending, 'failed/events': someDelivery({ state: 'dead' }) } });
        await store.saveDelivery(job, 'failed/team', failed);
        expect((await store.get(job))?.deliveries['failed/team']).toEqual(failed);
        await store.saveDelivery(job, 'failed/team', sent);
        await store.saveDelivery(job, 'failed/events', sent);
        expect((await store.get(job))?.deliveries).toEqual({ 'failed/team': sent, 'failed/events': sent });
      });

      test('that nobody decided on are not made up by a receipt', async () => {
        const record = await create({ deliveries: { 'failed/team': pending } });
        await store.saveDelivery(job, 'failed/events', sent);
        await store.saveDelivery({ ...job, jobId: 'job_2' }, 'failed/team', sent);
        expect(await store.get(job)).toEqual(record);
        expect(await store.get({ ...job, jobId: 'job_2' })).toBeUndefined();
      });
    });

    describe('leaving the work list', () => {
      const gone: Partial<JobRecord> = { watch: null, dueAt: null, expiresAt: 1_770_000_000 };
      const sent = someDelivery({ state: 'sent', nextAt: null });

      test('is refused while a delivery is pending in the table, whatever the writer believes', async () => {
        const first = await create({ deliveries: { 'failed/team': someDelivery(), 'failed/events': sent } });
        const believed = { ...first, deliveries: { 'failed/team': sent, 'failed/events': sent } };
        expect(await store.save(after(believed, 'second', gone), believed, { settled: true })).toEqual({
          won: false,
          record: first,
        });
        expect(await store.get(job)).toEqual(first);
      });

      test('needs only that nothing is pending: what is dead may stay', async () => {
        const deliveries = { 'failed/team': sent, 'failed/events': someDelivery({ state: 'dead', nextAt: null }) };
        const first = await create({ deliveries });
        expect((await store.save(after(first, 'second', gone), first, { settled: true })).won).toBe(true);
        const other = await create({ jobId: 'job_2' });
        expect((await store.save(after(other, 'second', gone), other, { settled: true })).won).toBe(true);
      });

      test('is refused to who knows an older state', async () => {
        const first = await create();
        const second = (await store.save(after(first, 'second'), first)).record;
        expect(await store.save(after(first, 'late', gone), first, { settled: true })).toEqual({
          won: false,
          record: second,
        });
      });

      test('really leaves it, and coming back takes the expiry away', async () => {
        const first = await create();
        expect(await listed(store)).toEqual(['production#job_1']);
        const second = after(first, 'second', gone);
        await store.save(second, first, { settled: true });
        expect(await listed(store)).toEqual([]);
        expect(await store.get(job)).toEqual(second);
        const third = after(second, 'third', { watch: 'jobs', dueAt: 5, expiresAt: null });
        await store.save(third, second);
        expect(await listed(store)).toEqual(['production#job_1']);
        expect(await store.get(job)).toEqual(third);
      });

      test('for the dead ones is leaving as well: sweeps do not ask for those', async () => {
        const first = await create();
        await store.save(after(first, 'second', { watch: 'dead' }), first);
        expect(await listed(store)).toEqual([]);
      });
    });

    describe('the work list', () => {
      test('shows of an entry what is needed to decide whether to read it, with null where nothing is', async () => {
        const lease = { owner: 'writer-1', since: 1, until: 2 };
        const check = { failures: 2, error: 'answered 500', nextAt: null, failingSince: '2026-01-01T10:00:00.000Z' };
        const [notFoundSince, pendingAt] = ['2026-01-01T10:05:00.000Z', '2026-01-01T10:06:00.000Z'];
        const record = await create({ check, lease, notFoundSince, pendingAt, dueAt: 7 });
        const { environment, jobId, status } = record;
        expect(await entriesOf(store)).toMatchObject([
          { environment, jobId, status, notFoundSince, check, lease, pendingAt, dueAt: 7 },
        ]);
        const nothing = { status: null, lease: null, notFoundSince: null, pendingAt: null };
        await store.save(after(record, 'second', nothing), record);
        expect(await entriesOf(store)).toMatchObject([nothing]);
      });

      test('shows nothing else of the record', async () => {
        await create({ deliveries: { 'failed/team': someDelivery() }, decision: someDecision(), job: someJob });
        const [entry] = await entriesOf(store);
        for (const member of ['deliveries', 'decision', 'job', 'writer', 'revision', 'superseded', 'expiresAt']) {
          expect(entry).not.toHaveProperty(member);
        }
      });

      test('goes up to a time, that time included, the longest due first', async () => {
        for (const dueAt of [30, 10, 40, 20]) await create({ jobId: `at-${dueAt}`, dueAt });
        expect(await listed(store, 30)).toEqual(['production#at-10', 'production#at-20', 'production#at-30']);
        expect(await listed(store, 9)).toEqual([]);
      });

      test('goes on behind a cursor', async () => {
        for (const dueAt of [10, 20, 30, 40]) await create({ jobId: `at-${dueAt}`, dueAt });
        const cursor = { jobKey: 'production#at-20', dueAt: 20 };
        expect(await listed(store, 30, cursor)).toEqual(['production#at-30']);
        expect(await listed(store, 40, { jobKey: 'production#at-40', dueAt: 40 })).toEqual([]);
      });

      test('goes on behind a cursor whose job has left it or moved on', async () => {
        const records = [];
        for (const dueAt of [10, 20, 30, 40]) records.push(await create({ jobId: `at-${dueAt}`, dueAt }));
        const [, second, third] = records as [JobRecord, JobRecord, JobRecord];
        await store.save(after(second, 'other', { watch: null, dueAt: null, expiresAt: 1_770_000_000 }), second);
        await store.save(after(third, 'other', { dueAt: 50 }), third);
        const behind = ['production#at-40', 'production#at-30'];
        expect(await listed(store, 99, { jobKey: 'production#at-20', dueAt: 20 })).toEqual(behind);
        expect(await listed(store, 99, { jobKey: 'production#at-30', dueAt: 30 })).toEqual(behind);
      });

      test('leaves nobody out and shows nobody twice behind a cursor, when many are due at the same moment', async () => {
        await Promise.all(Array.from({ length: 25 }, (_, index) => create({ jobId: `job_${index}`, dueAt: 10 })));
        const all = await listed(store);
        expect(new Set(all).size).toBe(25);
        for (const [index, key] of all.entries()) {
          const cursor = { jobKey: key, dueAt: 10 };
          expect(await listed(store, 10, cursor)).toEqual(all.slice(index + 1));
        }
      });
    });

    describe('dead deliveries', () => {
      const dead = someDelivery({ state: 'dead', nextAt: null, attempts: 9, error: 'gone' });

      test('are listed by themselves, and only while nothing else is to be done', async () => {
        await create({ jobId: 'job_1', watch: 'dead' });
        await create({ jobId: 'job_2' });
        await create({ jobId: 'job_3', watch: null, dueAt: null, expiresAt: 1_770_000_000 });
        const listed: string[] = [];
        for await (const page of store.dead()) listed.push(...page.map(({ jobId }) => jobId));
        expect(listed).toEqual(['job_1']);
      });

      test('can become pending again by a write of the state, as a whole, and sent ones cannot', async () => {
        const sent = someDelivery({ state: 'sent', nextAt: null });
        const known = await create({ watch: 'dead', deliveries: { 'failed/team': dead, 'failed/events': sent } });
        const pending = { ...dead, state: 'pending' as const, createdAt: '2026-02-01T10:00:00.000Z' };
        const deliveries = { 'failed/team': pending, 'failed/events': { ...pending } };
        const { record } = await store.save(after(known, 'second', { watch: 'jobs', deliveries }), known);
        expect(record?.deliveries).toEqual({ 'failed/team': pending, 'failed/events': sent });
      });
    });

    describe('an item near the limit of 400 KB', () => {
      test('is written, changed and read as a whole', async () => {
        const error = 'x'.repeat(2_000);
        const names = Array.from({ length: 170 }, (_, index) => `failed/channel-${index}`);
        const known = await create({
          deliveries: Object.fromEntries(names.map((name) => [name, someDelivery({ error })])),
        });
        expect(Object.keys(known.deliveries)).toHaveLength(170);
        await store.saveDelivery(known, 'failed/channel-7', someDelivery({ state: 'sent', nextAt: null, error }));
        const { won, record } = await store.save(after(known, 'second', {}), known);
        expect(won).toBe(true);
        expect(record?.deliveries['failed/channel-7']?.state).toBe('sent');
        expect(JSON.stringify(record).length).toBeGreaterThan(370_000);
      });
    });

    test('tells which jobs are known, of any number', async () => {
      await create({ jobId: 'job_1' });
      await create({ jobId: 'job_205' });
      const jobs = Array.from({ length: 210 }, (_, index) => ({ environment: 'production', jobId: `job_${index}` }));
      const known = await store.known(jobs);
      expect([...known].sort()).toEqual(['production#job_1', 'production#job_205']);
      expect(await store.known([])).toEqual(new Set());
    });

    describe('marks', () => {
      const mark = { until: 5, failures: 1, reason: 'because', since: '2026-01-01T10:00:00.000Z' };

      test('are written only once if a member they must not have yet says so', async () => {
        const write = (begunAt: string) => store.writeMark('discovery', { begunAt }, { unless: 'begunAt' });
        await store.writeMark('discovery', { trouble: 'because' }, { unless: 'begunAt' });
        expect(await store.readMarks(['discovery'])).toEqual(new Map([['discovery', { trouble: 'because' }]]));
        await Promise.all(['a', 'b', 'c'].map(write));
        const marks = await store.readMarks(['discovery']);
        await write('late');
        await store.writeMark('discovery', { trouble: 'late' }, { unless: 'begunAt' });
        expect(await store.readMarks(['discovery'])).toEqual(marks);
        await store.writeMark('discovery', { begunAt: 'd' });
        expect(await store.readMarks(['discovery'])).toEqual(new Map([['discovery', { begunAt: 'd' }]]));
      });

      test('are read as they were written, and left out where there are none', async () => {
        await store.writeMark('cooldown#channel#team', mark);
        await store.writeMark('sweep', { from: { jobKey: 'production#job_1', dueAt: 5 } });
        expect(await store.readMarks(['cooldown#channel#team', 'cooldown#channel#events', 'sweep'])).toEqual(
          new Map<string, object>([
            ['cooldown#channel#team', mark],
            ['sweep', { from: { jobKey: 'production#job_1', dueAt: 5 } }],
          ]),
        );
      });

      test('are replaced as a whole, and removed, whether they are there or not', async () => {
        await store.writeMark('sweep', { from: { jobKey: 'production#job_1', dueAt: 5 }, more: true });
        await store.writeMark('sweep', { from: null });
        expect(await store.readMarks(['sweep'])).toEqual(new Map([['sweep', { from: null }]]));
        await store.removeMark('sweep');
        await store.removeMark('sweep');
        expect(await store.readMarks(['sweep'])).toEqual(new Map());
      });

      test('can be claimed by one at a time, until their time is over', async () => {
        const claims = await Promise.all(Array.from({ length: 5 }, () => store.claim('woken', { now: 10, until: 20 })));
        expect(claims.filter(Boolean)).toHaveLength(1);
        expect(await store.claim('woken', { now: 19, until: 29 })).toBe(false);
        expect(await store.claim('woken', { now: 20, until: 30 })).toBe(true);
        expect(await store.readMarks(['woken'])).toEqual(new Map([['woken', { until: 30 }]]));
        await store.removeMark('woken');
        expect(await store.claim('woken', { now: 21, until: 31 })).toBe(true);
      });

      test('are no part of the work list', async () => {
        await store.writeMark('sweep', { from: null, dueAt: 5 });
        expect(await listed(store)).toEqual([]);
      });

      test('can be read in any number', async () => {
        expect(await store.readMarks([])).toEqual(new Map());
        const keys = Array.from({ length: 250 }, (_, index) => `cooldown#channel#${index}`);
        await Promise.all(keys.map((key) => store.writeMark(key, { ...mark, reason: key })));
        const marks = await store.readMarks(['absent', ...keys]);
        expect([...marks.keys()].sort()).toEqual([...keys].sort());
        expect(marks.get('cooldown#channel#249')).toEqual({ ...mark, reason: 'cooldown#channel#249' });
      });
    });
  });

  describe(`${name}, with a work list of more than a megabyte`, () => {
    const count = 1_500;
    let started: StartedStore;
    let keys: Set<string>;
    beforeAll(async () => {
      started = await start();
      keys = new Set();
      const error = 'x'.repeat(600);
      const check = { failures: 1, error, nextAt: '2026-01-01T10:11:00.000Z', failingSince: null };
      const write = async (index: number) => {
        const record = someRecord({ jobId: `${'j'.repeat(120)}${index}`, dueAt: index % 50, check });
        keys.add(jobKey(record));
        await started.store.save(record, undefined);
      };
      for (let index = 0; index < count; index += 50) {
        await Promise.all(Array.from({ length: 50 }, (_, offset) => write(index + offset)));
      }
    }, 60_000);
    afterAll(() => started.close?.());

    test('all of it is seen once, in pages, in order', async () => {
      const seen: DueEntry[] = [];
      let pages = 0;
      for await (const page of started.store.due(50)) {
        pages += 1;
        seen.push(...page);
      }
      expect(pages).toBeGreaterThan(1);
      expect(seen).toHaveLength(count);
      expect(new Set(seen.map(jobKey))).toEqual(keys);
      expect(seen.map(({ dueAt }) => dueAt)).toEqual(seen.map(({ dueAt }) => dueAt).sort((one, other) => one - other));
    });

    test('all of it but the first is seen behind the first', async () => {
      const [first] = await entriesOf(started.store, 0);
      const cursor = { jobKey: jobKey(first as DueEntry), dueAt: 0 };
      expect((await listed(started.store, 50, cursor)).length).toBe(count - 1);
    });
  });
}

const someJob = {
  status: 'Completed',
  name: 'Nightly site publish',
  source: 'Pages',
  startedBy: null,
  startedByType: null,
  canceledBy: null,
  queuedAt: null,
  startedAt: null,
  finishedAt: '2026-01-01T10:04:05.000Z',
  statistics: { sent: 1, processed: 2, failed: 0, skipped: null, deleted: null, additional: null, asOf: null },
};

function expectOneWinner(saved: Saved[]): void {
  const winners = saved.filter(({ won }) => won);
  expect(winners).toHaveLength(1);
  for (const { record } of saved) expect(record).toEqual(winners[0]?.record);
}

async function entriesOf(store: Store, until = Number.MAX_SAFE_INTEGER, behind?: Cursor): Promise<DueEntry[]> {
  const entries: DueEntry[] = [];
  for await (const page of store.due(until, behind)) entries.push(...page);
  return entries;
}

const listed = async (store: Store, until?: number, behind?: Cursor): Promise<string[]> =>
  (await entriesOf(store, until, behind)).map(jobKey);
