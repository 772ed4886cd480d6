/** `publishing-job-notifier redrive`: failed events are processed again. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { redrive } from '../../cli/redrive.ts';
import { startAwsServer } from './aws-server.ts';
import { type QueueServer, startQueueServer } from './queue-server.ts';
import { run } from './run.ts';
import { useScene } from './scene.ts';

const scene = useScene();
let queue: QueueServer;
beforeEach(async () => {
  queue = await startQueueServer();
  Object.assign(process.env, queue.env);
});
afterEach(() => queue.close());

const event = (jobId: string) => ({
  version: '0',
  'detail-type': 'Publishing Job Check',
  source: 'my.pipeline',
  detail: { jobId, environment: 'production' },
});

/** The record of a failed invocation: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
const failure = (requestPayload: unknown) => ({
  version: '1.0',
  requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 3 },
  requestPayload,
  responsePayload: { errorMessage: 'the table was unavailable' },
});

/** Puts messages into the queue and redrives it. */
async function redriveAll(...messages: unknown[]) {
  await queue.put(...messages);
  const { exitCode, document, text } = await redrive(scene.notifier.deps, queue.queueUrl);
  const { redriven } = document as { redriven: Record<string, unknown>[] };
  return { exitCode, text, redriven, left: await queue.left() };
}

test('redrives failed invocations, events of the rule, and events of a schedule', async () => {
  const jobs = ['job_1', 'job_2', 'job_3'];
  for (const id of jobs) scene.world.setJob(id, { status: 'Failed', at: scene.notifier.clock.now() });
  const result = await redriveAll(failure(event('job_1')), event('job_2'), failure({ jobId: 'job_3' }));
  expect(result).toMatchObject({ exitCode: 0, left: 0, redriven: [{}, {}, {}] });
  for (const jobId of jobs) expect(result.text).toContain(`✔ production ${jobId}: Failed`);
  expect(scene.world.slack.messages).toHaveLength(3);
});

test('receives more messages than one request returns', async () => {
  const { redriven, left } = await redriveAll(...Array.from({ length: 23 }, (_, index) => event(`job_${index}`)));
  expect([redriven.length, left]).toEqual([23, 0]);
});

test('a job that cannot be read is recorded, and its message is deleted', async () => {
  scene.world.api.fault({ status: 500 });
  const { exitCode, text, left } = await redriveAll(event('job_1'));
  expect([exitCode, left]).toEqual([0, 0]);
  expect(text).toMatch(/^✔ production job_1: recorded, and the sweeps watch the job\. /);
  expect((await scene.notifier.get('job_1')).body).toMatchObject({ watching: true });
});

test.each([
  ['is not JSON', 'not\nJSON', /kept in the queue\. The message is not JSON\. The message: not JSON$/],
  ['names no job', { detail: { job: 'job_1' } }, /kept in the queue\. .+ The message: \{"detail":\{"job":"job_1"\}\}$/],
  [
    'names an unknown environment',
    { jobId: 'job_1', environment: 'staging' },
    /kept in the queue\. Unknown environment\./,
  ],
])('a message that %s is kept and shown, and does not block others', async (_, body, kept) => {
  const { exitCode, text, left } = await redriveAll(body, event('job_1'));
  const lines = text.split('\n');
  expect([exitCode, lines.length, left]).toEqual([1, 2, 1]);
  expect(lines).toContainEqual(expect.stringMatching(kept));
  expect(lines).toContainEqual(expect.stringMatching(/^✔ production job_1/));
});

test('the message of a job that cannot be recorded is kept', async () => {
  scene.notifier.deps.store.save = () =>
    Promise.reject(Object.assign(new Error('denied'), { name: 'AccessDeniedException' }));
  const { exitCode, text, left } = await redriveAll(event('job_1'));
  expect([exitCode, left]).toEqual([1, 1]);
  expect(text).toBe('✘ production job_1: kept in the queue. AWS denies access: denied.');
});

test('the process takes the queue of the stack or a URL', async () => {
  const aws = await startAwsServer();
  const outputs = { TableName: scene.world.store.tableName, FailedEventsUrl: queue.queueUrl };
  aws.stacks.set('publishing-job-notifier-prod', outputs);
  const env = { ...scene.world.env(), ...aws.env, ...queue.env };
  await queue.put(event('job_1'));
  const ran = await run(['redrive', '--stage', 'prod', '--json'], env);
  expect([ran.code, ran.stderr, JSON.parse(ran.stdout)]).toMatchObject([0, '', { redriven: [{ jobId: 'job_1' }] }]);
  const byUrl = await run(['redrive', '--queue', queue.queueUrl], env);
  expect(byUrl).toMatchObject({ code: 0, stdout: 'The queue is empty.\n' });
  const withoutQueue = await run(['redrive'], env);
  expect(withoutQueue).toMatchObject({ code: 2, stderr: 'Add --queue URL or --stage dev to select a queue.\n' });
  await aws.close();
});
