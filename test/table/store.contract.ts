/** The contract of every store. `store.test.ts` and `dynamodb-local.test.ts` run it against each of them. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type DueEntry, type JobRecord, jobKey } from '../../lib/domain/job.ts';
import type { Cursor, Store } from '../../lib/table/store.ts';
import {
  nextWrite as after,
  someDecision,
  someDelivery,
  someJob,
  someRecord,
  someStatistics,
} from '../support/builders.ts';

/** A record in the table of these tests. */
export const tableRecord = (values: Partial<JobRecord> = {}): JobRecord =>
  someRecord({ jobId: 'job_1', dueAt: 1_000, ...values });

const statistics = someStatistics();
const completed = someJob('Completed', { statistics });

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

    const job = { environment: 'production', jobId: 'job_1' };
    const finished: Partial<JobRecord> = { watch: null, dueAt: null, expiresAt: 1_770_000_000 };
    /** Writes a new record, and returns it. */
    async function create(values: Partial<JobRecord> = {}): Promise<JobRecord> {
      const { won, record } = await store.save(tableRecord(values), undefined);
      expect(won).toBe(true);
      return record as JobRecord;
    }
    /** Writes the next state of a record. */
    const change = (
      known: JobRecord,
      values: Partial<JobRecord> = {},
      options?: { settled: boolean; writer?: string },
    ) => store.save(after(known, options?.writer ?? 'second', values), known, options);
    const deliveries = async () => (await store.get(job))?.deliveries;

    describe('a write of the state', () => {
      test('creates one job and no other', async () => {
        await create({ jobId: 'job_2' });
        await create({ environment: 'staging' });
        expect(await store.get(job)).toBeUndefined();
      });

      test('is read as it was written, with null for missing members', async () => {
        const full = tableRecord({
          job: { ...completed, name: 'ä "quoted" 🚀', statistics: null },
          lease: { owner: 'writer-1', since: 1, until: 2 },
          decision: someDecision(),
          superseded: { failed: { decision: someDecision({ outcome: 'failed' }), job: null } },
          exceeded: { queuedFor: { minutes: 2.5, decision: someDecision({ outcome: 'late' }), job: completed } },
          progress: { statistics: statistics, since: '2026-01-01T10:12:00.000Z' },
          deliveries: {
            'completed/team': someDelivery(),
            'completedWithWarnings/a-1-b': someDelivery(),
            'late/team/queuedFor': someDelivery(),
          },
        });
        for (const record of [full, tableRecord({ jobId: 'job_2', status: null })]) {
          expect(await store.save(record, undefined)).toEqual({ won: true, record });
          expect(await store.get(record)).toEqual(record);
        }
      });

      test.each([
        ['creates a job', async () => undefined],
        ['changes a job', () => create()],
      ])('that %s is won by one of many workers, and the others get its record', async (_, prepare) => {
        const known = await prepare();
        const next = (index: number) => {
          const values = { writer: `writer-${index}`, status: `${index}` };
          return known ? after(known, values.writer, values) : tableRecord(values);
        };
        const saved = await Promise.all(Array.from({ length: 20 }, (_, index) => store.save(next(index), known)));
        const winners = saved.filter(({ won }) => won);
        expect(winners).toHaveLength(1);
        const record = await store.get(job);
        expect(record?.revision).toBe(known ? 2 : 1);
        for (const one of saved) expect(one.record).toEqual(record);
      });

      test('that knows an older state is refused, and returns the present one', async () => {
        const first = await create();
        const { record } = await change(first, { status: 'Completed' });
        const refused = { won: false, record };
        expect(await change(first, { status: 'Queued' }, { writer: 'late', settled: false })).toEqual(refused);
        expect(await change(first, finished, { writer: 'late', settled: true })).toEqual(refused);
        expect(await store.save(tableRecord({ writer: 'later' }), undefined)).toEqual(refused);
        expect(await store.get(job)).toEqual(record);
      });

      test('that knows a job which is gone is refused, and creates none', async () => {
        expect(await change(tableRecord())).toEqual({ won: false, record: undefined });
        expect(await store.get(job)).toBeUndefined();
      });

      test('can change every member, and remove it', async () => {
        const first = await create({ deliveries: { 'completed/team': someDelivery() } });
        const full = after(first, 'second', {
          status: 'Failed',
          job: completed,
          changedAt: '2026-01-01T10:20:00.000Z',
          notFoundSince: '2026-01-01T10:21:00.000Z',
          check: { failures: 3, error: 'answered 500', nextAt: null, failingSince: '2026-01-01T10:22:00.000Z' },
          dueAt: 2_000,
          pendingAt: '2026-01-01T10:23:00.000Z',
          lease: { owner: 'second', since: 3, until: 4 },
          decision: someDecision(),
          superseded: { completed: { decision: someDecision(), job: completed } },
          exceeded: { noProgressFor: { minutes: 20, decision: someDecision({ outcome: 'stuck' }), job: completed } },
          progress: { statistics: statistics, since: '2026-01-01T10:12:00.000Z' },
        });
        expect((await store.save(full, first)).record).toEqual(full);
        const nothing = { status: null, job: null, changedAt: null, notFoundSince: null, pendingAt: null, lease: null };
        const bare = after(full, 'third', {
          ...finished,
          ...nothing,
          decision: null,
          superseded: {},
          exceeded: null,
          progress: null,
        });
        expect((await store.save(bare, full)).record).toEqual(bare);
        expect(await store.get(job)).toEqual(bare);
      });
    });

    describe('a write whose response was lost', () => {
      const lease = { owner: 'mine', since: 1, until: 2 };

      test('succeeds when it is repeated', async () => {
        const first = tableRecord();
        const second = after(first, 'second', { status: 'Completed' });
        for (const [next, known] of [[first], [second, first]] as const) {
          for (let attempt = 0; attempt < 2; attempt++) {
            expect(await store.save(next, known)).toEqual({ won: true, record: next });
          }
        }
      });

      test('succeeds when it is repeated, by its lease, although another worker has written under it', async () => {
        const first = await create();
        const mine = after(first, 'mine', { lease });
        await store.save(mine, first);
        const { record } = await change(mine, { status: 'Completed' });
        expect(await store.save(mine, first)).toEqual({ won: true, record });
      });

      test('is not the success of another worker', async () => {
        const first = await create();
        const mine = after(first, 'mine', { lease });
        await store.save(mine, first);
        expect(await store.save({ ...mine, writer: 'another' }, first)).toEqual({ won: false, record: mine });
      });
    });

    describe('deliveries', () => {
      const pending = someDelivery();
      const sent = someDelivery({ state: 'sent', attempts: 1, nextAt: null, receipt: 'receipt-1' });

      test('are added by a write of the state, which replaces and removes none', async () => {
        const first = await create({ deliveries: { 'failed/team': pending, 'failed/hook': sent } });
        const added = { 'failed/team': someDelivery({ error: 'of the second' }), 'failed/events': pending };
        const second = after(first, 'second', { deliveries: added });
        const all = { 'failed/team': pending, 'failed/hook': sent, 'failed/events': pending };
        // The result is the same whether the writer knows of the delivery or not.
        expect((await store.save(second, { ...first, deliveries: {} })).record?.deliveries).toEqual(all);
        const third = { ...all, 'failed/events': someDelivery({ state: 'dead', error: 'of the third' }) };
        expect((await change({ ...second, deliveries: all }, { deliveries: third })).record?.deliveries).toEqual(all);
      });

      test('become ambiguous by a write of the state, which changes nothing else of them', async () => {
        const first = await create({ deliveries: { 'failed/team': pending, 'failed/events': pending } });
        const ambiguousSince = '2026-01-01T10:30:00.000Z';
        const ambiguous = someDelivery({ ambiguousSince, attempts: 7, error: 'of the writer' });
        const { record } = await change(first, { deliveries: { ...first.deliveries, 'failed/team': ambiguous } });
        expect(record?.deliveries).toEqual({ 'failed/team': { ...pending, ambiguousSince }, 'failed/events': pending });
      });

      test('can be sent while another worker writes the state, and that worker sees it', async () => {
        const first = await create({ deliveries: { 'failed/team': pending } });
        await store.saveDelivery(job, 'failed/team', sent, pending);
        const saved = await change(first, { status: 'Failed' });
        expect(saved).toMatchObject({ won: true, record: { status: 'Failed', deliveries: { 'failed/team': sent } } });
      });

      test('can be stored at the same moment', async () => {
        const keys = Array.from({ length: 20 }, (_, index) => `failed/channel-${index}`);
        await create({ deliveries: Object.fromEntries(keys.map((key) => [key, pending])) });
        const receipt = (key: string) => ({ ...sent, receipt: `receipt of ${key}` });
        await Promise.all(keys.map((key) => store.saveDelivery(job, key, receipt(key), pending)));
        expect(await deliveries()).toEqual(Object.fromEntries(keys.map((key) => [key, receipt(key)])));
      });

      test('are stored whatever the revision is, and counted, and nothing else changes', async () => {
        const first = await create({ deliveries: { 'failed/team': pending, 'failed/events': pending } });
        const second = after(first, 'second', { status: 'Failed', lease: { owner: 'second', since: 1, until: 2 } });
        await store.save(second, first);
        await store.saveDelivery(job, 'failed/team', sent, pending);
        expect(await store.get(job)).toEqual({
          ...second,
          receipts: 1,
          deliveries: { ...first.deliveries, 'failed/team': sent },
        });
      });

      test('are never overwritten once they are sent; until then they can be', async () => {
        await create({ deliveries: { 'failed/team': pending, 'failed/events': someDelivery({ state: 'dead' }) } });
        const failed = someDelivery({ attempts: 1, error: 'answered 500' });
        await store.saveDelivery(job, 'failed/team', failed, pending);
        expect((await deliveries())?.['failed/team']).toEqual(failed);
        for (const late of [sent, pending, someDelivery({ state: 'dead' }), { ...sent, receipt: 'receipt-2' }]) {
          for (const key of ['failed/team', 'failed/events']) await store.saveDelivery(job, key, late, pending);
        }
        expect(await deliveries()).toEqual({ 'failed/team': sent, 'failed/events': sent });
      });

      test.each<[string, ambiguousSince: string | null, known: string | null, kept: string | null]>([
        ['keeps that they are ambiguous, if the writer did not know', null, null, '2026-01-01T10:30:00.000Z'],
        ['makes them ambiguous', '2026-01-01T10:40:00.000Z', null, '2026-01-01T10:40:00.000Z'],
        ['makes them unambiguous, if the writer knew', null, '2026-01-01T10:30:00.000Z', null],
      ])('have one member that other workers write: a receipt %s', async (_, ambiguousSince, known, kept) => {
        const ambiguous = someDelivery({ ambiguousSince: '2026-01-01T10:30:00.000Z' });
        await create({ deliveries: { 'failed/team': ambiguous } });
        const knownDelivery = someDelivery({ ambiguousSince: known });
        expect(
          await store.saveDelivery(job, 'failed/team', { ...sent, ambiguousSince }, knownDelivery),
        ).toBeUndefined();
        expect((await deliveries())?.['failed/team']).toEqual({ ...sent, ambiguousSince: kept });
      });

      test('show the receipt that they have to a worker that brings another, and can be made ambiguous then', async () => {
        await create({ deliveries: { 'failed/team': pending } });
        const since = '2026-01-01T10:30:00.000Z';
        await store.setAmbiguous(job, 'failed/team', since);
        expect(await store.saveDelivery(job, 'failed/team', sent, pending)).toBeUndefined();
        expect(await store.saveDelivery(job, 'failed/team', { ...sent, receipt: 'another' }, pending)).toEqual(sent);
        expect(await store.saveDelivery(job, 'failed/team', someDelivery({ error: 'late' }), pending)).toBeUndefined();
        await store.setAmbiguous(job, 'failed/team', since);
        expect(await deliveries()).toEqual({ 'failed/team': { ...sent, ambiguousSince: since } });
        await store.setAmbiguous(job, 'failed/team', null);
        await store.setAmbiguous(job, 'failed/events', since);
        await store.setAmbiguous({ ...job, jobId: 'job_2' }, 'failed/team', since);
        expect(await deliveries()).toEqual({ 'failed/team': sent });
      });

      test('can be stored as a whole by a write of the state, which then needs no other one', async () => {
        const first = await create({ deliveries: { 'failed/team': pending, 'failed/events': pending } });
        const next = after(first, 'second', { deliveries: { ...first.deliveries, 'failed/team': sent } });
        const options = { result: 'failed/team' };
        expect(await store.save(next, first, { ...options, settled: true })).toEqual({ won: false, record: first });
        expect(await store.save(next, first, options)).toEqual({ won: true, record: next });
        // The response was lost.
        expect(await store.save(next, first, options)).toEqual({ won: true, record: next });
        const later = { ...sent, receipt: 'receipt-2' };
        const third = after(next, 'third', { deliveries: { ...next.deliveries, 'failed/team': later } });
        expect(await store.save(third, next, options)).toEqual({ won: false, record: next });
        const fourth = after(next, 'fourth', { deliveries: { ...next.deliveries, 'failed/events': sent } });
        const last = { result: 'failed/events', settled: true };
        expect(await store.save(fourth, next, last)).toEqual({ won: true, record: fourth });
      });

      test('are not created by a receipt, and neither is a job', async () => {
        const record = await create({ deliveries: { 'failed/team': pending } });
        await store.saveDelivery(job, 'failed/events', sent, pending);
        await store.saveDelivery({ ...job, jobId: 'job_2' }, 'failed/team', sent, pending);
        expect(await store.get(job)).toEqual(record);
        expect(await store.get({ ...job, jobId: 'job_2' })).toBeUndefined();
      });

      test('that are dead become pending again by a write of the state, as a whole; sent ones do not', async () => {
        const dead = someDelivery({ state: 'dead', nextAt: null, attempts: 9, error: 'gone' });
        const known = await create({ watch: 'dead', deliveries: { 'failed/team': dead, 'failed/events': sent } });
        const revived = { ...dead, state: 'pending' as const, createdAt: '2026-02-01T10:00:00.000Z' };
        const both = { 'failed/team': revived, 'failed/events': revived };
        const { record } = await change(known, { watch: 'jobs', deliveries: both });
        expect(record?.deliveries).toEqual({ 'failed/team': revived, 'failed/events': sent });
      });

      test('can go to 200 channels: they are added, become ambiguous, are revived and settled, and lose no receipt', async () => {
        const to = (outcome: string, delivery: Parameters<typeof someDelivery>[0] = {}) =>
          Object.fromEntries(
            Array.from({ length: 200 }, (_, index) => [
              `${outcome}/a-channel-of-the-tests-${index}`,
              someDelivery(delivery),
            ]),
          );
        const write = async (known: JobRecord, values: Partial<JobRecord>, settled = false) =>
          await store.save(after(known, `writer-${known.jobId}-${known.revision}`, values), known, { settled });
        const since = { ambiguousSince: '2026-01-01T10:30:00.000Z' };
        const late = (await write(await create(), { deliveries: to('late') })).record as JobRecord;
        const both = { ...to('late', since), ...to('failed') };
        const known = (await write(late, { deliveries: both })).record as JobRecord;
        expect(known.deliveries).toEqual(both);

        const key = 'failed/a-channel-of-the-tests-7';
        await store.saveDelivery(job, key, someDelivery({ state: 'sent', nextAt: null }), someDelivery());
        const ambiguous = { ...to('late', since), ...to('failed', since) };
        const { won, record } = await write(known, { deliveries: ambiguous });
        const again = won ? record : (await write(record as JobRecord, { deliveries: ambiguous })).record;
        expect(again?.deliveries[key]?.state).toBe('sent');
        expect(again?.deliveries['failed/a-channel-of-the-tests-8']).toMatchObject(since);

        const other = { environment: 'production', jobId: 'job_2' };
        const dead = await create({ ...other, deliveries: to('failed', { state: 'dead', nextAt: null }) });
        const revived = (await write(dead, { deliveries: to('failed') })).record as JobRecord;
        expect(revived.deliveries).toEqual(to('failed'));
        expect(await write(revived, finished, true)).toMatchObject({ won: false });
        const sent = { jobId: 'job_3', deliveries: to('failed', { state: 'sent', nextAt: null }) };
        expect(await write(await create(sent), finished, true)).toMatchObject({ won: true });
      });

      test('can fill an item up to nearly 400 KB', async () => {
        const error = 'x'.repeat(2_000);
        const names = Array.from({ length: 170 }, (_, index) => `failed/channel-${index}`);
        const all = Object.fromEntries(names.map((one) => [one, someDelivery({ error })]));
        const known = await create({ deliveries: all });
        await store.saveDelivery(
          known,
          'failed/channel-7',
          someDelivery({ state: 'sent', nextAt: null, error }),
          pending,
        );
        const { won, record } = await change(known);
        expect(won).toBe(true);
        expect(record?.deliveries['failed/channel-7']?.state).toBe('sent');
        expect(JSON.stringify(record).length).toBeGreaterThan(370_000);
      });
    });

    describe('leaving the work list', () => {
      const sent = someDelivery({ state: 'sent', nextAt: null });

      test('is refused while a delivery is pending in the table, whatever the writer knows', async () => {
        const first = await create({ deliveries: { 'failed/team': someDelivery(), 'failed/events': sent } });
        const believed = { ...first, deliveries: { 'failed/team': sent, 'failed/events': sent } };
        expect(await change(believed, finished, { settled: true })).toEqual({ won: false, record: first });
        expect(await store.get(job)).toEqual(first);
      });

      test('is possible with dead deliveries, and with none', async () => {
        const dead = someDelivery({ state: 'dead', nextAt: null });
        const first = await create({ deliveries: { 'failed/team': sent, 'failed/events': dead } });
        expect((await change(first, finished, { settled: true })).won).toBe(true);
        expect((await change(await create({ jobId: 'job_2' }), finished, { settled: true })).won).toBe(true);
      });

      test('can be undone, which removes the expiry', async () => {
        const first = await create();
        const second = after(first, 'second', finished);
        await store.save(second, first, { settled: true });
        expect([await listed(store), await store.get(job)]).toEqual([[], second]);
        const third = after(second, 'third', { watch: 'jobs', dueAt: 5, expiresAt: null });
        await store.save(third, second);
        expect([await listed(store), await store.get(job)]).toEqual([['production#job_1'], third]);
      });

      test('may lead to the list of dead deliveries', async () => {
        await change(await create(), { watch: 'dead' });
        await create({ jobId: 'job_2' });
        await create({ jobId: 'job_3', ...finished });
        const dead: string[] = [];
        for await (const page of store.dead()) dead.push(...page.map(({ jobId }) => jobId));
        expect([await listed(store), dead]).toEqual([['production#job_2'], ['job_1']]);
      });
    });

    describe('the work list', () => {
      const createDue = async (...times: number[]): Promise<JobRecord[]> => {
        const records = [];
        for (const dueAt of times) records.push(await create({ jobId: `at-${dueAt}`, dueAt }));
        return records;
      };

      test('shows what decides whether the item is read, with null for missing members, and nothing else', async () => {
        const lease = { owner: 'writer-1', since: 1, until: 2 };
        const check = { failures: 2, error: 'answered 500', nextAt: null, failingSince: '2026-01-01T10:00:00.000Z' };
        const [notFoundSince, pendingAt] = ['2026-01-01T10:05:00.000Z', '2026-01-01T10:06:00.000Z'];
        const unshown = { deliveries: { 'failed/team': someDelivery() }, decision: someDecision(), job: completed };
        const record = await create({ check, lease, notFoundSince, pendingAt, dueAt: 7, ...unshown });
        const { environment, jobId, status } = record;
        const shown = { environment, jobId, status, notFoundSince, check, lease, pendingAt, dueAt: 7 };
        const [entry] = await entriesOf(store);
        expect(entry).toMatchObject(shown);
        for (const member of ['deliveries', 'decision', 'job', 'writer', 'revision', 'superseded', 'expiresAt']) {
          expect(entry).not.toHaveProperty(member);
        }
        const nothing = { status: null, lease: null, notFoundSince: null, pendingAt: null };
        await change(record, nothing);
        expect(await entriesOf(store)).toMatchObject([nothing]);
      });

      test('ends at a time, that time included, the longest due first', async () => {
        await createDue(30, 10, 40, 20);
        expect(await listed(store, 30)).toEqual(['production#at-10', 'production#at-20', 'production#at-30']);
        expect(await listed(store, 9)).toEqual([]);
      });

      test('starts after a cursor, whether its job is still there or not', async () => {
        const [, second, third] = (await createDue(10, 20, 30, 40)) as [JobRecord, JobRecord, JobRecord];
        const [at20, at30, at40] = [20, 30, 40].map((dueAt) => ({ jobKey: `production#at-${dueAt}`, dueAt }));
        expect(await listed(store, 30, at20)).toEqual(['production#at-30']);
        expect(await listed(store, 40, at40)).toEqual([]);
        await change(second, finished);
        await change(third, { dueAt: 50 });
        for (const cursor of [at20, at30]) {
          expect(await listed(store, 99, cursor)).toEqual(['production#at-40', 'production#at-30']);
        }
      });

      test('leaves out and repeats no entry after a cursor, if many are due at the same moment', async () => {
        await Promise.all(Array.from({ length: 25 }, (_, index) => create({ jobId: `job_${index}`, dueAt: 10 })));
        const all = await listed(store);
        expect(new Set(all).size).toBe(25);
        for (const [index, key] of all.entries()) {
          expect(await listed(store, 10, { jobKey: key, dueAt: 10 })).toEqual(all.slice(index + 1));
        }
      });
    });

    test('the known ones of any number of jobs are found, as a whole or with what shows whether they were given up', async () => {
      const first = await create({ jobId: 'job_1' });
      const { status, check } = first;
      const givenUp = { status: null, check: { failures: 2, error: 'no such job', nextAt: null, failingSince: null } };
      const second = await create({ jobId: 'job_205', ...givenUp });
      const jobs = Array.from({ length: 210 }, (_, index) => ({ environment: 'production', jobId: `job_${index}` }));
      const known = new Map([
        ['production#job_1', { status, check }],
        ['production#job_205', givenUp],
      ]);
      expect(await store.known(jobs)).toEqual(known);
      expect(await store.known([])).toEqual(new Map());
      const records = new Map([
        ['production#job_1', first],
        ['production#job_205', second],
      ]);
      expect(await store.getAll(jobs)).toEqual(records);
    });

    describe('marks', () => {
      const mark = { until: 5, failures: 1, reason: 'because', since: '2026-01-01T10:00:00.000Z' };
      const read = async (...keys: string[]) => Object.fromEntries(await store.readMarks(keys));

      test('are read as they were written, without missing ones, and are not in the work list', async () => {
        const cursor = { from: { jobKey: 'production#job_1' }, dueAt: 5 };
        await store.writeMark('cooldown#channel#team', mark);
        await store.writeMark('sweep', cursor);
        expect(await read('cooldown#channel#team', 'cooldown#channel#events', 'sweep')).toEqual({
          'cooldown#channel#team': mark,
          sweep: cursor,
        });
        expect(await listed(store)).toEqual([]);
      });

      test('are read with a record in one call, each only if it exists', async () => {
        const job = { environment: 'production', jobId: 'job_1' };
        await store.writeMark('sweep', mark);
        expect(await store.getWithMarks(job, ['sweep', 'woken'])).toEqual({
          record: undefined,
          marks: new Map([['sweep', mark]]),
        });
        await store.save(someRecord(job), undefined);
        const { record, marks } = await store.getWithMarks(job, []);
        expect([record, marks]).toEqual([await store.get(job), new Map()]);
        expect(record).toBeDefined();
      });

      test.each(['cooldown', 'discovery', 'removed', 'sweep', 'sweep-requested', 'woken'])(
        'do not collide with the jobs of an environment named %s',
        async (environment) => {
          const record = tableRecord({ environment, jobId: 'production' });
          const key = `${environment}#production`;
          await store.writeMark(key, mark);
          expect(await store.get(record)).toBeUndefined();
          expect(await store.save(record, undefined)).toMatchObject({ won: true });
          expect(await read(key)).toEqual({ [key]: mark });
          expect(await store.claim(key, { now: 5, until: 6 })).toBe(true);
          await store.removeMark(key);
          expect(await store.get(record)).toMatchObject({
            environment,
            jobId: 'production',
            revision: record.revision,
          });
        },
      );

      test('are replaced as a whole, and removed whether they exist or not', async () => {
        await store.writeMark('sweep', { from: { jobKey: 'production#job_1', dueAt: 5 }, more: true });
        await store.writeMark('sweep', { from: null });
        expect(await read('sweep')).toEqual({ sweep: { from: null } });
        await store.removeMark('sweep');
        await store.removeMark('sweep');
        expect(await read('sweep')).toEqual({});
      });

      test('with a member that `unless` names are replaced only by writes without `unless`', async () => {
        const write = (value: object) => store.writeMark('discovery', value, { unless: 'begunAt' });
        for (const discovery of [{ trouble: 'a' }, { trouble: 'b' }]) {
          await write(discovery);
          expect(await read('discovery')).toEqual({ discovery });
        }
        await Promise.all(['a', 'b', 'c'].map((begunAt) => write({ begunAt })));
        const first = await read('discovery');
        await write({ begunAt: 'late' });
        await write({ trouble: 'late' });
        expect(await read('discovery')).toEqual(first);
        await store.writeMark('discovery', { begunAt: 'd' });
        expect(await read('discovery')).toEqual({ discovery: { begunAt: 'd' } });
      });

      test('can be claimed by one worker at a time, until their time is over', async () => {
        const claim = (now: number, until: number) => store.claim('sweep-requested', { now, until });
        const claims = await Promise.all(Array.from({ length: 5 }, () => claim(10, 20)));
        expect(claims.filter(Boolean)).toHaveLength(1);
        expect([await claim(19, 29), await claim(20, 30)]).toEqual([false, true]);
        expect(await read('sweep-requested')).toEqual({ 'sweep-requested': { until: 30 } });
        await store.removeMark('sweep-requested');
        expect(await claim(21, 31)).toBe(true);
      });

      test('can hold a line of time, of which each claim gets a part of its own', async () => {
        const claimBy = (latestEnd: number, now: number, ms: number) =>
          store.claimTime('pace#team', { now, ms, latestEnd, mostAheadMs: 1_000 });
        const claim = async (now: number, ms: number) => (await claimBy(Number.MAX_SAFE_INTEGER, now, ms)).begin;
        const begins = await Promise.all(Array.from({ length: 5 }, () => claim(100, 10)));
        expect(begins.sort((one, other) => one - other)).toEqual([100, 110, 120, 130, 140]);
        // Another claim follows the last one, or begins now if that is over.
        expect([await claim(149, 30), await claim(180, 5), await claim(300, 5)]).toEqual([150, 180, 300]);
        expect(await read('pace#team')).toEqual({ 'pace#team': { until: 305 } });
        // All that ends in time is claimed, whoever claims at the same moment.
        const some = await Promise.all(Array.from({ length: 5 }, () => claimBy(330, 301, 10)));
        expect(some.filter(({ isClaimed }) => isClaimed).map(({ begin }) => begin)).toHaveLength(2);
        expect(await claimBy(330, 301, 10)).toEqual({ isClaimed: false, begin: 325 });
        expect(await read('pace#team')).toEqual({ 'pace#team': { until: 325 } });
        // The clock that claimed so far ahead was wrong.
        await claim(5_000, 10);
        expect([await claim(4_010, 1), await claim(4_009, 1), await claim(3_000, 1)]).toEqual([5_010, 4_009, 3_000]);
      });

      test('can be read in any number', async () => {
        expect(await read()).toEqual({});
        const keys = Array.from({ length: 250 }, (_, index) => `cooldown#channel#${index}`);
        await Promise.all(keys.map((key) => store.writeMark(key, { ...mark, reason: key })));
        const expected = Object.fromEntries(keys.map((key) => [key, { ...mark, reason: key }]));
        expect(await read('absent', ...keys)).toEqual(expected);
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
        const record = tableRecord({ jobId: `${'j'.repeat(120)}${index}`, dueAt: index % 50, check });
        keys.add(jobKey(record));
        await started.store.save(record, undefined);
      };
      for (let index = 0; index < count; index += 50) {
        await Promise.all(Array.from({ length: 50 }, (_, offset) => write(index + offset)));
      }
    }, 60_000);
    afterAll(() => started.close?.());

    test('every entry is listed once, in pages, in order', async () => {
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

    test('every entry but the first is listed after the first', async () => {
      const [first] = await entriesOf(started.store, 0);
      const cursor = { jobKey: jobKey(first as DueEntry), dueAt: 0 };
      expect((await listed(started.store, 50, cursor)).length).toBe(count - 1);
    });
  });
}

async function entriesOf(store: Store, until = Number.MAX_SAFE_INTEGER, cursor?: Cursor): Promise<DueEntry[]> {
  const entries: DueEntry[] = [];
  for await (const page of store.due(until, cursor)) entries.push(...page);
  return entries;
}

const listed = async (store: Store, until?: number, cursor?: Cursor): Promise<string[]> =>
  (await entriesOf(store, until, cursor)).map(jobKey);
