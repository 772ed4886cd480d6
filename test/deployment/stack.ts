/** The stack as it is deployed: packaged by the framework, and evaluated as CloudFormation does. */

import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { inflateRawSync } from 'node:zlib';

/** Any part of a template. */
// biome-ignore lint/suspicious/noExplicitAny: a template is JSON, and tests read it as CloudFormation does.
type Json = any;

export interface Resource {
  Type: string;
  Properties: Json;
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
}

/** A template with every function and condition evaluated. Values that only AWS knows read `<Table>`, `<Table.Arn>`. */
export interface Stack {
  resources: Record<string, Resource>;
  outputs: Record<string, { Value: string }>;
  /** The tags of the stack, which CloudFormation puts on each resource. */
  tags: Record<string, string>;
  /** The names of the files in each zip. */
  archives: Record<string, string[]>;
  /** The text of the files in each zip, by name. */
  files: Record<string, Record<string, string>>;
  /** The resources of one type. */
  ofType(type: string): Resource[];
  /** The name of the one resource of this type that passes a test. Throws if there is none, or more than one. */
  nameOf(type: string, test?: (properties: Json) => boolean): string;
}

/** What `serverless package` reads. */
const parts = [
  ...['serverless.yml', 'resources', 'notifier.yml', 'package.json', 'package-lock.json'],
  ...['cli', 'functions', 'lib', 'local', 'scripts'],
];

/** Copies the project, because two runs in one folder conflict. There is no `dist/`: packaging builds. */
export async function copyProject(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'publishing-job-notifier-'));
  for (const part of parts) await cp(part, join(folder, part), { recursive: true });
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Runs `serverless package` in a copy of the project. Rejects with its output if it fails. */
export const runPackage = (folder: string, stage: string, params: Record<string, string> = {}) =>
  promisify(execFile)(
    resolve('node_modules/.bin/serverless'),
    [
      'package',
      '--stage',
      stage,
      ...Object.entries(params).flatMap(([name, value]) => ['--param', `${name}=${value}`]),
    ],
    { cwd: folder, env: { ...process.env, NO_COLOR: '1' } },
  );

/** Packages a stage of the project as it is. */
export async function packageStack(stage: string, params: Record<string, string> = {}): Promise<Stack> {
  const folder = await copyProject();
  try {
    await runPackage(folder, stage, params);
    return await readStack(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What was packaged in a folder. */
export async function readStack(folder: string): Promise<Stack> {
  const file = (name: string) => readFile(join(folder, '.serverless', name));
  const template = JSON.parse((await file('cloudformation-template-update-stack.json')).toString());
  const state = JSON.parse((await file('serverless-state.json')).toString());
  const zips = ['webhook.zip', 'event.zip', 'sweep.zip'].map(
    async (name) => [name, filesIn(await file(name))] as const,
  );
  const files = Object.fromEntries(await Promise.all(zips));
  return {
    ...read(template),
    tags: state.service.provider.stackTags,
    archives: Object.fromEntries(Object.entries(files).map(([name, contents]) => [name, Object.keys(contents)])),
    files,
  };
}

/** The files of a zip: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
function filesIn(zip: Buffer): Record<string, string> {
  const files: Record<string, string> = {};
  for (let at = zip.indexOf('PK\x01\x02'); at >= 0; at = zip.indexOf('PK\x01\x02', at + 1)) {
    const name = zip.toString('utf8', at + 46, at + 46 + zip.readUInt16LE(at + 28));
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const data = zip.subarray(start, start + zip.readUInt32LE(at + 20));
    files[name] = (zip.readUInt16LE(at + 10) === 0 ? data : inflateRawSync(data)).toString();
  }
  return files;
}

function read(template: Json): Pick<Stack, 'resources' | 'outputs' | 'ofType' | 'nameOf'> {
  const work = evaluator(template);
  const isMade = ({ Condition }: Json) => Condition === undefined || work({ Condition });
  const made = (section: Json) =>
    Object.fromEntries(
      Object.entries<Json>(section)
        .filter(([, each]) => isMade(each))
        .map(([name, each]) => [name, work(each)]),
    );
  const resources: Record<string, Resource> = made(template.Resources);
  return {
    resources,
    outputs: made(template.Outputs),
    ofType: (type) => Object.values(resources).filter(({ Type }) => Type === type),
    nameOf(type, test = () => true) {
      const names = Object.keys(resources).filter((name) => {
        const { Type, Properties } = resources[name] as Resource;
        return Type === type && test(Properties);
      });
      const [name] = names;
      if (name === undefined || names.length > 1) throw new Error(`${names.length} resources of type ${type} match`);
      return name;
    },
  };
}

const pseudoParameters: Record<string, string> = {
  'AWS::AccountId': '123456789012',
  'AWS::Partition': 'aws',
  'AWS::Region': 'eu-west-1',
  'AWS::StackName': 'the-stack',
  'AWS::URLSuffix': 'amazonaws.com',
};

const noValue = Symbol('AWS::NoValue');

/** The functions that this stack uses: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html */
function evaluator(template: Json): (part: Json) => Json {
  const ref = (name: string): Json => {
    if (name === 'AWS::NoValue') return noValue;
    return template.Parameters?.[name]?.Default ?? pseudoParameters[name] ?? `<${name}>`;
  };
  const functions: Record<string, (argument: Json) => Json> = {
    Ref: ref,
    Condition: (name) => work(template.Conditions[name]),
    'Fn::GetAtt': (path) => `<${[path].flat().join('.')}>`,
    'Fn::Sub': (text) =>
      text.replaceAll(/\$\{([^}]+)\}/g, (_: string, name: string) => (name.includes('.') ? `<${name}>` : ref(name))),
    'Fn::Join': ([separator, parts]) => work(parts).join(separator),
    'Fn::If': ([name, yes, no]) => work(work({ Condition: name }) ? yes : no),
    'Fn::Equals': ([one, other]) => work(one) === work(other),
    'Fn::Not': ([condition]) => !work(condition),
  };
  const work = (part: Json): Json => {
    if (Array.isArray(part)) return part.map(work).filter((each) => each !== noValue);
    if (typeof part !== 'object' || part === null) return part;
    const entries = Object.entries(part);
    const [name = '', argument] = entries[0] ?? [];
    const known = entries.length === 1 ? functions[name] : undefined;
    if (known) return known(argument);
    if (name.startsWith('Fn::')) throw new Error(`${name} is not supported`);
    return Object.fromEntries(
      entries.map(([key, value]) => [key, work(value)]).filter(([, value]) => value !== noValue),
    );
  };
  return work;
}
