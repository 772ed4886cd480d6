/** `notifier explain`: why somebody is told, or not. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { explain } from '../../cli/explain.ts';
import { publishingJob } from '../../local/publishing-job.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { itemsOf } from '../support/scene.ts';
import { type ConfigDocument, startWorld, type World } from '../support/world.ts';
import { run } from './run.ts';
import { temporaryFolder } from './temporary-folder.ts';

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world, { config: withRules() });
});
afterEach(() => world.close());

const withRules = (): ConfigDocument => ({
  ...world.config(),
  rules: [
    { when: { outcome: ['failed', 'canceled'], source: 'Pages' }, notify: ['team'], mention: 'here' },
    { when: { name: 'Nightly*' }, notify: [] },
  ],
});

/** Explains job_1 as it stands. */
async function explainJob(options = {}) {
  const { document, text, exitCode } = await explain(notifier.deps, { job: 'job_1', ...options });
  // biome-ignore lint/suspicious/noExplicitAny: an answer is JSON, and tests look into it as a caller would.
  return { document: document as any, text, exitCode };
}

const set = (values: Parameters<World['setJob']>[1]) => world.setJob('job_1', { at: notifier.clock.now(), ...values });

describe('a job', () => {
  test('that has ended and is new: the transition, the rule, the channels, the messages; and nothing is sent or written', async () => {
    set({ status: 'Failed' });
    const { document, text } = await explainJob();
    expect(document).toMatchObject({
      known: null,
      transition: { reason: 'firstSeenFinished', outcome: 'failed' },
      decision: { rule: 'rules[0]', channels: ['team'], mention: 'here' },
      messages: [{ channel: 'team', payload: { blocks: expect.any(Array) } }],
      deliveries: [],
    });
    expect(text).toContain('transition  never seen -> Failed, firstSeenFinished: it is new here, and has ended');
    expect(text).toContain('rule        rules[0]: when outcome is failed or canceled and source is Pages, tell team');
    expect(text).toContain('not told    events');
    expect(text).toMatch(/message to team \(slack\)\n {2}Failed: Nightly site publish/);
    expect([world.slack.messages, await itemsOf(world)]).toEqual([[], []]);
  });

  test('that nobody is told of, on purpose or because no rule matches', async () => {
    set({ status: 'Completed' });
    expect((await explainJob()).text).toContain('rules[1]: when name is Nightly*, tell nobody');
    set({ status: 'Completed', name: 'Another one' });
    const { text, document } = await explainJob();
    expect(text).toContain('no rule matches: nobody is told');
    expect(document.messages).toEqual([]);
  });

  test('that ended long ago', async () => {
    set({ status: 'Failed', at: notifier.clock.now() - 48 * 3_600_000 });
    const { text, document } = await explainJob();
    expect(document).toMatchObject({ transition: { reason: 'finishedLongAgo', announce: false }, messages: [] });
    expect(text).toContain('it had ended long before it was first seen, so it is no news');
  });

  test('that was told already: what was decided, the messages, and the deliveries as they stand', async () => {
    set({ status: 'Failed' });
    world.slack.answerWith({ status: 404, body: 'no_service' });
    await notifier.post('job_1');
    const { document, text } = await explainJob();
    expect(document).toMatchObject({
      transition: null,
      decision: { rule: 'rules[0]' },
      messages: [{ channel: 'team' }],
    });
    expect(text).toContain('transition  none: nothing has changed');
    expect(text).toMatch(/decided +2026-01-01 10:10:00 UTC, firstSeenFinished: /);
    expect(text).toMatch(/as it stands\n✘ team failed, pending, .+: Slack: answered 404 no_service/);
  });

  test('whose channel or environment is left alone for now', async () => {
    set({ status: 'Failed' });
    world.slack.answerWith({ status: 429, headers: { 'retry-after': '300' }, body: 'rate_limited' });
    await notifier.post('job_1');
    const { document, text } = await explainJob();
    expect(document.resting).toMatchObject([{ kind: 'channel', name: 'team' }]);
    expect(text).toContain('- channel team rests until 2026-01-01 10:15:00 UTC: Slack: too many messages (429)');
  });

  test('that takes too long: each limit, the rule, and the messages, whether they were sent or not', async () => {
    const rules = [{ when: { outcome: 'late' }, notify: ['team'] }];
    notifier = deploy(world, { config: { ...withRules(), rules, limits: [{ runningFor: 3, noProgressFor: 10 }] } });
    const at = notifier.clock.now();
    set({ status: 'Running', at });
    const before = await explainJob();
    expect(before.document).toMatchObject({
      transition: { reason: 'firstSeen' },
      exceeded: [{ limit: 'runningFor', minutes: 3, outcome: 'late', rule: 'rules[0]', channels: ['team'] }],
      messages: [{ channel: 'team' }],
    });
    expect(before.text).toContain(
      'runningTooLong: it has run for longer than its limit of 3 min; rules[0]: when outcome is late, tell team',
    );
    expect(before.text).toMatch(/message to team \(slack\)\n {2}Late, still running: Nightly site publish/);
    expect([world.slack.messages, await itemsOf(world)]).toEqual([[], []]);

    await notifier.post('job_1');
    notifier.clock.advance(11 * 60_000);
    set({ status: 'Running', at });
    const { document, text } = await explainJob();
    expect(document).toMatchObject({
      transition: null,
      exceeded: [{ limit: 'runningFor' }, { limit: 'noProgressFor', outcome: 'stuck', rule: 'noRule' }],
      deliveries: [{ outcome: 'late', limit: 'runningFor', channel: 'team', state: 'sent' }],
    });
    expect(text).toMatch(/team late \(runningFor\), sent at/);
  });

  test('that goes on: there is nothing to tell yet', async () => {
    set({ status: 'Running' });
    const { document, text } = await explainJob();
    expect(document).toMatchObject({ transition: { reason: 'firstSeen' }, messages: [] });
    expect(text).toContain('outcome     none: there is nothing to tell');
  });

  test('that Sitecore does not know', async () => {
    const { exitCode, text } = await explainJob();
    expect(exitCode).toBe(1);
    expect(text).toMatch(/known +never seen\nnow +Publishing API of production: no such job \(404\)/);
  });
});

describe('a file', () => {
  const job = (values = {}) =>
    JSON.stringify(publishingJob({ id: 'job_7', status: 'Failed', at: Date.parse('2020-01-01'), ...values }));

  test('needs the configuration and nothing else', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'job.json');
    await writeFile(path, job());
    const env = { NOTIFIER_CONFIG: JSON.stringify(withRules()) };
    const { code, stdout, stderr } = await run(['explain', '--file', path, '--json'], env);
    expect([code, stderr, JSON.parse(stdout)]).toEqual([
      0,
      '',
      expect.objectContaining({ jobId: 'job_7', messages: [expect.objectContaining({ channel: 'team' })] }),
    ]);
    const piped = await run(['explain', '--file', '-'], env, job({ status: 'Canceled' }));
    expect(piped).toMatchObject({ code: 0, stdout: expect.stringContaining('Canceled: Nightly site publish') });
    expect(world.calls()).toBe(0);
  });

  test.each([
    [
      'that is not there',
      ['--file', '/nowhere/job.json'],
      '',
      2,
      /^\/nowhere\/job\.json cannot be read \(ENOENT\)\.\n$/,
    ],
    ['that is no JSON', ['--file', '-'], 'job', 1, /^standard input: the response is not JSON\.\n$/],
    ['that is no job', ['--file', '-'], '{}', 1, /^standard input: no status in the response\.\n$/],
    ['beside a job', ['--file', '-', '--job', 'job_1'], '', 2, /^Name a job by --job ID or by --file PATH\.\n$/],
  ])('%s is refused in one sentence', async (_, args, input, code, message) => {
    const ran = await run(['explain', ...args], world.env(), input);
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([code, '', expect.stringMatching(message)]);
  });
});
