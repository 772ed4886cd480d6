/** `publishing-job-notifier explain`: why a job notifies a channel or not. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { explain } from '../../cli/explain.ts';
import { publishingJob } from '../../local/publishing-job.ts';
import { deploy } from '../support/notifier.ts';
import { itemsOf } from '../support/scene.ts';
import type { ConfigDocument, World } from '../support/world.ts';
import { run, temporaryFolder } from './run.ts';
import { useScene } from './scene.ts';

const withRules = (world: World): ConfigDocument => ({
  ...world.config(),
  rules: [
    { when: { outcome: ['failed', 'canceled'], source: 'Pages' }, notify: ['team'], mention: 'here' },
    { when: { name: 'Nightly*' }, notify: [] },
  ],
});

const scene = useScene(withRules);

async function explainJob() {
  const { document, text, exitCode } = await explain(scene.notifier.deps, { job: 'job_1' });
  // biome-ignore lint/suspicious/noExplicitAny: a document is JSON, and tests read it as a caller does.
  return { document: document as any, text, exitCode };
}

const set = (values: Parameters<World['setJob']>[1]) =>
  scene.world.setJob('job_1', { at: scene.notifier.clock.now(), ...values });

/** Nothing was sent or written. */
const expectNoEffect = async () => expect([scene.world.slack.messages, await itemsOf(scene.world)]).toEqual([[], []]);

describe('--job', () => {
  test('a new job that has ended: transition, rule, channels and messages, without sending or writing', async () => {
    set({ status: 'Failed' });
    const { document, text } = await explainJob();
    expect(document).toMatchObject({
      known: null,
      transition: { reason: 'firstSeenFinished', outcome: 'failed' },
      decision: { rule: 'rules[0]', channels: ['team'], mention: 'here' },
      messages: [{ channel: 'team', payload: { blocks: expect.any(Array) } }],
      deliveries: [],
    });
    expect(text).toMatch(/^transition +never seen -> Failed, firstSeenFinished: the job is new and has ended$/m);
    expect(text).toMatch(/^why +Rule 1: failed or canceled, from Pages → team$/m);
    expect(text).toMatch(/^not notified +events$/m);
    expect(text).toMatch(/message to team \(slack\)\n {2}Failed in production: Nightly site publish/);
    await expectNoEffect();
  });

  test('a job that notifies nobody, by a rule or because no rule matches', async () => {
    set({ status: 'Completed' });
    expect((await explainJob()).text).toContain('Rule 2: name Nightly* → nobody');
    set({ status: 'Completed', name: 'Another one' });
    const { text, document } = await explainJob();
    expect(text).toContain('No rule matches: nobody is notified');
    expect(document.messages).toEqual([]);
  });

  test('a job that was announced: the recorded decision, the messages, and the deliveries', async () => {
    set({ status: 'Failed' });
    scene.world.slack.answerWith({ status: 404, body: 'no_service' });
    await scene.notifier.post('job_1');
    const { document, text } = await explainJob();
    const expected = { transition: null, decision: { rule: 'rules[0]' }, messages: [{ channel: 'team' }] };
    expect(document).toMatchObject(expected);
    expect(text).toMatch(/^transition +none: nothing has changed$/m);
    expect(text).toMatch(/^decided +2026-01-01 10:10:00 UTC, firstSeenFinished: /m);
    expect(text).toMatch(/current state\n✘ team failed, pending, .+: Slack: answered 404 no_service/);
  });

  test('a job whose channel is paused', async () => {
    set({ status: 'Failed' });
    scene.world.slack.answerWith({ status: 429, headers: { 'retry-after': '300' }, body: 'rate_limited' });
    await scene.notifier.post('job_1');
    const { document, text } = await explainJob();
    expect(document.cooldowns).toMatchObject([{ kind: 'channel', name: 'team' }]);
    expect(text).toContain('- channel team is paused until 2026-01-01 10:15:00 UTC: Slack: too many messages (429)');
  });

  test('a job that takes too long: each limit, its rule, and its messages, sent or not', async () => {
    const { world } = scene;
    const rules = [{ when: { outcome: 'late' }, notify: ['team'] }];
    const limits = [{ runningFor: 3, noProgressFor: 10 }];
    scene.notifier = deploy(world, { config: { ...withRules(world), rules, limits } });
    const at = scene.notifier.clock.now();
    set({ status: 'Running', at });
    const before = await explainJob();
    expect(before.document).toMatchObject({
      transition: { reason: 'firstSeen' },
      exceeded: [{ limit: 'runningFor', minutes: 3, outcome: 'late', rule: 'rules[0]', channels: ['team'] }],
      messages: [{ channel: 'team' }],
    });
    expect(before.text).toContain('the job has run for longer than its limit of 3 min; Rule 1: late → team');
    expect(before.text).toMatch(
      /message to team \(slack\)\n {2}Late in production, still running: Nightly site publish/,
    );
    await expectNoEffect();

    await scene.notifier.post('job_1');
    scene.notifier.clock.advance(11 * 60_000);
    set({ status: 'Running', at });
    const { document, text } = await explainJob();
    expect(document).toMatchObject({
      transition: null,
      exceeded: [{ limit: 'runningFor' }, { limit: 'noProgressFor', outcome: 'stuck', rule: 'noRule' }],
      deliveries: [{ outcome: 'late', limit: 'runningFor', channel: 'team', state: 'sent' }],
    });
    expect(text).toMatch(/team late \(runningFor\), sent at/);
  });

  test.each<[string, Partial<Parameters<World['setJob']>[1]>, number, object, string]>([
    ['a running job', { status: 'Running' }, 0, { reason: 'firstSeen' }, 'none: there is nothing to announce'],
    [
      'a job that ended long ago',
      { status: 'Failed' },
      48,
      { reason: 'finishedLongAgo', announce: false },
      'not announced',
    ],
  ])('%s has no messages', async (_, values, hoursAgo, transition, said) => {
    set({ at: scene.notifier.clock.now() - hoursAgo * 3_600_000, ...values });
    const { text, document } = await explainJob();
    expect(document).toMatchObject({ transition, messages: [] });
    expect(text).toContain(said);
  });

  test('a job that Sitecore does not know', async () => {
    const { exitCode, text } = await explainJob();
    expect(exitCode).toBe(1);
    expect(text).toMatch(/recorded +never seen\nin Sitecore +Publishing API of production: no such job \(404\)/);
  });
});

describe('--file', () => {
  const job = (values = {}) =>
    JSON.stringify(publishingJob({ id: 'job_7', status: 'Failed', at: Date.parse('2020-01-01'), ...values }));

  test('needs only the configuration', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'job.json');
    await writeFile(path, job());
    const env = { NOTIFIER_CONFIG: JSON.stringify(withRules(scene.world)) };
    const { code, stdout, stderr } = await run(['explain', '--file', path, '--json'], env);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ jobId: 'job_7', messages: [{ channel: 'team' }] });
    const piped = await run(['explain', '--file', '-'], env, job({ status: 'Canceled' }));
    expect(piped).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Canceled in production: Nightly site publish'),
    });
    expect(scene.world.calls()).toBe(0);
  });

  test.each([[['job_1']], [['--job', 'job_1']]])('takes the id of a job as %j', async (args) => {
    set({ status: 'Failed' });
    const { code, stdout } = await run(['explain', ...args], scene.world.env());
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^job +job_1 in production$/m)]);
  });
});
