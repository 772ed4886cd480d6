/** The builds that are measured: our bundles as they are deployed, the floors, and the baseline. */

import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { bundling } from '../scripts/bundling.ts';

export const functionNames = ['webhook', 'event', 'sweep'] as const;
export type FunctionName = (typeof functionNames)[number];

/** A file to load, and the size of its deployment in bytes. */
export interface Build {
  file: string;
  bytes: number;
}

export interface Builds {
  ours: Record<FunctionName, Build>;
  baseline: Record<FunctionName, Build>;
  floor: Record<'function' | 'path' | 'loop' | 'empty', Build>;
}

const root = fileURLToPath(new URL('..', import.meta.url));
/** Inside node_modules: git ignores it, and the baseline finds its packages there. */
export const folder = join(root, 'node_modules/.cache/bench');

/** Copies the bundles of `npm run build`, so that a later build does not affect the runs, and builds the others. */
export async function makeBuilds(): Promise<Builds> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'baseline'), { recursive: true });
  await cp(join(root, 'dist'), join(folder, 'ours'), { recursive: true });
  await Promise.all([buildFloor(), buildBaseline()]);
  const dependencies = await bytesOfDependencies();
  const each = async <Name extends string>(names: readonly Name[], make: (name: Name) => Promise<Build>) =>
    Object.fromEntries(await Promise.all(names.map(async (name) => [name, await make(name)]))) as Record<Name, Build>;
  return {
    ours: await each(functionNames, (name) => oneFile(join(folder, 'ours', name, 'index.cjs'))),
    floor: await each(['function', 'path', 'loop', 'empty'] as const, (name) =>
      oneFile(join(folder, 'floor', `${name}.cjs`)),
    ),
    baseline: await each(functionNames, async (name) => ({
      file: join(folder, 'baseline', `${name}.js`),
      bytes: (await bytesOf(join(folder, 'baseline'))) + dependencies,
    })),
  };
}

const oneFile = async (file: string): Promise<Build> => ({ file, bytes: (await stat(file)).size });

/** Bundles with the options of our bundles. docs/performance.md lists what else was tried. */
async function buildFloor(): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: ['function', 'path', 'loop', 'empty'].map((name) => `bench/floor/${name}.ts`),
    outdir: join(folder, 'floor'),
    ...bundling,
  });
}

/** Plain `tsc`. */
async function buildBaseline(): Promise<void> {
  const outDir = join(folder, 'baseline');
  const tsc = join(root, 'node_modules/.bin/tsc');
  await promisify(execFile)(tsc, ['-p', join(root, 'bench/baseline'), '--outDir', outDir]);
  await writeFile(join(outDir, 'package.json'), '{ "type": "module" }\n');
}

/** The packages that `npm ci --omit=dev` installs for the baseline; only we use valibot. */
async function bytesOfDependencies(): Promise<number> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
  };
  const paths = Object.entries(lock.packages)
    .filter(([path, { dev, optional, devOptional }]) => path && !dev && !optional && !devOptional)
    .map(([path]) => path)
    .filter((path) => path !== 'node_modules/valibot');
  const sizes = await Promise.all(paths.map((path) => bytesOf(join(root, path))));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** The files of a folder. Nested packages are counted separately. */
async function bytesOf(path: string): Promise<number> {
  const entries = await readdir(path, { withFileTypes: true });
  const sizes = await Promise.all(
    entries.map(async (entry) => {
      if (entry.name === 'node_modules') return 0;
      const inner = join(path, entry.name);
      return entry.isDirectory() ? await bytesOf(inner) : (await stat(inner)).size;
    }),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
