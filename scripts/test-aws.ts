/**
 * `npm run test:aws`: deploys the packaged stack, drives the main job through what was deployed as far as that endpoint
 * can, and removes everything again. Says what was checked and what could not be; fails if anything failed.
 */

import { parseArgs } from 'node:util';
import { ConfigError } from '../lib/platform/errors.ts';
import { checkInAccount } from '../test/aws/account.ts';
import { checkInEmulator } from '../test/aws/emulator.ts';
import { chooseEndpoint, type Endpoint } from '../test/aws/endpoint.ts';
import { packageStack } from '../test/aws/packaged.ts';
import { createReport, type Report } from '../test/aws/report.ts';
import { checkResources } from '../test/aws/resources.ts';
import { deploy, type Undo } from '../test/aws/stack.ts';

const usage = `npm run test:aws -- [--stage dev] [--account 123456789012]

Deploys into the emulator that AWS_ENDPOINT_URL names. Without it, moto_server is started if it is installed. With
--account it is that account of yours, with the credentials that the AWS SDK finds: a stack is made there, and removed.`;

async function testAws({ stage, account }: { stage: string; account: string | undefined }): Promise<boolean> {
  const endpoint = await chooseEndpoint(account);
  const report = createReport(endpoint);
  const undo: Undo = [];
  try {
    await run(endpoint, stage, untilInterrupted(report), undo);
  } finally {
    await undoAll(report, undo);
    endpoint.close();
  }
  return report.end();
}

async function run(endpoint: Endpoint, stage: string, report: Report, undo: Undo): Promise<void> {
  const packaged = await packageStack(stage);
  const aws = endpoint.settings(packaged.region);
  report.part(`Deploying ${packaged.stackName} to ${endpoint.name}`);
  const deployment = { aws, packaged, stack: await deploy(aws, packaged, undo) };
  await checkResources(report, deployment);
  await (endpoint.isEmulator ? checkInEmulator : checkInAccount)(report, deployment, undo);
}

/** Ctrl-C ends the run at the next check, so that everything made until then is known, and removed. */
function untilInterrupted(report: Report): Report {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => controller.abort(new ConfigError('Interrupted.')));
  }
  return {
    ...report,
    async check(...args) {
      controller.signal.throwIfAborted();
      await report.check(...args);
    },
  };
}

/** Last things first; what cannot be removed does not keep the others. */
async function undoAll(report: Report, undo: Undo): Promise<void> {
  report.part('Afterwards');
  for (const [what, remove] of undo.reverse()) {
    await report.check(what, true, async () => {
      await remove();
      return true;
    });
  }
}

try {
  const { values } = parseArgs({
    options: {
      stage: { type: 'string', default: 'dev' },
      account: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) console.log(usage);
  else process.exitCode = (await testAws({ stage: values.stage, account: values.account })) ? 0 : 1;
} catch (error) {
  const isMisused = error instanceof TypeError && 'code' in error && `${error.code}`.startsWith('ERR_PARSE_ARGS');
  console.error(error instanceof ConfigError || isMisused ? error.message : error);
  process.exitCode = 1;
}
