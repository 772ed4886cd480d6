/** `notifier redrive`: events that could not be recorded are looked at again. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { redrive } from '../../cli/redrive.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { startWorld, type World } from '../support/world.ts';
import { startAwsServer } from './aws-server.ts';
import { type QueueServer, startQueueServer } from './queue-server.ts';
import { run } from './run.ts';

let world: World;
let queue: QueueServer;
let notifier: Notifier;
beforeEach(async () => {
  [world, queue] = await Promise.all([startWorld(), startQueueServer()]);
  notifier = deploy(world);
  Object.assign(process.env, queue.env);
});
afterEach(() => Promise.all([world.close(), queue.close()]));

const event = (jobId: string) => ({
  version: '0',
  'detail-type': 'Publishing Job Check',
  source: 'my.pipeline',
  detail: { jobId, environment: 'production' },
});

/** What Lambda writes when a function has failed: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
const failure = (requestPayload: unknown) => ({
  version: '1.0',
  requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 3 },
  requestPayload,
  responsePayload: { errorMessage: 'the table was away' },
});

const redriven = async () => {
  const { document, ...answer } = await redrive(notifier.deps, queue.queueUrl);
  return { ...answer, document: document as { redriven: Record<string, unknown>[] } };
};

test('what the function could not record, what the rule could not hand over, and what a schedule sent', async () => {
  for (const id of ['job_1', 'job_2', 'job_3']) world.setJob(id, { status: 'Failed', at: notifier.clock.now() });
  await queue.put(failure(event('job_1')), event('job_2'), failure({ jobId: 'job_3' }));
  const { exitCode, document, text } = await redriven();
  expect([exitCode, document.redriven.length]).toEqual([0, 3]);
  for (const jobId of ['job_1', 'job_2', 'job_3']) expect(text).toContain(`✔ production ${jobId}: Failed`);
  expect(world.slack.messages).toHaveLength(3);
  expect(await queue.left()).toBe(0);
});

test('more messages than one request brings', async () => {
  await queue.put(...Array.from({ length: 23 }, (_, index) => event(`job_${index}`)));
  expect((await redriven()).document.redriven).toHaveLength(23);
  expect(await queue.left()).toBe(0);
});

test('a job that cannot be read is recorded, and its message goes', async () => {
  world.api.fault({ status: 500 });
  await queue.put(event('job_1'));
  const { exitCode, text } = await redriven();
  expect([exitCode, text]).toEqual([0, expect.stringMatching(/^✔ production job_1: recorded; the sweeps go on\. /)]);
  expect((await notifier.get('job_1')).body).toMatchObject({ watching: true });
  expect(await queue.left()).toBe(0);
});

test.each([
  ['is no JSON', 'not\nJSON', /stays in the queue\. The message is not JSON\. The message: not JSON$/],
  [
    'names no job',
    { detail: { job: 'job_1' } },
    /stays in the queue\. Send a JSON object with a jobId.+ The message: \{"detail":\{"job":"job_1"\}\}$/,
  ],
  [
    'is of another environment',
    { jobId: 'job_1', environment: 'staging' },
    /stays in the queue\. Unknown environment\./,
  ],
])('a message that %s stays, is shown, and holds up no other', async (_, body, said) => {
  await queue.put(body, event('job_1'));
  const { exitCode, text } = await redriven();
  const lines = text.split('\n');
  expect([exitCode, lines.length]).toEqual([1, 2]);
  expect(lines).toContainEqual(expect.stringMatching(said));
  expect(lines).toContainEqual(expect.stringMatching(/^✔ production job_1/));
  expect(await queue.left()).toBe(1);
});

test('a message whose job cannot be recorded stays', async () => {
  notifier.deps.store.save = () =>
    Promise.reject(Object.assign(new Error('denied'), { name: 'AccessDeniedException' }));
  await queue.put(event('job_1'));
  const { exitCode, text } = await redriven();
  expect([exitCode, text]).toEqual([1, '✘ production job_1: stays in the queue. AWS does not allow this: denied.']);
  expect(await queue.left()).toBe(1);
});

test('from outside, by the queue of the stack or by its address', async () => {
  const aws = await startAwsServer();
  aws.stacks.set('publishing-job-notifier-prod', { TableName: world.store.tableName, FailedEventsUrl: queue.queueUrl });
  const env = { ...world.env(), ...aws.env, ...queue.env };
  await queue.put(event('job_1'));
  const ran = await run(['redrive', '--stage', 'prod', '--json'], env);
  expect([ran.code, ran.stderr, JSON.parse(ran.stdout)]).toMatchObject([0, '', { redriven: [{ jobId: 'job_1' }] }]);
  expect(await run(['redrive', '--queue', queue.queueUrl], env)).toMatchObject({
    code: 0,
    stdout: 'The queue is empty.\n',
  });
  expect(await run(['redrive'], env)).toMatchObject({
    code: 2,
    stderr: 'Name the queue of failed events: --queue URL, or --stage dev.\n',
  });
  await aws.close();
});
