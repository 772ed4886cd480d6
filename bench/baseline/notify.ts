/** Tells Slack and the topic of a job's end. */

import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import type { PublishingJob } from './publishing-api.ts';
import { readSecrets, topicArn } from './settings.ts';
import type { JobName } from './table.ts';

const sns = new SNSClient({});

export async function notify({ environment, jobId }: JobName, job: PublishingJob): Promise<void> {
  const { status, finishTime } = job.system;
  const text = [
    `${status}: ${job.name ?? jobId}`,
    `Environment: ${environment}`,
    `Source: ${job.source ?? 'unknown'}`,
    `Ended: ${finishTime ?? 'unknown'}`,
    `Items: ${job.statistics?.itemsProcessed ?? 0} processed, ${job.statistics?.itemsFailed ?? 0} failed`,
  ].join('\n');
  await Promise.all([postToSlack(text), publish(text, { environment, jobId, status })]);
}

async function postToSlack(text: string): Promise<void> {
  const secrets = await readSecrets();
  const response = await fetch(secrets['slack-webhook-url'], {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  });
  if (!response.ok) throw new Error(`Slack answered ${response.status}`);
}

async function publish(text: string, attributes: Record<string, string>): Promise<void> {
  await sns.send(
    new PublishCommand({
      TopicArn: topicArn,
      Subject: 'Publishing job',
      Message: text,
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
      ),
    }),
  );
}
