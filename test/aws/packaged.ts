/** The stack as `serverless package` makes it. */

import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '../../lib/platform/errors.ts';

/** A CloudFormation template, as far as this looks into it. */
export interface Template {
  Resources: Record<string, TemplateResource>;
  [section: string]: unknown;
}

export interface TemplateResource {
  Type: string;
  Properties?: Record<string, unknown>;
  Condition?: string;
  DeletionPolicy?: string;
  [attribute: string]: unknown;
}

export interface Packaged {
  stackName: string;
  region: string;
  /** What the framework makes first: the bucket for the code. */
  firstTemplate: Template;
  template: Template;
  /** For everything in the stack. */
  tags: { Key: string; Value: string }[];
  /** The folder of that bucket in which the template expects the code. */
  folder: string;
  /** The zip files by name, such as `webhook.zip`. */
  zips: Map<string, Buffer>;
}

/** Packages a stage in a copy of what it is made from: two runs in one folder get into each other's way. */
export async function packageStack(stage: string): Promise<Packaged> {
  const folder = await mkdtemp(join(tmpdir(), 'publishing-job-notifier-'));
  try {
    for (const part of ['serverless.yml', 'resources', 'dist']) await cp(part, join(folder, part), { recursive: true });
    const serverless = resolve('node_modules/.bin/serverless');
    await promisify(execFile)(serverless, ['package', '--stage', stage], { cwd: folder }).catch(
      ({ stdout = '', stderr = '' }: { stdout?: string; stderr?: string }) => {
        throw new ConfigError(`serverless package failed:\n${stdout}${stderr}`);
      },
    );
    return await readPackage(join(folder, '.serverless'), stage);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function readPackage(folder: string, stage: string): Promise<Packaged> {
  const readJson = async (name: string) => JSON.parse(await readFile(join(folder, name), 'utf8'));
  const { service, package: artifact } = await readJson('serverless-state.json');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.zip'));
  const zips = names.map(async (name) => [name, await readFile(join(folder, name))] as const);
  return {
    stackName: service.provider.stackName ?? `${service.service}-${stage}`,
    region: service.provider.region,
    firstTemplate: await readJson('cloudformation-template-create-stack.json'),
    template: await readJson('cloudformation-template-update-stack.json'),
    tags: Object.entries<string>(service.provider.stackTags ?? {}).map(([Key, Value]) => ({ Key, Value })),
    folder: artifact.artifactDirectoryName,
    zips: new Map(await Promise.all(zips)),
  };
}
