/**
 * The floor of a cold start: the minimum of a function with our clients, one call to the table and one GET.
 *
 * Each of the three functions may have to send (SNS), read secrets (Systems Manager) and request a sweep (SQS), so the
 * floor loads the same clients, including the document client of the table. It has one command per client; ours have up
 * to seven.
 */

import http from 'node:http';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';

const { TABLE_NAME: TableName, API_URL: apiUrl = '' } = process.env;

const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const sns = new SNSClient({});
const ssm = new SSMClient({});
const sqs = new SQSClient({});

/** Calls that the event of the benchmark does not need, but a real one does. */
export const unused = {
  publish: (Message: string) => sns.send(new PublishCommand({ Message })),
  read: (Names: string[]) => ssm.send(new GetParametersCommand({ Names })),
  wake: (QueueUrl: string) => sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries: [] })),
};

const get = (url: string): Promise<string> =>
  new Promise((resolve, reject) => {
    http
      .get(url, (answer) => {
        let body = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk) => {
          body += chunk;
        });
        answer.on('end', () => resolve(body));
      })
      .on('error', reject);
  });

export async function handler(): Promise<object> {
  const { Item } = await table.send(new GetCommand({ TableName, Key: { jobKey: 'production#job_1' } }));
  const { system } = JSON.parse(await get(`${apiUrl}/authoring/publishing/v1/jobs/job_1`));
  return { known: Item?.['status'] ?? null, status: system.status };
}
