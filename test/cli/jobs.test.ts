/** `publishing-job-notifier jobs`: the watched jobs and those with dead deliveries. */

import { beforeEach, describe, expect, test } from 'vitest';
import { jobs } from '../../cli/jobs.ts';
import { problemFault } from '../../local/publishing-api-server.ts';
import { someJob, someRecord } from '../support/builders.ts';
import { hour, minute, sweepEvery } from '../support/scene.ts';
import { run } from './run.ts';
import { useScene } from './scene.ts';

const scene = useScene();

const list = async (options = {}) => {
  const { document, text } = await jobs(scene.notifier.deps, options);
  return { text, rows: (document as { jobs: Record<string, unknown>[] }).jobs };
};

/** Posts a failed job whose Slack delivery dies. */
async function postDead(jobId: string): Promise<void> {
  const { world, notifier } = scene;
  world.slack.answerWith({ status: 404, body: 'no_service', times: 1_000 });
  world.setJob(jobId, { status: 'Failed', at: notifier.clock.now() });
  await notifier.post(jobId);
  await sweepEvery(notifier, 6 * hour, 16);
  world.slack.clearAnswers();
}

test('an empty list', async () => {
  expect((await list()).text).toBe('No watched jobs and no dead deliveries.');
  expect((await list({ dead: true })).text).toBe('No dead deliveries.');
});

test('lists watched and dead jobs with their errors, and no finished jobs', async () => {
  const { world, notifier } = scene;
  await postDead('job_dead');
  world.setJob('job_done', { status: 'Completed', at: notifier.clock.now() });
  world.setJob('job_running', { status: 'Running', name: 'A \u202ename\u0007 ' });
  for (const id of ['job_done', 'job_running', 'job_new']) {
    await notifier.post(id);
    notifier.clock.advance(minute);
  }

  const { rows, text } = await list();
  expect(text).toMatch(/^environment +job +name +status +first seen +next attempt +problem\n/);
  expect(rows.map(({ jobId, state }) => [jobId, state])).toEqual([
    ['job_running', 'watched'],
    ['job_new', 'watched'],
    ['job_dead', 'dead'],
  ]);
  expect(rows[2]).toMatchObject({ dueAt: null, deliveries: [{ delivery: 'failed/team', state: 'dead' }] });
  const patterns = [
    /^production +job_running +A +name +Running +2 min ago +next sweep$/,
    /^production +job_new +not read yet +1 min ago +next sweep +Publishing API .+ no such job \(404\)/,
    /^production +job_dead .+ Failed +4 d ago +dead +failed\/team dead: Slack: answered 404 no_service/,
  ];
  const lines = text.split('\n').slice(1, 4);
  expect(lines).toEqual(patterns.map((pattern) => expect.stringMatching(pattern)));
  expect(text).toMatch(/\n\nSend dead deliveries again with `npx publishing-job-notifier replay`\.$/);
  expect((await list({ dead: true })).rows.map(({ jobId }) => jobId)).toEqual(['job_dead']);
});

test('more than 200 jobs of a kind are counted; --json and filters read all', async () => {
  const { store } = scene.notifier.deps;
  const records = Array.from({ length: 201 }, (_, index) =>
    someRecord({
      jobId: `job_${index}`,
      watch: 'dead',
      dueAt: index,
      job: someJob('Failed', { name: `Page ${index}` }),
    }),
  );
  await Promise.all(records.map((record) => store.save(record, undefined)));
  const { rows, text } = await list();
  expect([rows.length, rows[0]?.['jobId']]).toEqual([200, 'job_0']);
  expect(text).toMatch(/\n\nThe first 200 of 201 jobs with dead deliveries\. --json lists all\.$/);
  expect((await list({ json: true })).rows).toHaveLength(201);
  expect((await list({ dead: true, name: 'page 200' })).rows).toMatchObject([{ jobId: 'job_200' }]);
});

test('a job that backs off shows its next attempt', async () => {
  scene.world.api.fault({ status: 500, call: 'job' });
  await scene.notifier.post('job_1');
  expect((await list()).text).toMatch(/ in 1 min +Publishing API of production: answered 500/);
});

test('a paused environment is shown below the list', async () => {
  scene.world.api.fault({ ...problemFault(401), call: 'token' });
  await scene.notifier.post('job_1');
  expect((await list()).text).toMatch(
    /\n\n- environment production is paused until 2026-01-01 10:11:00 UTC: token for production: the client id or secret/,
  );
});

test('the process prints one document', async () => {
  await scene.notifier.post('job_1');
  const { code, stdout } = await run(['jobs', '--json'], scene.world.env());
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { jobs: [{ jobId: 'job_1' }], cooldowns: [] }]);
});

describe('--recent', () => {
  const recent = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(['jobs', ...args, '--json'], scene.world.env());
    expect([code, stderr]).toEqual([0, '']);
    return (JSON.parse(stdout) as { jobs: { jobId: string; why: { text: string } }[] }).jobs;
  };
  const ids = async (...args: string[]) => (await recent(...args)).map(({ jobId }) => jobId);

  beforeEach(async () => {
    const { world, notifier } = scene;
    world.setJob('job_1', { status: 'Completed', name: 'Nightly publish', at: notifier.clock.now() });
    world.setJob('job_2', { status: 'Running', name: 'Home page' });
    world.setJob('job_3', { status: 'Failed', name: 'Nightly media', at: notifier.clock.now() });
    for (const id of ['job_1', 'job_2', 'job_3']) {
      await notifier.post(id);
      notifier.clock.advance(minute);
    }
  });

  test('lists the latest jobs, also ended ones, newest first, and why each notifies somebody or not', async () => {
    expect((await recent('--recent')).map(({ jobId, why }) => [jobId, why.text])).toEqual([
      ['job_3', 'No rules: every outcome but started → team, events'],
      ['job_2', 'It has not ended yet'],
      ['job_1', 'No rules: every outcome but started → team, events'],
    ]);
    const { stdout } = await run(['jobs', '--recent', '2'], scene.world.env());
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^environment +job +name +status +first seen +why +deliveries$/),
      expect.stringMatching(/^production +job_3 +Nightly media +Failed .+ team, events +team sent; events sent$/),
      expect.stringMatching(/^production +job_2 +Home page +Running .+ It has not ended yet$/),
      '',
      'The latest 2 of 3. Show more with --recent <count>.',
      '',
    ]);
  });

  test('narrows the list by state, name and environment', async () => {
    const all = ['job_3', 'job_2', 'job_1'];
    const filters = [
      ['--ended'],
      ['--name', 'NIGHTLY'],
      ['--environment', 'production'],
      ['--ended', '--name', 'home'],
    ];
    expect(await Promise.all(filters.map((each) => ids(...each)))).toEqual([
      ['job_3', 'job_1'],
      ['job_3', 'job_1'],
      all,
      [],
    ]);
  });
});
