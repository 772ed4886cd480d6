/** The queries of docs/operations.md find what they promise: the messages and members that they name are logged. */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { membersIn, messagesIn, queriesIn } from '../support/log-queries.ts';
import { deploy } from '../support/notifier.ts';
import {
  configWith,
  day,
  hour,
  type Line,
  logged,
  minute,
  sweepAfter,
  sweepEvery,
  wrapStore,
} from '../support/scene.ts';
import { type EnvironmentDocument, startWorld, type World } from '../support/world.ts';

const queries = queriesIn(readFileSync('docs/operations.md', 'utf8'));
let world: World;
let lines: Line[];

/** Everything that goes wrong once, in one story. */
beforeAll(async () => {
  world = await startWorld();
  const config = configWith(world, 'production', 'staging');
  (config.environments['production'] as EnvironmentDocument).discover = true;
  const notifier = deploy(world, { config });
  const set = (id: string, status: string) => world.setJob(id, { status, at: notifier.clock.now() });
  const after = (ms: number) => sweepAfter(notifier, ms);
  await notifier.sweep();

  // Another worker sends the same message, and stores its receipt first.
  const { store } = notifier.deps;
  wrapStore(notifier, ({ saveDelivery }) => ({
    async saveDelivery(record, key, result, known) {
      await saveDelivery(record, key, { ...result, attempts: 2 }, known);
      return await saveDelivery(record, key, result, known);
    },
  }));
  set('job_1', 'Failed');
  await notifier.post('job_1', 'production');

  // A list shows a job that cannot be watched. A receipt is lost.
  set('a/b', 'Running');
  set('job_0', 'Failed');
  notifier.deps.store = store;
  wrapStore(notifier, () => ({ saveDelivery: () => Promise.reject(new Error('ThrottlingException')) }));
  await notifier.post('job_0', 'production');
  notifier.deps.store = store;

  // A channel refuses a message until it is dead; then the API is down, and one environment is no longer configured.
  set('job_2', 'Failed');
  world.slack.answerWith({ status: 404, body: 'no_service', times: 1_000 });
  await notifier.post('job_2', 'production');
  await sweepEvery(notifier, 6 * hour, 24);
  set('job_3', 'Running');
  await notifier.post('job_3', 'staging');
  world.api.list.forbidden = true;
  await after(minute);
  world.api.fault({ call: 'job', jobId: 'job_4', status: 500 });
  await notifier.post('job_4', 'production');
  world.api.fault({ call: 'token', status: 401, times: 1_000 });
  await after(day);
  const without = deploy(world, { config: configWith(world, 'production'), clock: notifier.clock });
  await sweepAfter(without, minute);
  lines = [notifier, without].flatMap(logged);
});
afterAll(() => world.close());

/** Whether a line has a member, such as `error.message`. */
const has = (line: Line, member: string): boolean =>
  member.split('.').reduce<unknown>((value, name) => (value as Line | undefined)?.[name], line) !== undefined;

test('there are queries', () => expect(queries.length).toBeGreaterThan(9));

test.each(queries)('%s', (query) => {
  const messages = messagesIn(query);
  const isFound = ({ message }: Line) => messages.length === 0 || messages.includes(message);
  const found = lines.filter(isFound);
  for (const message of messages) expect(found).toContainEqual(expect.objectContaining({ message }));
  const members = membersIn(query);
  expect(members.filter((member) => !found.some((line) => has(line, member)))).toEqual([]);
});
