/** The main job with the bundles in `dist/`, as they are deployed. */

import { readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { publishingJob } from '../../local/publishing-job.ts';
import { type BundledHandler, bundlePath, loadBundle } from '../support/bundle.ts';
import { getEvent, lambdaContext, postEvent, read, startWorld, type World } from '../support/world.ts';

let world: World;
let webhook: BundledHandler;
let sweep: BundledHandler;
let event: BundledHandler;

beforeEach(async () => {
  world = await startWorld();
  webhook = loadBundle('webhook', world.env());
  sweep = loadBundle('sweep', world.env());
  event = loadBundle('event', world.env());
});
afterEach(() => world.close());

const post = async (jobId: string) => read(await webhook(postEvent(jobId), lambdaContext(25_000)));
const sweepOnce = () => sweep({}, lambdaContext(55_000));

describe('the main job', () => {
  test('a running job is watched, and each channel is notified once of its end', async () => {
    world.setJob('job_41B25', { status: 'Running' });
    const first = await post('job_41B25');
    expect(first.status).toBe(200);
    expect(first.body).toEqual({
      jobId: 'job_41B25',
      environment: 'production',
      status: 'Running',
      previousStatus: null,
      changed: true,
      watching: true,
      outcome: null,
      deliveries: [],
    });
    expect(await sweepOnce()).toEqual({
      checked: 1,
      changed: 0,
      sent: 0,
      failedChecks: 0,
      failedDeliveries: 0,
      left: 0,
    });

    world.setJob('job_41B25', { status: 'Completed', processed: 103, sent: 100 });
    expect(await sweepOnce()).toMatchObject({ checked: 1, changed: 1, sent: 2, failedDeliveries: 0 });
    expect(world.slack.messages).toHaveLength(1);
    expect(world.topic.messages).toHaveLength(1);
    expect(world.slack.messages[0]?.payload.text).toMatch(/^Completed in production: Nightly site publish\n/);
    expect(JSON.parse(world.topic.messages[0]?.document ?? '')).toMatchObject({
      version: 1,
      jobId: 'job_41B25',
      environment: 'production',
      outcome: 'completed',
      previousStatus: 'Running',
      statistics: { sent: 100, processed: 103 },
    });

    for (let again = 0; again < 3; again++) {
      expect(await sweepOnce()).toMatchObject({ checked: 0, changed: 0, sent: 0 });
      expect((await post('job_41B25')).body).toMatchObject({ changed: false, watching: false, outcome: 'completed' });
    }
    expect(world.slack.requestCount()).toBe(1);
    expect(world.topic.publishCount()).toBe(1);
  });

  test('an event for a failed job notifies both channels at once', async () => {
    world.setJob('job_1', { status: 'Failed' });
    const result = await event({ 'detail-type': 'Publishing Job Check', detail: { jobId: 'job_1' } }, lambdaContext());
    expect(result).toMatchObject({ status: 'Failed', outcome: 'failed', changed: true });
    expect([world.slack.messages.length, world.topic.messages.length]).toEqual([1, 1]);
  });

  test('50 concurrent webhook calls and sweeps for one finished job send one message to each channel', async () => {
    world.setJob('job_1', { status: 'Running' });
    await post('job_1');
    world.setJob('job_1', { status: 'Failed' });
    const all = Array.from({ length: 50 }, (_, index) => (index % 5 === 0 ? sweepOnce() : post('job_1')));
    const results = await Promise.all(all);
    expect(results.filter((result) => 'status' in (result as object))).toHaveLength(40);
    for (const result of results) if ('body' in (result as object)) expect(result).toMatchObject({ status: 200 });
    await sweepOnce();
    expect([world.slack.requestCount(), world.topic.publishCount()]).toEqual([1, 1]);
    const { body } = read(await webhook(getEvent('job_1'), lambdaContext()));
    expect(
      body.deliveries.map(({ state, attempts }: { state: string; attempts: number }) => [state, attempts]),
    ).toEqual([
      ['sent', 1],
      ['sent', 1],
    ]);
  });

  test('50 concurrent first calls for an unknown job send one message to each channel', async () => {
    world.setJob('job_1', { status: 'Completed' });
    const responses = await Promise.all(Array.from({ length: 50 }, () => post('job_1')));
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(50);
    expect(responses.filter(({ body }) => body.changed)).toHaveLength(1);
    expect([world.slack.requestCount(), world.topic.publishCount()]).toEqual([1, 1]);
  });

  test('errors of AWS are distinguished, although the bundles contain few of their classes', async () => {
    world.setJob('job_1', { status: 'Failed' });
    const config = world.config();
    config.channels['events'] = { type: 'sns', topicArn: `${world.topic.topicArn}-gone` };
    webhook = loadBundle('webhook', world.env(config));
    await post('job_1');
    const { body } = read(await webhook(getEvent('job_1'), lambdaContext()));
    expect(body.deliveries[0].error).toMatch(/^SNS: NotFound/);
    webhook = loadBundle('webhook', { ...world.env(), TABLE_NAME: 'no-such-table' });
    expect(await post('job_2')).toMatchObject({ status: 503 });
  });

  test('GET for an unknown job is a 404, and makes no call to Sitecore', async () => {
    const { status, body } = read(await webhook(getEvent('job_unknown'), lambdaContext()));
    expect([status, body.title]).toEqual([404, 'Not Found']);
    expect(world.calls()).toBe(0);
  });
});

describe('the bundles', () => {
  test.each(['webhook', 'event', 'sweep'] as const)('%s is one file below 370 KB, without a source map', (name) => {
    const text = readFileSync(bundlePath(name), 'utf8');
    expect(statSync(bundlePath(name)).size).toBeLessThan(370_000);
    expect(text).not.toContain('sourceMappingURL');
  });

  test.each(['webhook', 'event', 'sweep'] as const)('%s needs no other file', (name) => {
    const text = readFileSync(bundlePath(name), 'utf8');
    const required = [...text.matchAll(/(?<!\.)\brequire\("([^"]+)"\)/g)].map(([, module = '']) => module);
    // Only operations that stream events need it, and the bundles use none.
    expect(required.filter((module) => !isBuiltin(module))).toEqual(['@smithy/core/event-streams']);
    expect(text, 'an import of node:http would load undici').not.toMatch(/\bimport\(/);
  });

  test('a job with every documented member becomes a message', async () => {
    world.api.setJob('job_1', publishingJob({ id: 'job_1', failed: 2, skipped: 40, additional: 3 }));
    expect((await post('job_1')).body.outcome).toBe('completedWithWarnings');
    expect(world.slack.messages[0]?.payload.text).toContain('2 items failed');
  });
});
