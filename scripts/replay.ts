/**
 * `npm run replay -- --channel team --since 2h`, or `--job job_41B25 --environment production`: sends dead deliveries
 * again. Works on the table that TABLE_NAME names, or else on the one of a running `npm start`.
 */

import { parseArgs } from 'node:util';
import { ConfigError, RequestError } from '../lib/errors.ts';
import { readJobName } from '../lib/job-name.ts';
import { createParts } from '../lib/parts.ts';
import { replay } from '../lib/replay.ts';
import { readDocument } from '../local/notifier-document.ts';
import { runningEnvironment } from '../local/running.ts';

const units: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function sinceOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit = ''] = /^(\d+)([mhd])$/.exec(text) ?? [];
  if (count === undefined) throw new RequestError(400, '--since takes a time span such as 30m, 2h or 3d.');
  return Date.now() - Number(count) * (units[unit] ?? 0);
}

async function environment(): Promise<Record<string, string | undefined>> {
  if (process.env['TABLE_NAME'] === undefined) return Object.assign(process.env, await runningEnvironment(process.env));
  const config = process.env['NOTIFIER_CONFIG'] ?? JSON.stringify(await readDocument());
  return { ...process.env, NOTIFIER_CONFIG: config };
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      channel: { type: 'string' },
      since: { type: 'string' },
      job: { type: 'string' },
      environment: { type: 'string' },
    },
  });
  const since = sinceOf(values.since);
  const parts = createParts(await environment(), { write: () => undefined });
  if (values.channel !== undefined && !Object.hasOwn(parts.config.channels, values.channel)) {
    throw new RequestError(422, `No such channel. Configured are: ${Object.keys(parts.config.channels).join(', ')}.`);
  }
  const job = values.job
    ? readJobName({ jobId: values.job, environment: values.environment }, Object.keys(parts.config.environments))
    : undefined;
  const replayed = await replay(parts, { channel: values.channel, since, job });
  for (const { job: one, revived } of replayed) console.log(`${one.environment} ${one.jobId}: ${revived.join(', ')}`);
  const count = replayed.reduce((sum, { revived }) => sum + revived.length, 0);
  const what = count === 1 ? '1 delivery is' : `${count} deliveries are`;
  console.log(count > 0 ? `${what} sent by the next sweep.` : 'There is nothing dead that fits.');
}

await run().catch((error: Error) => {
  const isExpected = error instanceof ConfigError || error instanceof RequestError || 'code' in error;
  console.error(isExpected ? error.message : error);
  process.exitCode = 1;
});
