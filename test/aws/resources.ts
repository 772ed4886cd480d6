/** What the endpoint says of the resources that it made, compared with what the template asks for. */

import type { AwsSettings } from './endpoint.ts';
import type { Packaged } from './packaged.ts';
import type { Report } from './report.ts';
import { checkFunctions } from './resources-functions.ts';
import { checkStores } from './resources-stores.ts';
import { checkWatchers } from './resources-watchers.ts';
import type { Stack } from './stack.ts';

export interface Deployment {
  aws: AwsSettings;
  packaged: Packaged;
  stack: Stack;
}

/** The outputs that people and the command line rely on, and the resource that each one names. */
const outputs = {
  TableName: 'Table',
  TopicArn: 'Topic',
  FailedEventsUrl: 'FailedEvents',
  FailedSweepsUrl: 'FailedSweeps',
  WebhookFunctionName: 'WebhookLambdaFunction',
  EventFunctionName: 'EventLambdaFunction',
  SweepFunctionName: 'SweepLambdaFunction',
};

/** Looks at every resource that the endpoint made and whose settings matter. */
export async function checkResources(report: Report, deployment: Deployment): Promise<void> {
  const { stack } = deployment;
  report.part('The resources');
  const names = Object.entries(outputs).map(([output, logicalId]) => [output, stack.physicalId(logicalId)]);
  await report.check('the outputs name what was made', Object.fromEntries(names), () => stack.outputs);
  await checkStores(report, deployment);
  await checkFunctions(report, deployment);
  await checkWatchers(report, deployment);
}
