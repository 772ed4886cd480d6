/** The main job in an emulator: the deployed code and resources, with Sitecore and Slack on this machine. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type DeployedFunction, loadFunction } from './deployed-functions.ts';
import { subscribeInbox } from './inbox.ts';
import { checkMainJob } from './main-job.ts';
import { startOutside } from './outside.ts';
import { putParameters } from './parameters.ts';
import type { Report } from './report.ts';
import type { Deployment } from './resources.ts';
import type { Undo } from './stack.ts';
import { unzip } from './zip.ts';

/** Puts the parameters, subscribes to the topic, and does the main job with the code that was uploaded. */
export async function checkInEmulator(report: Report, deployment: Deployment, undo: Undo): Promise<void> {
  const { aws, stack } = deployment;
  const outside = await startOutside();
  undo.push(['the servers on this machine are closed', outside.close]);
  await putParameters(aws, outside.parameters, undo);
  const inbox = await subscribeInbox(aws, stack.outputs['TopicArn'] ?? '', undo);
  const env = { NOTIFIER_CONFIG: JSON.stringify(outside.config) };
  const [webhook, event, sweep] = await loadFunctions(deployment, env, undo);
  await checkMainJob(report, { functions: { webhook, event, sweep }, outside, inbox });

  for (const [type, resources] of Map.groupBy(stack.missing, ({ type }) => type)) {
    const names = resources.map(({ logicalId }) => logicalId).join(', ');
    const unlessWanted = resources.every(({ isConditional }) => isConditional) ? ', or none is wanted' : '';
    report.cannot(`${type} (${names})`, `this emulator makes none from a template${unlessWanted}`);
  }
  report.cannot(
    'Lambda, API Gateway and EventBridge calling the functions, and their retries',
    `the functions ran as processes on this machine, with Node ${process.version} on ${process.arch}`,
  );
  report.cannot('whether the roles allow enough', 'an emulator lets everybody do everything');
}

async function loadFunctions({ aws, packaged, stack }: Deployment, env: Record<string, string>, undo: Undo) {
  const folder = await mkdtemp(join(tmpdir(), 'publishing-job-notifier-'));
  undo.push(['the unpacked code is removed', () => rm(folder, { recursive: true })]);
  const load = async (logicalId: string): Promise<DeployedFunction> => {
    const resource = stack.made('AWS::Lambda::Function').find((one) => one.logicalId === logicalId);
    const zip = packaged.zips.get(basename(resource?.properties['Code'].S3Key ?? ''));
    if (!resource || !zip) throw new Error(`${logicalId} was not made`);
    await unzip(zip, join(folder, logicalId));
    return await loadFunction(aws, { name: resource.physicalId, folder: join(folder, logicalId), env });
  };
  return await Promise.all([load('WebhookLambdaFunction'), load('EventLambdaFunction'), load('SweepLambdaFunction')]);
}
