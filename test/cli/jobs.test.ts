/** `notifier jobs`: what the sweeps watch, and what is dead. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { jobs } from '../../cli/jobs.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { day, minute, sweepEvery } from '../support/scene.ts';
import { startWorld, type World } from '../support/world.ts';
import { run } from './run.ts';

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

const list = async (options = {}) => {
  const { document, text } = await jobs(notifier.deps, options);
  return { text, rows: (document as { jobs: Record<string, unknown>[] }).jobs };
};

/** A failed job whose Slack message has died. */
async function die(jobId: string): Promise<void> {
  world.slack.answerWith({ status: 404, body: 'no_service', times: 1_000 });
  world.setJob(jobId, { status: 'Failed', at: notifier.clock.now() });
  await notifier.post(jobId);
  await sweepEvery(notifier, day, 4);
  world.slack.clearAnswers();
}

test('nothing', async () => {
  expect((await list()).text).toBe('No job is watched, and nothing is dead.');
  expect((await list({ dead: true })).text).toBe('Nothing is dead.');
});

test('what is watched, with why it cannot be read; what is dead, with its error; not what is done', async () => {
  await die('job_dead');
  world.setJob('job_done', { status: 'Completed', at: notifier.clock.now() });
  world.setJob('job_running', { status: 'Running', name: 'A \u202ename\u0007 ' });
  for (const id of ['job_done', 'job_running', 'job_new']) {
    await notifier.post(id);
    notifier.clock.advance(minute);
  }

  const { rows, text } = await list();
  expect(rows.map(({ jobId, state }) => [jobId, state])).toEqual([
    ['job_running', 'watched'],
    ['job_new', 'watched'],
    ['job_dead', 'dead'],
  ]);
  expect(rows[2]).toMatchObject({ dueAt: null, deliveries: [{ delivery: 'failed/team', state: 'dead' }] });
  const [, running, fresh, dead] = text.split('\n');
  expect(running).toMatch(/^production +job_running +A +name +Running +2 min ago +next sweep$/);
  expect(fresh).toMatch(
    /^production +job_new +not read yet +1 min ago +next sweep +Publishing API .+ no such job \(404\)/,
  );
  expect(dead).toMatch(
    /^production +job_dead .+ Failed +4 d ago +dead +failed\/team dead: Slack: answered 404 no_service/,
  );
  expect(text).toMatch(/What is dead is sent again by `npm run notifier -- replay`\.$/);
  expect((await list({ dead: true })).rows.map(({ jobId }) => jobId)).toEqual(['job_dead']);
});

test('a job that steps back says when it is tried again', async () => {
  world.api.fault({ status: 500, call: 'job' });
  await notifier.post('job_1');
  expect((await list()).text).toMatch(/ in 1 min +Publishing API of production: answered 500/);
});

test('who is left alone for now is told beneath', async () => {
  world.api.fault({ status: 401, call: 'token' });
  await notifier.post('job_1');
  expect((await list()).text).toMatch(
    /\n\n- environment production rests until 2026-01-01 10:11:00 UTC: token for production: the client id or secret was/,
  );
});

test('from outside: a table, or one document', async () => {
  await notifier.post('job_1');
  const { code, stdout } = await run(['jobs'], world.env());
  expect([code, stdout.split('\n')[0]]).toEqual([
    0,
    expect.stringMatching(/^environment +job +name +status +first seen/),
  ]);
  expect(JSON.parse((await run(['jobs', '--json'], world.env())).stdout)).toMatchObject({ jobs: [{ jobId: 'job_1' }] });
});
