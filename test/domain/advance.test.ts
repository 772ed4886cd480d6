import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { release, revive } from '../../lib/domain/advance.ts';
import { decisionOf } from '../../lib/domain/announce.ts';
import { backoffMs, clampWaitMs } from '../../lib/domain/backoff.ts';
import type { DecisionContext } from '../../lib/domain/decision-context.ts';
import {
  type Delivery,
  deliveryKey,
  isTerminal,
  type Job,
  type JobRecord,
  type Reading,
  timeLimitNames,
} from '../../lib/domain/job.ts';
import { dueDeliveries, failingSinceOf, isOverdue, splitKey } from '../../lib/domain/outbox.ts';
import { decideNext } from '../../lib/pipeline/check.ts';
import {
  contextAt,
  someStatistics as counted,
  day,
  deadDelivery,
  hour,
  iso,
  someJob as jobOf,
  minute,
  jobName as name,
  notFound,
  readingOf as read,
  sentDelivery,
  someDecision,
  someDelivery,
  someRecord,
  start,
  unreadable,
} from '../support/builders.ts';

const nobody = { rules: [] };

const staleCounters = { statistics: counted({ asOf: iso(start - 5 * minute) }) };
const notAsked: Reading = { kind: 'notAsked', error: 'the environment is paused', since: null };
const removed: Reading = { kind: 'environmentRemoved' };

function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}
/** What follows from a reading so many milliseconds after the start. */
const decided = (
  known: JobRecord | undefined,
  reading: Reading | null,
  ms = 0,
  values: Partial<DecisionContext> = {},
) => decideNext(frozen(known), name, reading, contextAt(start + ms, values));
/** The same, if it writes. */
function stepped(...args: Parameters<typeof decided>): JobRecord {
  const { next } = decided(...args);
  if (next === null) throw new Error('this writes nothing');
  return next;
}
const first = (reading: Reading, values: Partial<DecisionContext> = {}): JobRecord =>
  stepped(undefined, reading, 0, values);
const withDeliveries = (record: JobRecord, deliveries: Record<string, Partial<Delivery>>): JobRecord => ({
  ...record,
  deliveries: Object.fromEntries(
    Object.entries(deliveries).map(([key, values]) => [key, { ...pending, ...values }] as const),
  ),
});
const pending = someDelivery();
const sent = sentDelivery();
const dead = deadDelivery();

describe('first sight', () => {
  test('of a running job puts it into the work list, due at once, with nothing to send', () => {
    expect(first(read('Running'))).toEqual(
      someRecord({
        writer: `writer-${start}`,
        job: jobOf('Running'),
        changedAt: iso(start),
        decision: {
          ...someDecision({ reason: 'firstSeen', outcome: null, status: 'Running', previousStatus: null }),
          ...{ at: iso(start), channels: [], rule: null },
        },
      }),
    );
  });

  test.each(['Queued', 'Running'])('of a job that is %s is announced where a rule names that', (status) => {
    const rules = [{ when: { outcome: ['started'] }, notify: ['team'] }];
    const begun = first(read(status), { rules });
    expect(begun).toMatchObject({
      decision: { reason: 'firstSeen', outcome: 'started', channels: ['team'], rule: 'rules[0]' },
      deliveries: { 'started/team': pending },
      lease: { owner: `writer-${start}` },
      check: { nextAt: iso(start) },
      watch: 'jobs',
    });
    // Its message keeps what was decided, and the next status is no second start.
    const next = stepped(begun, read(status === 'Queued' ? 'Running' : 'Canceling'), minute, { rules });
    expect(next).toMatchObject({
      decision: { reason: 'statusChanged', outcome: null },
      superseded: { started: { decision: begun.decision, job: begun.job } },
    });
    expect(Object.keys(next.deliveries)).toEqual(['started/team']);
  });

  test('of a finished job stores the decision, a delivery for each channel, and the lease, in one record', () => {
    expect(first(read('Completed'))).toMatchObject({
      status: 'Completed',
      decision: {
        reason: 'firstSeenFinished',
        outcome: 'completed',
        channels: ['team', 'events'],
        rule: 'everyChannel',
      },
      deliveries: { 'completed/team': pending, 'completed/events': pending },
      lease: { owner: `writer-${start}`, since: start, until: start + 85_000 },
      check: { nextAt: null },
      watch: 'jobs',
      dueAt: start + 85_000,
      expiresAt: null,
    });
  });

  test('of a finished job that notifies nobody leaves at once, and is kept for a while', () => {
    expect(first(read('Completed'), nobody)).toMatchObject({
      decision: { outcome: 'completed', channels: [], rule: 'noRule' },
      deliveries: {},
      lease: null,
      watch: null,
      dueAt: null,
      expiresAt: (start + 30 * day) / 1_000,
    });
  });

  test('of a finished job stores the mention of the person who started it', () => {
    const rules = [{ when: { startedBy: ['Jane*'], createdByType: ['User'] }, notify: ['team'], mention: 'starter' }];
    const people = { 'Jane Editor': 'U012AB3CD' };
    const reading = read('Failed', { startedBy: 'Jane Editor', startedByType: 'User' });
    expect(first(reading, { rules, people }).decision).toMatchObject({ channels: ['team'], mention: 'U012AB3CD' });
    expect(first(read('Failed'), { rules, people }).decision).toMatchObject({ rule: 'noRule', mention: null });
  });

  test('of a job that ended long ago is recorded, and asks no rule', () => {
    expect(first(read('Failed', { finishedAt: iso(start - 2 * day) }))).toMatchObject({
      status: 'Failed',
      decision: { reason: 'finishedLongAgo', outcome: 'failed', channels: [], rule: null },
      deliveries: {},
      watch: null,
    });
  });

  test.each<[Reading, error: string]>([
    [notFound, 'no such job'],
    [unreadable, 'answered 500'],
    [notAsked, 'the environment is paused'],
  ])('with %o is recorded without a status, says why, and stays in the work list', (reading, error) => {
    const record = first(reading, { conclude: false });
    expect(record).toMatchObject({
      revision: 1,
      status: null,
      job: null,
      decision: null,
      watch: 'jobs',
      expiresAt: null,
    });
    expect(record.check.error).toBe(error);
  });
});

describe('a record that was written before', () => {
  test.each(['Queued', 'Running', 'Canceling', 'Archiving'])('%s and read as %s again causes no write', (status) => {
    const known = first(read(status));
    const moved = read(status, { statistics: counted({ processed: 7_848 }), name: 'renamed' });
    expect(decided(known, moved, hour)).toEqual({ next: null, transition: null });
  });

  test('of an announced job causes no write when a trigger names it again', () => {
    const known = { ...first(read('Completed'), nobody) };
    expect(decided(known, read('Completed'), day).next).toBeNull();
  });

  test.each([unreadable, notFound, notAsked, removed, read('Running')])(
    'of an announced job causes no write when a trigger names it again and the reading brings nothing (%o)',
    (reading) => {
      const known = first(read('Completed'), nobody);
      expect(decided(known, reading, 8 * day).next).toBeNull();
    },
  );

  test('and that has nothing due causes no write when only its deliveries are processed', () => {
    const known = first(read('Running'));
    expect(decided(known, null, minute)).toEqual({ next: null, transition: null });
  });

  test('grows by one revision with every write, which names its writer', () => {
    const running = first(read('Queued'));
    const next = stepped(running, read('Running'), minute, { writer: 'another' });
    expect(next).toMatchObject({
      revision: 2,
      writer: 'another',
      changedAt: iso(start + minute),
      firstSeenAt: iso(start),
    });
  });

  const terminal = ['Completed', 'Failed', 'Canceled'];
  test.each(
    terminal.flatMap((known) => ['Queued', 'Running', 'Canceling', 'Archiving'].map((late) => ({ known, late }))),
  )('says $known, and $late arrives too late to change that', ({ known, late }) => {
    for (const before of [first(read(known)), first(read(known, staleCounters))]) {
      const { next, transition } = decided(before, read(late), minute);
      expect(transition).toBeNull();
      expect(next ?? before).toMatchObject({ status: known, job: { status: known }, decision: before.decision });
    }
  });
});

describe('deliveries', () => {
  test('are added by a transition, and none is replaced', () => {
    const known = withDeliveries(release(first(read('Completed')), contextAt(start)), {
      'completed/team': sent,
      'completed/events': dead,
    });
    const corrected = stepped(known, read('Completed', { statistics: counted({ failed: 2 }) }), minute);
    expect(corrected.deliveries).toEqual({
      'completed/team': sent,
      'completed/events': dead,
      'completedWithWarnings/team': { ...pending, createdAt: iso(start + minute), nextAt: iso(start + minute) },
      'completedWithWarnings/events': { ...pending, createdAt: iso(start + minute), nextAt: iso(start + minute) },
    });
    expect(corrected.decision).toMatchObject({ reason: 'corrected', corrects: 'completed' });
  });

  test('of an outcome that was announced before are not made again', () => {
    const lost = stepped({ ...first(read('Running')), notFoundSince: iso(start - hour) }, notFound, minute);
    const told = withDeliveries({ ...lost, lease: null }, { 'lostTrack/team': sent, 'lostTrack/events': dead });
    const again = stepped(
      { ...told, check: { ...told.check, nextAt: iso(start) }, notFoundSince: iso(start) },
      notFound,
      hour,
    );
    expect(again).toMatchObject({ decision: { outcome: 'lostTrack' }, lease: null, watch: 'dead' });
    expect(again.deliveries).toEqual({ 'lostTrack/team': sent, 'lostTrack/events': dead });
  });

  test.each<[sentence: string, delivery: Partial<Delivery>, acceptsMessages: boolean, isDue: boolean]>([
    ['a pending one whose time has come is', pending, true, true],
    ['a pending one whose time is to come is not', { nextAt: iso(start + 1) }, true, false],
    ['a sent one is not', sent, true, false],
    ['a dead one is not', dead, true, false],
    ['a pending one to a closed channel is not', pending, false, false],
    ['one to a closed channel is not, however old it is', { createdAt: iso(start - 9 * day) }, false, false],
    [
      'one whose window has passed still waits for its time',
      { failingSince: iso(start - 9 * day), nextAt: iso(start + 1) },
      true,
      false,
    ],
  ])('can be worked on now: %s', (_, delivery, acceptsMessages, isDue) => {
    const record = withDeliveries(first(read('Completed')), { 'completed/team': delivery });
    const due = dueDeliveries(record, contextAt(start, { acceptsMessages: () => acceptsMessages }));
    expect(due).toEqual(
      isDue
        ? [{ key: 'completed/team', outcome: 'completed', channel: 'team', delivery: { ...pending, ...delivery } }]
        : [],
    );
  });

  test('are worked on in the order in which they were decided, so that no correction comes first', () => {
    const record = withDeliveries(first(read('Completed')), {
      'failed/team': { createdAt: iso(start - minute) },
      'canceled/team': { createdAt: iso(start) },
      'completed/team': { createdAt: iso(start - hour) },
    });
    expect(dueDeliveries(record, contextAt(start)).map(({ key }) => key)).toEqual([
      'completed/team',
      'failed/team',
      'canceled/team',
    ]);
  });

  test.each<[sentence: string, earlier: Partial<Delivery>, later: Partial<Delivery>, due: string[]]>([
    ['what waits goes before what came after it', { nextAt: iso(start + hour) }, {}, ['completed/team', 'failed/team']],
    ['what came after waits for its own time', {}, { nextAt: iso(start + hour) }, ['completed/team']],
    ['what is sent is not sent again', sent, {}, ['failed/team']],
    ['what is dead stays dead', dead, {}, ['failed/team']],
    ['neither is due', { nextAt: iso(start + hour) }, { nextAt: iso(start + minute) }, []],
  ])('to one channel keep their order: %s', (_, earlier, later, due) => {
    const record = withDeliveries(first(read('Completed')), {
      'failed/team': { ...later, createdAt: iso(start - minute) },
      'completed/team': { ...earlier, createdAt: iso(start - hour) },
      'completed/events': { nextAt: iso(start + day), createdAt: iso(start - hour) },
    });
    expect(dueDeliveries(record, contextAt(start)).map(({ key }) => key)).toEqual(due);
  });

  test.each([
    [null, false],
    [iso(start - 3 * day + 1), false],
    [iso(start - 3 * day), true],
  ])('are overdue when attempts have failed for the retry window: since %s, %s', (failingSince, expected) => {
    expect(isOverdue({ failingSince }, contextAt(start))).toBe(expected);
  });

  test.each<[sentence: string, before: Partial<Delivery>, since: number]>([
    ['from the first failure', { createdAt: iso(start - 9 * day) }, start],
    ['from the first failure that is not "busy"', { at: iso(start - hour), attempts: 3 }, start],
    ['from the first failure, while attempts go on', { at: iso(start - 6 * hour) }, start - day],
    ['without the part of a pause that is longer than 6 hours', { at: iso(start - 7 * hour) }, start - 23 * hour],
  ])('count their retry window %s', (_, before, since) => {
    const delivery = someDelivery({ failingSince: since < start ? iso(start - day) : null, ...before });
    expect(failingSinceOf({ deliveries: {} }, { channel: 'team', delivery }, 'gone', start)).toBe(iso(since));
  });

  test.each<[sentence: string, earlier: Partial<Delivery>, key: string, since: number]>([
    ['counts the wait for one that died', {}, 'failed/team', start - day],
    ['counts it from its own decision on', { failingSince: iso(start - 3 * day) }, 'failed/team', start - 2 * day],
    ['does not count it if that died of something else', { error: 'too long' }, 'failed/team', start],
    ['does not count it if that died before', { at: iso(start - 3 * day) }, 'failed/team', start],
    ['does not count it if that was sent', { state: 'sent' }, 'failed/team', start],
    ['does not count it if that went elsewhere', {}, 'failed/events', start],
  ])('%s', (_, earlier, key, since) => {
    const died = someDelivery({
      state: 'dead',
      error: 'gone',
      at: iso(start),
      failingSince: iso(start - day),
      ...earlier,
    });
    const delivery = someDelivery({ createdAt: iso(start - 2 * day) });
    const due = { channel: 'team', delivery };
    expect(failingSinceOf({ deliveries: { [key]: died } }, due, 'gone', start)).toBe(iso(since));
  });

  test('are named by outcome and channel, and by the limit if there is one', () => {
    expect(splitKey('completedWithWarnings/on-call')).toEqual({ outcome: 'completedWithWarnings', channel: 'on-call' });
    const late = { outcome: 'late', channel: 'on-call', limit: 'queuedFor' } as const;
    expect(splitKey(deliveryKey(late.outcome, late.channel, late.limit))).toEqual(late);
    expect(deliveryKey('late', 'on-call', 'queuedFor')).toBe('late/on-call/queuedFor');
  });
});

describe('a delivery that is looked up before it is repeated', () => {
  const lookedUp = new Set(['team']);
  const due = (deliveries: Record<string, Partial<Delivery>>, now: number) =>
    dueDeliveries(withDeliveries(first(read('Running')), deliveries), contextAt(now, { lookedUp })).map(
      ({ key }) => key,
    );
  const later = { createdAt: iso(start + 1) };
  const unknown = { at: iso(start), ambiguousSince: iso(start) };

  test('waits for a minute after its attempt, and so do the later ones of its channel', () => {
    const deliveries = { 'started/team': unknown, 'failed/team': later, 'failed/events': later };
    expect(due(deliveries, start + 64_999)).toEqual(['failed/events']);
    expect(due(deliveries, start + 65_000)).toEqual(['started/team', 'failed/team', 'failed/events']);
  });

  test.each<[sentence: string, deliveries: Record<string, Partial<Delivery>>]>([
    ['of another channel', { 'started/events': unknown }],
    ['of a worker that died before its attempt is known', { 'started/team': { ambiguousSince: iso(start) } }],
    ['whose attempt certainly failed', { 'started/team': { at: iso(start) } }],
  ])('does not wait: one %s', (_, deliveries) => {
    expect(due(deliveries, start + 1)).toEqual(Object.keys(deliveries));
  });
});

describe('the lease', () => {
  const ended = first(read('Completed'));

  type Row = [string, Record<string, Partial<Delivery>>, context: Partial<DecisionContext>, isTaken: boolean];
  test.each<Row>([
    ['with a delivery that is due', { 'completed/team': pending }, {}, true],
    ['with one of several that is due', { 'completed/team': sent, 'completed/events': pending }, {}, true],
    ['not with one that is due later', { 'completed/team': { nextAt: iso(start + minute) } }, {}, false],
    ['not with all sent', { 'completed/team': sent, 'completed/events': sent }, {}, false],
    ['not with one that is dead', { 'completed/team': dead }, {}, false],
    ['not without deliveries', {}, {}, false],
    ['not when no channel is open', { 'completed/team': pending }, { acceptsMessages: () => false }, false],
    [
      'not for a closed channel, however old',
      { 'completed/team': { createdAt: iso(start - 9 * day) } },
      { acceptsMessages: () => false },
      false,
    ],
  ])('is taken %s', (_, deliveries, context, isTaken) => {
    const known = { ...withDeliveries(ended, deliveries), lease: null, revision: 7 };
    const { next } = decided(known, null, 0, context);
    const lease = { owner: `writer-${start}`, since: start, until: start + 85_000 };
    expect((next ?? known).lease).toEqual(isTaken ? lease : null);
    if (isTaken) expect(next).toMatchObject({ revision: 8, watch: 'jobs', dueAt: lease.until, expiresAt: null });
  });

  test('of another is left alone while it holds, whatever is due', () => {
    const { next } = decided(ended, null, 84_999);
    expect(next).toBeNull();
  });

  test('of another is left alone by a transition, whose deliveries are recorded under it', () => {
    const next = stepped(ended, read('Failed'), minute);
    expect(next).toMatchObject({ lease: ended.lease, dueAt: start + 85_000, decision: { outcome: 'failed' } });
    expect(Object.keys(next.deliveries).sort()).toEqual([
      'completed/events',
      'completed/team',
      'failed/events',
      'failed/team',
    ]);
    expect(next.deliveries['completed/team']).toEqual(pending);
  });

  test.each([start + 85_000, start + day])('that expired is taken over (%d)', (now) => {
    expect(stepped(ended, null, now - start).lease).toEqual({
      owner: `writer-${now}`,
      since: now,
      until: now + 85_000,
    });
  });

  test('that expired makes exactly the deliveries ambiguous that were pending under it', () => {
    const known = withDeliveries(ended, {
      'completed/team': pending,
      'completed/events': { nextAt: iso(start + day), error: 'answered 500', attempts: 1 },
      'completed/third': sent,
      'completed/fourth': dead,
      'completed/fifth': { ambiguousSince: iso(start - hour) },
    });
    expect(stepped(known, null, hour).deliveries).toEqual({
      'completed/team': { ...pending, ambiguousSince: iso(start) },
      'completed/events': {
        ...pending,
        nextAt: iso(start + day),
        error: 'answered 500',
        attempts: 1,
        ambiguousSince: iso(start),
      },
      'completed/third': sent,
      'completed/fourth': dead,
      'completed/fifth': { ...pending, ambiguousSince: iso(start - hour) },
    });
  });

  test('that expired is released with its ambiguous deliveries if nothing can be sent now', () => {
    const next = stepped(ended, null, hour, { acceptsMessages: () => false });
    expect(next).toMatchObject({ lease: null, watch: 'jobs', dueAt: start });
    expect(next.deliveries['completed/team']).toMatchObject({ state: 'pending', ambiguousSince: iso(start) });
  });

  // No worker can have sent this message yet.
  test('that expired does not make a new delivery ambiguous', () => {
    const next = stepped(ended, read('Failed'), hour);
    expect(next.deliveries['completed/team']?.ambiguousSince).toBe(iso(start));
    expect(next.deliveries['failed/team']?.ambiguousSince).toBeNull();
  });

  test('that was released makes nothing ambiguous', () => {
    const known = release(ended, contextAt(start + minute));
    expect(stepped(known, null, hour).deliveries['completed/team']).toEqual(pending);
  });
});

describe('releasing the lease', () => {
  const ended = first(read('Completed'));
  const later = { ...pending, nextAt: iso(start + 5 * minute) };
  const soon = { ...pending, nextAt: iso(start + 2 * minute) };

  test.each<[sentence: string, deliveries: Record<string, Delivery>, expected: Partial<JobRecord>]>([
    [
      'all sent: it leaves the work list',
      { a: sent, b: sent },
      { watch: null, dueAt: null, pendingAt: null, expiresAt: (start + minute + 30 * day) / 1_000 },
    ],
    [
      'some pending: due with the earliest',
      { a: later, b: soon, c: sent },
      { watch: 'jobs', dueAt: start + 2 * minute, pendingAt: soon.nextAt, expiresAt: null },
    ],
    [
      'some dead, some pending: still in the work list',
      { a: dead, b: soon },
      { watch: 'jobs', dueAt: start + 2 * minute, pendingAt: soon.nextAt, expiresAt: null },
    ],
    [
      'some dead: it waits for a replay, and never expires',
      { a: dead, b: sent },
      { watch: 'dead', dueAt: start + minute, pendingAt: null, expiresAt: null },
    ],
  ])('%s', (_, deliveries, expected) => {
    const known = frozen({ ...ended, deliveries });
    expect(release(known, contextAt(start + minute, { writer: 'giver' }))).toEqual({
      ...known,
      ...expected,
      lease: null,
      revision: 2,
      writer: 'giver',
    });
  });

  test('a job that is still to be read is due with that', () => {
    const stale = withDeliveries(first(read('Completed', staleCounters)), {
      'completed/team': sent,
      'completed/events': later,
    });
    expect(release(stale, contextAt(start + minute))).toMatchObject({ watch: 'jobs', dueAt: start, expiresAt: null });
  });
});

describe('a replay', () => {
  const ended = { ...first(read('Completed')), watch: 'dead' as const, dueAt: start, lease: null };
  const now = start + 9 * day;
  const anew = { state: 'pending' as const, createdAt: iso(now), nextAt: iso(now) };
  const all = () => true;

  test('makes dead deliveries pending as if just decided, keeps their past, and leaves all others as they are', () => {
    const deliveries = {
      'completed/team': { ...dead, ambiguousSince: iso(start) },
      'completed/events': sent,
      'completed/third': { ...pending, nextAt: iso(now + hour) },
    };
    const known = frozen({ ...ended, deliveries });
    expect(revive(known, all, contextAt(now, { writer: 'operator' }))).toEqual({
      next: {
        ...known,
        deliveries: { ...deliveries, 'completed/team': { ...dead, ambiguousSince: iso(start), ...anew } },
        revision: known.revision + 1,
        writer: 'operator',
        watch: 'jobs',
        dueAt: now,
        pendingAt: iso(now),
      },
      revived: ['completed/team'],
    });
  });

  test('takes the wanted ones only', () => {
    const known = withDeliveries(ended, { 'completed/team': dead, 'completed/events': dead, 'failed/team': dead });
    const { next, revived } = revive(
      frozen(known),
      ({ outcome, channel, key, delivery }) =>
        outcome === 'completed' && channel === 'team' && key === 'completed/team' && delivery.attempts === 99,
      contextAt(now),
    );
    expect(revived).toEqual(['completed/team']);
    expect(next.deliveries).toEqual({ ...known.deliveries, 'completed/team': { ...dead, ...anew } });
  });

  test('without a match leaves the record waiting', () => {
    const known = withDeliveries(ended, { 'completed/team': dead, 'completed/events': sent });
    const { next, revived } = revive(known, ({ channel }) => channel === 'events', contextAt(now));
    expect(revived).toEqual([]);
    expect(next).toMatchObject({ deliveries: known.deliveries, watch: 'dead', dueAt: start, expiresAt: null });
  });

  test('keeps the order in which they were decided, so that no correction comes first', () => {
    const known = withDeliveries(ended, {
      'failed/team': { ...dead, createdAt: iso(start + minute) },
      'canceled/team': { ...dead, createdAt: iso(start + hour) },
      'completed/team': { ...dead, createdAt: iso(start) },
    });
    const { next, revived } = revive(known, all, contextAt(now));
    const inOrder = ['completed/team', 'failed/team', 'canceled/team'];
    expect(revived).toEqual(inOrder);
    expect(dueDeliveries(next, contextAt(now)).map(({ key }) => key)).toEqual(inOrder);
  });
});

describe('what is to be done next', () => {
  test('what waits for a replay keeps its place there', () => {
    const known = release(withDeliveries(first(read('Completed')), { 'completed/team': dead }), contextAt(start));
    const corrected = stepped(known, read('Completed', { statistics: counted({ failed: 1 }) }), day, nobody);
    expect(corrected).toMatchObject({ watch: 'dead', dueAt: start, expiresAt: null });
  });

  test('the time of expiry is set once, in whole seconds, and not moved', () => {
    const known = stepped(undefined, read('Completed', staleCounters), 1, nobody);
    const left = stepped(known, read('Completed'), 2, nobody);
    expect(left).toMatchObject({ watch: null, expiresAt: start / 1_000 + 30 * 86_400 + 1 });
    const corrected = stepped(left, read('Failed'), day, nobody);
    expect(corrected.expiresAt).toBe(left.expiresAt);
  });

  test('a correction brings an expiring record back, and takes its expiry away', () => {
    const known = first(read('Completed'), nobody);
    expect(stepped(known, read('Failed'), day)).toMatchObject({ watch: 'jobs', expiresAt: null });
  });
});

describe('a job that cannot be read', () => {
  test('backs off', () => {
    let record = first(read('Running'));
    const waits = Array.from({ length: 7 }, (_, index) => {
      const now = start + index * hour;
      record = stepped(record, unreadable, now - start);
      expect(record).toMatchObject({ status: 'Running', watch: 'jobs', dueAt: Date.parse(record.check.nextAt ?? '') });
      return (record.dueAt ?? 0) - now;
    });
    expect(waits).toEqual([1, 2, 3, 4, 5, 6, 7].map(backoffMs));
    expect(record.check).toMatchObject({ failures: 7, error: 'answered 500', failingSince: iso(start) });
  });

  test.each([1, 5 * minute, hour])(
    'waits as long as the API asks, but at least its own backoff: %d ms',
    (retryAfterMs) => {
      const next = stepped(first(read('Running')), { ...unreadable, retryAfterMs } as Reading);
      expect(next.dueAt).toBe(start + Math.max(backoffMs(1), clampWaitMs(retryAfterMs)));
    },
  );

  test.each(['Running', 'Canceling'])(
    'and answers again as %s is due at once, with its failures forgotten',
    (status) => {
      let record = first(read('Running'));
      for (let failure = 0; failure < 4; failure++) record = stepped(record, unreadable);
      expect(stepped(record, read(status), minute)).toMatchObject({
        check: { failures: 0, error: null, nextAt: iso(start + minute), failingSince: null },
        dueAt: start + minute,
      });
    },
  );
});

describe('a job that the API does not know', () => {
  const running = first(read('Running'));

  test('remembers since when, and is due in the next sweep', () => {
    const denied = stepped(running, notFound, minute);
    expect(denied).toMatchObject({ notFoundSince: iso(start + minute), status: 'Running', dueAt: start });
    expect(denied.check).toMatchObject({ failures: 0, error: 'no such job' });
    expect(decided(denied, notFound, 2 * minute).next).toBeNull();
    expect(stepped(denied, unreadable, 2 * minute).notFoundSince).toBe(iso(start + minute));
  });

  test('and that is found again was never unknown', () => {
    const denied = stepped(running, notFound, minute);
    expect(stepped(denied, read('Running'), 2 * minute)).toMatchObject({ notFoundSince: null, check: { error: null } });
  });

  test('leaves without a word when it was never seen', () => {
    const unknown = first(notFound);
    expect(unknown).toMatchObject({ notFoundSince: iso(start), dueAt: start });
    expect(stepped(unknown, notFound, 10 * minute)).toMatchObject({
      decision: { reason: 'notFound', outcome: null, rule: null },
      deliveries: {},
      check: { nextAt: null },
      watch: null,
      dueAt: null,
    });
  });

  test('does not become unknown once it has ended', () => {
    const ended = first(read('Completed', staleCounters), nobody);
    expect(stepped(ended, notFound, minute)).toMatchObject({ notFoundSince: null, watch: null });
  });
});

describe('counters that are older than the end', () => {
  const stale = first(read('Completed', staleCounters), nobody);

  test.each<[sentence: string, values: Partial<Job>]>([
    ['older', staleCounters],
    ['absent', { statistics: null }],
    ['of an unknown time', { statistics: counted({ asOf: null }) }],
  ])('%s, they are read again in the next sweep', (_, values) => {
    expect(first(read('Completed', values), nobody)).toMatchObject({
      check: { nextAt: iso(start) },
      watch: 'jobs',
      dueAt: start,
    });
  });

  test.each<[sentence: string, values: Partial<Job>]>([
    ['and are final then', {}],
    ['and are as old as before', staleCounters],
    ['and are absent', { statistics: null }],
  ])('are read again only once: %s', (_, values) => {
    expect(stepped(stale, read('Completed', values), minute, nobody)).toMatchObject({
      check: { nextAt: null },
      watch: null,
    });
  });

  test('that were read stay when the next response has none', () => {
    const next = stepped(stale, read('Completed', { statistics: null }), minute, nobody);
    expect(next.job).toEqual(stale.job);
  });

  // No sweep came by meanwhile, or it would have given them up.
  test.each([minute, 8 * day])('are final when they are read after a failure (%d ms later)', (passed) => {
    const failing = stepped(stale, unreadable);
    const next = stepped(failing, read('Completed'), passed, nobody);
    expect(next.check).toEqual({ failures: 0, error: null, nextAt: null, failingSince: null });
  });

  test('are given up after exactly 7 days of failures', () => {
    const failing = stepped(stale, unreadable);
    expect(stepped(failing, unreadable, 7 * day - 1).check.nextAt).not.toBeNull();
    expect(stepped(failing, unreadable, 7 * day).check).toEqual({ ...failing.check, nextAt: null });
  });

  test('are read again later if the API says that the job runs, and the record says why', () => {
    expect(stepped(stale, read('Running'), minute).check).toMatchObject({
      failures: 1,
      error: 'the API now returns Running',
    });
  });

  test('are read again later if that fails', () => {
    expect(stepped(stale, unreadable, minute)).toMatchObject({ watch: 'jobs', dueAt: start + minute + backoffMs(1) });
  });

  // The end is known and announced. The wait for the final counters is bounded.
  test.each<[sentence: string, reading: Reading]>([
    ['the job cannot be read', unreadable],
    ['its environment cannot be asked', { ...notAsked, since: iso(start) } as Reading],
    ['the API says that it runs', read('Running')],
  ])('are given up in the end, although %s', (_, reading) => {
    const known = decided(stale, reading, minute).next ?? stale;
    expect(stepped(known, reading, 8 * day)).toMatchObject({ check: { nextAt: null }, watch: null });
  });

  test('are replaced by those of the next reading', () => {
    const next = stepped(stale, read('Completed', { statistics: counted({ processed: 103 }) }), minute, nobody);
    expect(next).toMatchObject({ job: { statistics: { processed: 103 } }, decision: stale.decision });
  });
});

describe('an environment that cannot be asked, or is gone', () => {
  test('causes no write for its known jobs', () => {
    const reading: Reading = { ...notAsked, since: iso(start - hour) } as Reading;
    for (const record of [first(read('Running')), first(unreadable), first(notFound), first(notAsked)]) {
      expect(decided(record, reading, minute).next).toBeNull();
    }
  });

  test('does not hold up the deliveries of its ended jobs', () => {
    const ended = { ...first(read('Completed', staleCounters)), lease: null };
    expect(stepped(ended, notAsked, minute).lease).not.toBeNull();
    expect(stepped(ended, removed, minute).lease).not.toBeNull();
  });

  test.each([read('Running'), notFound])('that is gone takes its jobs out of the work list (%o)', (reading) => {
    expect(stepped(first(reading), removed, minute)).toMatchObject({
      check: { nextAt: null },
      decision: { reason: 'environmentRemoved', outcome: null, rule: null },
      watch: null,
      dueAt: null,
      expiresAt: (start + minute + 30 * day) / 1_000,
    });
  });
});

test('a job that leaves with its environment keeps the reason why it could not be read', () => {
  const failing = stepped(first(read('Running')), unreadable);
  expect(stepped(failing, removed, hour).check).toEqual({ ...failing.check, nextAt: null });
});

describe('a job that was given up', () => {
  const asked = { conclude: false };
  const unknown = stepped(first(notFound), notFound, hour);
  const gone = stepped(first(read('Running')), removed, hour);
  const failing = stepped(first(read('Running')), unreadable);
  const lost = { ...stepped(failing, unreadable, 8 * day, nobody) };

  test.each<[sentence: string, given: JobRecord, reading: Reading]>([
    ['unknown, and still unknown', unknown, notFound],
    ['unknown, and running now', unknown, read('Running')],
    ['of an environment that came back', gone, notAsked],
    ['of an environment that came back, and unchanged', gone, read('Running')],
    ['lost, and unreadable again', lost, unreadable],
    ['lost, and running as it was', lost, read('Running')],
  ])('is watched again when a trigger names it: %s', (_, given, reading) => {
    const now = start + 20 * day;
    const next = stepped(given, reading, now - start, asked);
    expect(next).toMatchObject({ watch: 'jobs', expiresAt: null, firstSeenAt: iso(start) });
    const waits = [next.notFoundSince, next.check.failingSince].filter((since) => since !== null);
    expect(waits.filter((since) => since !== iso(now))).toEqual([]);
    expect(next.check.failures).toBeLessThanOrEqual(1);
  });

  test.each([true, false])('and is found finished is announced, by a sweep or a trigger (%s)', (conclude) => {
    const next = stepped(lost, read('Failed'), 20 * day, { conclude });
    expect(next).toMatchObject({
      decision: { reason: 'finished', outcome: 'failed', corrects: null },
      check: { nextAt: null },
    });
    expect(Object.keys(next.deliveries)).toEqual(['failed/team', 'failed/events']);
  });

  test('is not taken out twice when its environment is gone', () => {
    for (const record of [unknown, gone, lost]) {
      expect(decided(record, removed, 20 * day).next).toBeNull();
    }
  });

  // Two sweeps read the same 404, and the other one was faster. No trigger has named the job since.
  test.each<[sentence: string, given: JobRecord, reading: Reading]>([
    ['unknown', unknown, notFound],
    ['lost', lost, unreadable],
  ])('stays given up for a sweep that only comes second: %s', (_, given, reading) => {
    expect(decided(given, reading, 8 * day + 1).next).toBeNull();
  });
});

describe('a job that takes too long', () => {
  const timeLimits = [{ queuedFor: 30, runningFor: 60, noProgressFor: 20 }];
  const limited = { timeLimits };
  // Queued 20 minutes before the start, and running for 10.
  const late = start + 51 * minute;
  const running = first(read('Running'), limited);
  const told = stepped(running, read('Running'), late - start, limited);
  const counters = (asOf: number) => ({ statistics: counted({ asOf: iso(asOf) }) });

  test('is announced, and the decision about its last transition stays', () => {
    const queued = first(read('Queued', { startedAt: null }), limited);
    const next = stepped(queued, read('Queued', { startedAt: null }), 11 * minute, limited);
    expect(next).toEqual({
      ...queued,
      revision: 2,
      writer: `writer-${start + 11 * minute}`,
      lease: {
        owner: `writer-${start + 11 * minute}`,
        since: start + 11 * minute,
        until: start + 11 * minute + 85_000,
      },
      dueAt: start + 11 * minute + 85_000,
      pendingAt: iso(start + 11 * minute),
      exceeded: {
        queuedFor: {
          minutes: 30,
          job: jobOf('Queued', { startedAt: null }),
          decision: {
            reason: 'queuedTooLong',
            outcome: 'late',
            status: 'Queued',
            previousStatus: 'Queued',
            corrects: null,
            at: iso(start + 11 * minute),
            since: iso(start - 20 * minute),
            channels: ['team', 'events'],
            mention: null,
            rule: 'everyChannel',
          },
        },
      },
      deliveries: Object.fromEntries(
        ['late/team/queuedFor', 'late/events/queuedFor'].map((key) => [
          key,
          { ...pending, createdAt: iso(start + 11 * minute), nextAt: iso(start + 11 * minute) },
        ]),
      ),
    });
    expect(decided(queued, read('Queued'), 11 * minute, limited).transition).toBeNull();
  });

  test('is announced once per time limit, in one write if it exceeds several at once', () => {
    expect(Object.keys(told.exceeded ?? {})).toEqual(['runningFor', 'noProgressFor']);
    expect(Object.keys(told.deliveries).sort()).toEqual([
      'late/events/runningFor',
      'late/team/runningFor',
      'stuck/events/noProgressFor',
      'stuck/team/noProgressFor',
    ]);
    const again = { ...told, lease: null, deliveries: {}, dueAt: start, pendingAt: null };
    for (const reading of [read('Running'), read('Running', counters(start + day))]) {
      expect(decided(again, reading, day, limited).next).toBeNull();
    }
  });

  test('is announced at first sight', () => {
    const next = first(read('Running', { startedAt: iso(start - 2 * hour) }), limited);
    expect(next).toMatchObject({
      decision: { reason: 'firstSeen', outcome: null },
      exceeded: { runningFor: { decision: { reason: 'runningTooLong', previousStatus: null } } },
    });
    expect(Object.keys(next.deliveries)).toEqual(['late/team/runningFor', 'late/events/runningFor']);
  });

  test.each<[sentence: string, rules: DecisionContext['rules'], decision: object, keys: string[]]>([
    [
      'by the rules',
      [{ when: { outcome: ['stuck'] }, notify: [] }, { notify: ['team'] }],
      { rule: 'rules[1]' },
      ['late/team/runningFor'],
    ],
    [
      'with the mention of the rule',
      [{ when: { outcome: ['late'] }, notify: ['team'], mention: 'here' }],
      { mention: 'here' },
      ['late/team/runningFor'],
    ],
    ['to nobody, on purpose, once as well', [{ notify: [] }], { rule: 'rules[0]', channels: [] }, []],
    ['to nobody, for want of a rule, once as well', [], { rule: 'noRule', channels: [] }, []],
  ])('is announced %s', (_, rules, decision, keys) => {
    const next = stepped(running, read('Running'), late - start, { timeLimits, rules });
    expect(next.exceeded?.runningFor?.decision).toMatchObject({ outcome: 'late', ...decision });
    expect(Object.keys(next.deliveries)).toEqual(keys);
    const later = { ...next, lease: null, deliveries: {}, dueAt: start, pendingAt: null };
    expect(decided(later, read('Running'), day, { timeLimits, rules }).next).toBeNull();
  });

  test('is not announced without time limits or before they pass', () => {
    expect(decided(running, read('Running'), late - start).next).toBeNull();
    const soon = start + 19 * minute;
    expect(decided(running, read('Running'), soon - start, limited).next).toBeNull();
  });

  // What could not be seen is not announced.
  test.each<[sentence: string, reading: Reading | null]>([
    ['unknown', notFound],
    ['unreadable', unreadable],
    ['not asked, because its environment is paused', { ...notAsked, since: iso(start) } as Reading],
    ['gone with its environment', removed],
    ['not read', null],
  ])('is not announced while it is %s', (_, reading) => {
    const { next } = decided(running, reading, day, limited);
    expect((next ?? running).exceeded).toBeNull();
    expect((next ?? running).deliveries).toEqual({});
  });

  test('is not announced once it has ended or when a stale reading says that it runs', () => {
    const ended = first(read('Completed', staleCounters), { ...nobody, timeLimits });
    for (const reading of [read('Completed', staleCounters), read('Running'), read('Queued')]) {
      const { next } = decided(ended, reading, day, limited);
      expect((next ?? ended).exceeded).toBeNull();
    }
  });

  test('keeps its counters with a write that is made anyway, and else only when that is worth one', () => {
    expect(running.progress).toEqual({ statistics: counted(), since: iso(start) });
    const moved = read('Running', counters(start + minute));
    expect(decided(running, moved, 4 * minute, limited).next).toBeNull();
    const next = stepped(running, moved, 5 * minute, limited);
    expect(next).toMatchObject({ progress: { since: iso(start + 5 * minute) }, exceeded: null, lease: null });
  });

  test('is announced before its end, to each channel', () => {
    const ended = stepped(
      { ...told, lease: null },
      read('Completed', { finishedAt: iso(late) }),
      late - start,
      limited,
    );
    expect(ended).toMatchObject({
      exceeded: told.exceeded,
      decision: { outcome: 'completed', previousStatus: 'Running' },
    });
    const toTeam = dueDeliveries(ended, contextAt(late + minute)).filter(({ channel }) => channel === 'team');
    expect(toTeam.map(({ key }) => key)).toEqual([
      'late/team/runningFor',
      'stuck/team/noProgressFor',
      'completed/team',
    ]);
  });

  test('stays announced when it is lost and found, and is corrected like any other job', () => {
    const denied = stepped({ ...told, lease: null }, notFound, late - start, limited);
    const lost = stepped({ ...denied, lease: null }, notFound, late + hour - start, limited);
    expect(lost).toMatchObject({ exceeded: told.exceeded, decision: { outcome: 'lostTrack' } });
    const found = stepped({ ...lost, lease: null }, read('Running'), late + 2 * hour - start, {
      ...limited,
      conclude: false,
    });
    expect(found).toMatchObject({ exceeded: told.exceeded, decision: { reason: 'foundAgain' } });
    const ended = stepped(
      { ...found, lease: null },
      read('Completed', staleCounters),
      late + 3 * hour - start,
      limited,
    );
    const corrected = stepped(
      ended,
      read('Completed', { statistics: counted({ failed: 1 }) }),
      late + 4 * hour - start,
      limited,
    );
    expect(corrected).toMatchObject({ exceeded: told.exceeded, decision: { corrects: 'completed' } });
  });

  test('keeps what was decided about each limit, with the job as it was then', () => {
    const ended = stepped({ ...told, lease: null }, read('Failed'), late + hour - start, limited);
    expect(decisionOf(ended, { outcome: 'late', limit: 'runningFor' })).toMatchObject({
      decision: { reason: 'runningTooLong', at: iso(late) },
      job: { status: 'Running' },
    });
    expect(decisionOf(ended, { outcome: 'stuck', limit: 'noProgressFor' }).decision?.reason).toBe('noProgress');
    expect(decisionOf(ended, { outcome: 'late', limit: 'queuedFor' }).decision).toBeNull();
  });
});

describe('what was decided about an outcome', () => {
  const job = jobOf('Completed', staleCounters);
  const told = first({ kind: 'job', job });
  const corrected = stepped(told, read('Completed', { statistics: counted({ failed: 2 }) }), hour);

  test('is the present decision with the present job', () => {
    expect(decisionOf(corrected, { outcome: 'completedWithWarnings' })).toEqual({
      decision: corrected.decision,
      job: corrected.job,
    });
  });

  test('stays with the job as it was then, for messages that are still to be sent', () => {
    expect(decisionOf(corrected, { outcome: 'completed' })).toEqual({ decision: told.decision, job });
  });

  test('survives a second change, in whatever order the table gives the deliveries', () => {
    const deliveries = Object.fromEntries(Object.entries(corrected.deliveries).reverse());
    const failed = stepped({ ...corrected, deliveries }, read('Failed'), 2 * hour);
    expect(decisionOf(failed, { outcome: 'completedWithWarnings' }).decision).toEqual(corrected.decision);
    expect(decisionOf(failed, { outcome: 'completed' }).decision).toEqual(told.decision);
  });

  test('is nothing for an outcome that never was', () => {
    expect(decisionOf(corrected, { outcome: 'lostTrack' })).toEqual({ decision: null, job: corrected.job });
    expect(decisionOf(first(unreadable), { outcome: 'lostTrack' })).toEqual({ decision: null, job: null });
  });

  test('is not kept if nobody was notified of it', () => {
    const quiet = first({ kind: 'job', job }, nobody);
    expect(stepped(quiet, read('Failed'), hour).superseded).toEqual({});
  });

  test('is not kept if nobody was notified of it, even if an earlier outcome was announced', () => {
    const quiet = stepped(told, read('Failed'), hour, nobody);
    expect(Object.keys(stepped(quiet, read('Canceled'), 2 * hour).superseded)).toEqual(['completed']);
  });
});

describe('counters that change after the end, without another outcome', () => {
  const announced = stepped(undefined, read('Completed', staleCounters));
  const later = read('Completed', { statistics: counted({ processed: 900 }) });
  const about = (record: JobRecord) => decisionOf(record, { outcome: 'completed' }).job?.statistics?.processed;
  const withDeliveries = (deliveries: Record<string, Delivery>, values: Partial<JobRecord> = {}): JobRecord => ({
    ...announced,
    lease: null,
    deliveries,
    ...values,
  });
  const before = about(announced);

  test.each<[sentence: string, deliveries: Record<string, Delivery>, values?: Partial<JobRecord>]>([
    ['that failed', { 'completed/team': someDelivery({ attempts: 1 }), 'completed/events': sentDelivery() }],
    ['that is dead', { 'completed/team': deadDelivery(), 'completed/events': sentDelivery() }],
    ['that may have arrived', { 'completed/team': someDelivery({ ambiguousSince: iso(start) }) }],
    ['that a worker is sending', { 'completed/team': someDelivery() }, { lease: announced.lease }],
  ])('do not change a message %s', (_, deliveries, values) => {
    expect(before).not.toBe(900);
    expect(about(stepped(withDeliveries(deliveries, values), later, minute))).toBe(before);
  });

  test.each<[sentence: string, deliveries: Record<string, Delivery>]>([
    ['nothing was tried', { 'completed/team': someDelivery() }],
    ['everything was sent', { 'completed/team': sentDelivery(), 'completed/events': sentDelivery() }],
    [
      'only a message about a limit failed',
      { 'completed/team': someDelivery(), 'late/team/runningFor': someDelivery({ attempts: 1 }) },
    ],
  ])('are in the message if %s', (_, deliveries) => {
    expect(about(stepped(withDeliveries(deliveries), later, minute))).toBe(900);
  });

  test('do not change the message, however often they change', () => {
    const once = stepped(withDeliveries({ 'completed/team': someDelivery({ attempts: 1 }) }), later, minute);
    const evenLater = read('Completed', { statistics: counted({ processed: 999 }) });
    const twice = stepped({ ...once, lease: null }, evenLater, 2 * minute);
    expect([about(twice), twice.job?.statistics?.processed]).toEqual([before, 999]);
  });
});

describe('any history of a job', () => {
  const status = fc.constantFrom('Queued', 'Running', 'Canceling', 'Archiving', 'Completed', 'Failed', 'Canceled');
  const failed = fc.constantFrom(null, 0, 3);
  const asOf = fc.constantFrom(null, iso(start - day), iso(start + day));
  const statistics = fc.option(fc.record({ failed, asOf }).map(counted));
  const since = fc.constantFrom(null, iso(start - 30 * day), iso(start + day));
  const reading: fc.Arbitrary<Reading | null> = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(status, statistics).map(([is, counts]) => read(is, { statistics: counts })) },
    fc.constantFrom(null, notFound, unreadable, removed),
    since.map((rests): Reading => ({ kind: 'notAsked', error: 'rests', since: rests })),
  );
  const step = fc.record({
    reading,
    passed: fc.constantFrom(0, 1_000, minute, 11 * minute, day, 8 * day),
    conclude: fc.boolean(),
    open: fc.subarray(['team', 'events']),
    timeLimits: fc.constantFrom<DecisionContext['timeLimits']>(
      [],
      [{ queuedFor: 25, runningFor: 15, noProgressFor: 15 }],
    ),
    quiet: fc.boolean(),
    result: fc.constantFrom<Partial<Delivery>>(sent, dead, { nextAt: iso(start + 3 * day), error: 'answered 500' }),
    crashes: fc.boolean(),
  });

  /** Plays a history, and calls back after every write. */
  function play(steps: (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[], see: See): void {
    let record: JobRecord | undefined;
    let now = start;
    const write = (next: JobRecord | null, context: DecisionContext) => {
      if (next === null) return;
      see(next, record, context);
      record = next;
    };
    for (const { reading: given, passed, conclude, open, timeLimits, quiet, result, crashes } of steps) {
      now += passed;
      const acceptsMessages = (channel: string) => open.includes(channel);
      const writer = `${now}-${record?.revision}`;
      const context = contextAt(now, { conclude, acceptsMessages, writer, rules: quiet ? [] : null, timeLimits });
      if (record === undefined && given === null) continue;
      write(decideNext(structuredClone(record), name, given, context).next, context);
      if (!record || record.lease?.owner !== context.writer || crashes) continue;
      const tried = dueDeliveries(record, context).map(
        ({ key, delivery }) => [key, { ...delivery, ...result }] as const,
      );
      record = { ...record, deliveries: { ...record.deliveries, ...Object.fromEntries(tried) } };
      write(release(structuredClone(record), context), context);
    }
  }
  type See = (next: JobRecord, before: JobRecord | undefined, context: DecisionContext) => void;
  const invariants: See[] = [
    // A record is either watched, with a due time, or expires.
    ({ watch, dueAt, expiresAt }) => {
      expect([watch, expiresAt].filter((value) => value !== null)).toHaveLength(1);
      expect(dueAt === null).toBe(watch === null);
    },
    // A record is due at its earliest action, and leaves the work list when there is none.
    ({ watch, dueAt, pendingAt, lease, check, deliveries }) => {
      const all = Object.values(deliveries);
      const pendingTimes = all.flatMap(({ nextAt }) => (nextAt ? [nextAt] : [])).sort();
      expect(pendingAt).toBe(pendingTimes[0] ?? null);
      const times = [check.nextAt, ...all.map(({ nextAt }) => nextAt)].flatMap((at) => (at ? [Date.parse(at)] : []));
      const isDead = all.some(({ state }) => state === 'dead');
      if (lease) expect([watch, dueAt]).toEqual(['jobs', lease.until]);
      else if (times.length > 0) expect([watch, dueAt]).toEqual(['jobs', Math.min(...times)]);
      else expect(watch).toBe(isDead ? 'dead' : null);
    },
    // A terminal status is never overwritten by another one.
    (next, before) => {
      if (isTerminal(before?.status ?? null)) expect(isTerminal(next.status)).toBe(true);
      expect(next.job?.status ?? null).toBe(next.status);
    },
    // No delivery is lost, duplicated or sent again.
    (next, before) => {
      for (const [key, was] of Object.entries(before?.deliveries ?? {})) {
        const is = next.deliveries[key];
        expect(is).toEqual({ ...was, ambiguousSince: is?.ambiguousSince });
        if (was.state !== 'pending') expect(is).toEqual(was);
        if (was.ambiguousSince) expect(is?.ambiguousSince).toBe(was.ambiguousSince);
      }
    },
    // Each time limit is decided once, from a matching reading.
    ({ exceeded, status, job }, before) => {
      for (const limit of timeLimitNames) {
        const [was, is] = [before?.exceeded?.[limit], exceeded?.[limit]];
        if (was) expect(is).toEqual(was);
        else if (is) expect([status, job]).toEqual([limit === 'queuedFor' ? 'Queued' : 'Running', is.job]);
      }
    },
    // A lease is never taken from the worker that holds it.
    (next, before, { now, writer }) => {
      const held = before?.lease;
      const isReleased = next.lease === null && next.revision === (before?.revision ?? 0) + 1 && held?.owner === writer;
      if (held && held.until > now && !isReleased) expect(next.lease).toEqual(held);
    },
    // Each write increases the revision by one.
    (next, before, { writer }) => {
      expect(next).toMatchObject({ revision: (before?.revision ?? 0) + 1, writer });
    },
    // Each delivery belongs to a decided outcome.
    (next) => {
      for (const key of Object.keys(next.deliveries)) {
        const { outcome, limit } = splitKey(key);
        expect(decisionOf(next, { outcome, limit }).decision?.outcome).toBe(outcome);
      }
    },
  ];

  test('keeps the invariants after every write', () => {
    const see: See = (...args) => {
      for (const invariant of invariants) invariant(...args);
    };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => play(steps, see)),
      { numRuns: 1_000 },
    );
  });
});
