/** The main job, done by the deployed functions through the deployed table, topic and parameters. */

import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { getEvent, httpEvent, postEvent, read } from '../support/world.ts';
import type { DeployedFunction } from './deployed-functions.ts';
import type { Inbox } from './inbox.ts';
import type { Outside } from './outside.ts';
import type { Report } from './report.ts';

export interface Scene {
  functions: Record<'webhook' | 'event' | 'sweep', DeployedFunction>;
  outside: Outside;
  inbox: Inbox;
}

/** Drives two jobs to their end, and counts what arrives. */
export async function checkMainJob(report: Report, scene: Scene): Promise<void> {
  report.part('The main job');
  await checkCompletedJob(report, scene);
  await checkFailedJob(report, scene);
  await checkRefusals(report, scene);
  await report.check('no function logged a secret', [], () => {
    const logs = Object.values(scene.functions).map((one) => one.logs());
    return [...scene.outside.parameters].filter(([, value]) => logs.join('').includes(value)).map(([name]) => name);
  });
}

async function checkCompletedJob(report: Report, scene: Scene): Promise<void> {
  const { functions, outside } = scene;
  const jobId = 'job_completes';
  const post = () => ask(scene, postEvent(jobId, outside.environment));
  const sweep = () => functions.sweep.call({});
  const nothing = { checked: 0, changed: 0, sent: 0, failedChecks: 0, failedDeliveries: 0, left: 0 };

  outside.setJob(jobId, 'Running');
  const watched = { status: 200, body: { status: 'Running', changed: true, watching: true, deliveries: [] } };
  await report.check('a call for a running job is answered 200, and the job is watched', watched, post);
  await report.check('a sweep looks at it', { ...nothing, checked: 1 }, sweep);
  await report.check('nobody was told', each(scene, 0), () => arrived(scene, jobId));

  outside.setJob(jobId, 'Completed');
  const told = { ...nothing, checked: 1, changed: 1, sent: Object.keys(outside.config.channels).length };
  await report.check('a sweep after its end tells every channel', told, sweep);
  await report.check('each Slack channel and the topic got one message', each(scene, 1), () => arrived(scene, jobId));
  const isDocument = Array(outside.channels.sns.length).fill('as described');
  await report.check('docs/message.schema.json describes the message of the topic', isDocument, () =>
    describeDocuments(scene, jobId),
  );

  await report.check('three more sweeps find nothing to do', [nothing, nothing, nothing], () => thrice(sweep));
  const known = { status: 200, body: { changed: false, watching: false, outcome: 'completed' } };
  await report.check('three more calls find nothing to do', [known, known, known], () => thrice(post));
  await report.check('it is still one message to each', each(scene, 1), () => arrived(scene, jobId));
  await checkDeliveries(report, scene, jobId);
}

async function checkFailedJob(report: Report, scene: Scene): Promise<void> {
  const { functions, outside } = scene;
  const jobId = 'job_fails';
  outside.setJob(jobId, 'Failed');
  // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
  const event = (detail: object) => ({
    version: '0',
    id: 'event-1',
    'detail-type': 'Publishing Job Check',
    source: 'test.aws',
    detail,
  });
  const failed = { status: 'Failed', outcome: 'failed', changed: true };
  await report.check('an event of EventBridge for a job that has failed is taken', failed, () =>
    functions.event.call(event({ jobId, environment: outside.environment })),
  );
  await report.check('each Slack channel and the topic got one message', each(scene, 1), () => arrived(scene, jobId));
  await checkDeliveries(report, scene, jobId);
  await report.check('an event without a job throws, for the dead-letter queue', true, () =>
    functions.event.call(event({})).then(
      () => 'it did not',
      ({ message }: Error) => message.includes('jobId') || message,
    ),
  );
}

async function checkRefusals(report: Report, scene: Scene): Promise<void> {
  const withoutCredential = httpEvent('POST /jobs', { body: '{"jobId": "job_1"}', headers: { authorization: '' } });
  await report.check('a call without the credential is answered 401', { status: 401 }, () =>
    ask(scene, withoutCredential),
  );
  await report.check('a job that nobody asked for is answered 404', { status: 404 }, () =>
    ask(scene, getEvent('job_unknown', scene.outside.environment)),
  );
}

async function checkDeliveries(report: Report, scene: Scene, jobId: string): Promise<void> {
  const sent = Object.keys(scene.outside.config.channels).map((channel) => [channel, { state: 'sent', attempts: 1 }]);
  const expected = { status: 200, watching: false, deliveries: Object.fromEntries(sent) };
  await report.check(`GET /jobs/${jobId} shows every delivery as sent`, expected, async () => {
    const { status, body } = await ask(scene, getEvent(jobId, scene.outside.environment));
    const deliveries: { channel: string }[] = body.deliveries ?? [];
    return {
      status,
      watching: body.watching,
      deliveries: Object.fromEntries(deliveries.map((one) => [one.channel, one])),
    };
  });
}

const ask = async ({ functions }: Scene, event: unknown) => read((await functions.webhook.call(event)) as never);
const thrice = async <Result>(act: () => Promise<Result>): Promise<Result[]> => [await act(), await act(), await act()];

interface Arrived {
  slack: Record<string, number>;
  topic: number;
}

/** So many messages to each Slack channel; and to the topic, for each channel that names it. */
const each = ({ outside: { channels } }: Scene, count: number): Arrived => ({
  slack: Object.fromEntries(channels.slack.map((name) => [name, count])),
  topic: channels.sns.length * count,
});

async function arrived(scene: Scene, jobId: string): Promise<Arrived> {
  const { channels, slackMessages } = scene.outside;
  const ofJob = slackMessages.filter(({ payload }) => JSON.stringify(payload).includes(jobId));
  const count = (name: string) => ofJob.filter(({ hook }) => hook === name).length;
  return {
    slack: Object.fromEntries(channels.slack.map((name) => [name, count(name)])),
    topic: (await documentsOf(scene, jobId)).length,
  };
}

const documentsOf = async ({ inbox }: Scene, jobId: string): Promise<Record<string, unknown>[]> =>
  (await inbox.documents()).filter((document) => document['jobId'] === jobId);

async function describeDocuments(scene: Scene, jobId: string): Promise<unknown[]> {
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true });
  formats.default(ajv);
  const validate = ajv.compile(JSON.parse(readFileSync('docs/message.schema.json', 'utf8')));
  const documents = await documentsOf(scene, jobId);
  return documents.map((document) => (validate(document) ? 'as described' : ajv.errorsText(validate.errors)));
}
