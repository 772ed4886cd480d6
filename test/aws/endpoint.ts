/** Where it is deployed: an emulator, or an account of one's own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { ConfigError } from '../../lib/platform/errors.ts';

/** What every client of the AWS SDK gets. Without an endpoint it is AWS, with the credentials that the SDK finds. */
export interface AwsSettings {
  region: string;
  endpoint?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string };
}

export interface Endpoint {
  /** For the reader. */
  name: string;
  isEmulator: boolean;
  settings(region: string): AwsSettings;
  close(): void;
}

const howTo = `Name one:
  AWS_ENDPOINT_URL=http://127.0.0.1:5000 npm run test:aws   an emulator that runs
  npm run test:aws -- --account 123456789012                an account of your own: it makes a stack there, and removes it
or install moto (pip install 'moto[server]'), which is started when nothing is named.`;

/** Never an account by accident: that takes its number. A `ConfigError` says what is missing. */
export async function chooseEndpoint(account: string | undefined, url = process.env['AWS_ENDPOINT_URL']) {
  if (account !== undefined) return await accountEndpoint(account, url);
  if (!url) return await startMoto();
  if (new URL(url).hostname.endsWith('.amazonaws.com')) {
    throw new ConfigError('AWS_ENDPOINT_URL is AWS itself. Name the account that it may use: --account 123456789012.');
  }
  await answer(url, 5_000);
  return emulatorEndpoint(url);
}

// An emulator never gets credentials that are good elsewhere.
const emulatorEndpoint = (url: string, name = url, close = () => {}): Endpoint => ({
  name,
  isEmulator: true,
  settings: (region) => ({ region, endpoint: url, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }),
  close,
});

async function accountEndpoint(account: string, url: string | undefined): Promise<Endpoint> {
  const settings = (region: string) => ({ region, ...(url ? { endpoint: url } : {}) });
  const sts = new STSClient(settings(process.env['AWS_REGION'] ?? 'us-east-1'));
  const { Account } = await sts.send(new GetCallerIdentityCommand({}));
  if (Account !== account)
    throw new ConfigError(`The credentials are those of the account ${Account}, not ${account}.`);
  return { name: `the account ${account}`, isEmulator: false, settings, close: () => {} };
}

async function startMoto(): Promise<Endpoint> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  // In a group of its own: Ctrl-C is for us, and the stack is removed before moto ends.
  const moto = spawn('moto_server', ['-H', '127.0.0.1', '-p', `${port}`], { stdio: 'ignore', detached: true });
  const failure = new Promise<never>((_, reject) => {
    moto.once('error', () => reject(new ConfigError(`There is no AWS to deploy to. ${howTo}`)));
    moto.once('exit', (code) => reject(new ConfigError(`moto_server ended by itself (exit code ${code}).`)));
  });
  // When it is ended later on, nobody waits for this any more.
  failure.catch(() => undefined);
  await Promise.race([failure, answer(url, 60_000)]).catch((error: unknown) => {
    moto.kill();
    throw error;
  });
  return emulatorEndpoint(url, `moto_server, started at ${url}`, () => end(moto));
}

const end = (child: ChildProcess): void => {
  child.removeAllListeners('exit');
  child.kill();
};

async function answer(url: string, withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await fetch(url).catch(() => null))) {
    if (Date.now() > deadline) throw new ConfigError(`Nobody answers at ${url}.`);
    await wait(100);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
