/** The measured processes, with the environment and the flags of a Lambda function with 256 MB. */

import { type ChildProcess, fork, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { readDocument } from '../local/notifier-document.ts';
import type { Service } from './neighbours/server.ts';

type Env = Record<string, string>;

/** As the bootstrap of Lambda's Node images computes them from the memory size: a tenth for young objects. */
const flags = ['--expose-gc', '--max-http-header-size=81920', '--max-semi-space-size=12', '--max-old-space-size=231'];

/** The environment variables of a deployed function, for all variants. */
export async function environmentOf(
  { aws, api, token }: Record<Service, string>,
  settings: { concurrency?: number; checks?: number; discover?: boolean } = {},
): Promise<Env> {
  const { concurrency = 20, checks = 0, discover = false } = settings;
  const document = structuredClone((await readDocument()) as { environments: Record<string, object> });
  // The notifier.yml of the project, with secrets in Systems Manager, except for the addresses.
  for (const one of Object.values(document.environments)) {
    Object.assign(one, { apiUrl: api, tokenUrl: `${token}/oauth/token`, discover });
  }
  return {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    AWS_ENDPOINT_URL: aws,
    TABLE_NAME: 'publishing-jobs',
    TOPIC_ARN: 'arn:aws:sns:eu-west-1:000000000000:publishing-job-events',
    SWEEP_QUEUE_URL: `${aws}/000000000000/sweeps`,
    NOTIFIER_CONFIG: JSON.stringify({ ...document, settings: { sweepConcurrency: concurrency } }),
    API_URL: api,
    TOKEN_URL: `${token}/oauth/token`,
    PARAMETER_PREFIX: '/publishing-job-notifier',
    CONCURRENCY: String(concurrency),
    CHECKS: String(checks),
  };
}

/** The next message of a process. Throws if the process ends first. */
export const responseOf = <Answer>(child: ChildProcess): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const end = (code: number | null) => reject(new Error(`a measured process or its neighbour ended with ${code}`));
    child.once('exit', end).once('message', (message) => {
      child.off('exit', end);
      resolve(message as Answer);
    });
  });

/** One start of a function: milliseconds since the start of the process, and the peak resident memory. */
export interface ColdRun {
  loadMs: number;
  answerMs: number;
  cpuMs: number;
  peakMb: number;
  answer: Record<string, unknown>;
}

/** Starts a process that loads the file and handles one event, then ends it. */
export async function runCold(file: string, event: object, env: Env): Promise<ColdRun> {
  const program = fileURLToPath(new URL('cold-process.cjs', import.meta.url));
  const startedAt = process.hrtime.bigint();
  const child = spawn(process.execPath, [...flags, program, file, JSON.stringify(event)], {
    env,
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const said = JSON.parse(await text(child.stdio[3] as Readable));
  const since = (moment: string) => Number(BigInt(moment) - startedAt) / 1e6;
  return {
    loadMs: since(said.loadedAt),
    answerMs: since(said.answeredAt),
    cpuMs: said.cpuMs,
    peakMb: said.peakKilobytes / 1024,
    answer: said.answer,
  };
}

/** One invocation in a process that stays alive. */
export interface WarmRun {
  wallMs: number;
  /** User and system time of the whole process. */
  cpuMs: number;
  /** Since the start of the process. */
  peakMb: number;
  /** The maximum of the heap after a collection; 0 unless it was watched. */
  liveMb: number;
  result: Record<string, unknown>;
}

export interface WarmProcess {
  run(event?: object, options?: { watchesHeap?: boolean }): Promise<WarmRun>;
  close(): void;
}

/** Starts a process that loads the file once and handles events one at a time. */
export function startWarm(file: string, env: Env): WarmProcess {
  const child: ChildProcess = fork(fileURLToPath(new URL('warm-process.cjs', import.meta.url)), [file], {
    env,
    execArgv: flags,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return {
    async run(event = {}, { watchesHeap = false } = {}) {
      child.send({ event, watchesHeap });
      type Said = WarmRun & { peakKilobytes: number; liveKilobytes: number };
      const { peakKilobytes, liveKilobytes, ...run } = await responseOf<Said>(child);
      return { ...run, peakMb: peakKilobytes / 1024, liveMb: liveKilobytes / 1024 };
    },
    close: () => child.disconnect(),
  };
}
