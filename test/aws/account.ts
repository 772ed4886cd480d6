/**
 * The functions in an account, called as they will be: over HTTP, by EventBridge, by Lambda. Sitecore is the real one, so
 * no job ends on demand; a job that it cannot know shows everything up to there.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { parseConfig, references } from '../../lib/config/config.ts';
import { readDocument } from '../../local/notifier-document.ts';
import type { AwsSettings } from './endpoint.ts';
import { putParameters, readParameters } from './parameters.ts';
import type { Report } from './report.ts';
import type { Deployment } from './resources.ts';
import type { Undo } from './stack.ts';

/** Parameters that are there are used; the others get random values, and are removed again. */
export async function checkInAccount(report: Report, { aws, stack }: Deployment, undo: Undo): Promise<void> {
  const config = parseConfig(await readDocument());
  const [environment = ''] = Object.keys(config.environments);
  const parameters = await completeParameters(aws, references(config), undo);
  const [reference = ''] = config.webhookSecrets;
  const secret = parameters.get(reference.replace(/^ssm:/, '')) ?? reference;
  const ask = createClient(stack.outputs['WebhookUrl'] ?? '', secret);
  const jobId = `test-aws-${randomUUID()}`;
  const ofJob = `/jobs/${jobId}?environment=${environment}`;

  report.part('The functions');
  const post = (authorization?: string) =>
    ask('/jobs', { method: 'POST', body: JSON.stringify({ jobId, environment }) }, authorization);
  await report.check('a call with another credential is answered 401', { status: 401 }, () => post('Bearer no'));
  await report.check('a job that nobody asked for is answered 404', { status: 404 }, () => ask(ofJob));
  await report.check('a job that Sitecore does not tell of yet is answered 202', { status: 202 }, () => post());
  const watched = { status: 200, body: { jobId, watching: true, deliveries: [] } };
  await report.check('it is recorded, and watched', watched, () => ask(ofJob));

  await checkEvent(report, aws, { environment, ask });
  const call = createCaller(aws);
  const swept = { failedDeliveries: 0, left: 0 };
  await report.check('a sweep goes through', swept, () => call(stack.outputs['SweepFunctionName'] ?? '', {}));
  const event = () => call(stack.outputs['EventFunctionName'] ?? '', { environment });
  await report.check('an event without a job is refused', { errorType: 'RequestError' }, event);

  report.cannot('messages', 'no job ends on demand in Sitecore; "npm run notifier -- send-test" sends one');
  report.cannot('failed events in their queue', 'Lambda tries again for minutes before it gives up');
}

async function checkEvent(
  report: Report,
  aws: AwsSettings,
  { environment, ask }: { environment: string; ask: Ask },
): Promise<void> {
  const jobId = `test-aws-${randomUUID()}`;
  const entry = {
    Source: 'test.aws',
    DetailType: 'Publishing Job Check',
    Detail: JSON.stringify({ jobId, environment }),
  };
  await report.check('an event on the bus reaches the event function', { status: 200, body: { jobId } }, async () => {
    await new EventBridgeClient(aws).send(new PutEventsCommand({ Entries: [entry] }));
    const deadline = Date.now() + 60_000;
    for (;;) {
      const answer = await ask(`/jobs/${jobId}?environment=${environment}`);
      if (answer.status === 200 || Date.now() > deadline) return answer;
      await wait(2_000);
    }
  });
}

async function completeParameters(aws: AwsSettings, all: string[], undo: Undo): Promise<Map<string, string>> {
  const names = [...new Set(all)].flatMap((one) => /^ssm:(.+)$/.exec(one)?.[1] ?? []);
  const there = await readParameters(aws, names);
  const missing = names.filter((name) => !there.has(name));
  // A Slack hook is an https address; at this one nobody ever is.
  const values = missing.map((name) => [name, `https://test-aws.invalid/${randomUUID()}`] as const);
  await putParameters(aws, new Map(values), undo);
  return new Map([...there, ...values]);
}

type Ask = (path: string, init?: RequestInit, authorization?: string) => Promise<{ status: number; body: unknown }>;

const createClient =
  (url: string, secret: string): Ask =>
  async (path, init, authorization = `Bearer ${secret}`) => {
    const headers = { authorization, 'content-type': 'application/json' };
    const response = await fetch(`${url}${path}`, { ...init, headers });
    return { status: response.status, body: await response.json() };
  };

function createCaller(aws: AwsSettings) {
  const client = new LambdaClient(aws);
  return async (FunctionName: string, event: unknown): Promise<unknown> => {
    const { Payload } = await client.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }));
    return JSON.parse(Payload?.transformToString() ?? 'null');
  };
}
