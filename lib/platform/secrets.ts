/**
 * Secrets that the configuration refers to: `env:NAME` for an environment variable, `ssm:/name` for a parameter in AWS
 * Systems Manager. Anything else is the value itself.
 */

import * as v from 'valibot';
import type { Clock } from './clock.ts';
import { UpstreamError } from './errors.ts';
import type { Redactor } from './redaction.ts';

/** A reference, or the value itself, as the configuration holds it. */
export const reference = v.pipe(
  v.string(),
  v.regex(
    /^(?:env:[A-Za-z_][A-Za-z0-9_]*|ssm:\/(?:[A-Za-z0-9_./-]|\{stage\})+|(?!env:|ssm:)[\s\S]+)$/,
    'a value, env:NAME or ssm:/name',
  ),
  v.description(
    'A value, env:NAME for an environment variable, or ssm:/name for an SSM parameter, in which {stage} is the stage',
  ),
);

/** Reads parameters by name. The result leaves out names that do not exist. */
export type ReadParameters = (names: string[]) => Promise<Map<string, string>>;

export interface Secrets {
  /** The value of a reference. Throws an `UpstreamError`: `needsOperator` if it is missing, `unavailable` if it cannot be read now. */
  read(reference: string): Promise<string>;
  /** Reads all parameters again after a credential was refused, at most every 5 minutes. True if it has read them. */
  refresh(): Promise<boolean>;
}

/** GetParameters accepts at most 10 names: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html */
const batchSize = 10;
const refreshEveryMs = 5 * 60_000;

/** Reads all parameters in `references` together when the first one is needed, and keeps them. */
export function createSecrets(deps: {
  env: Record<string, string | undefined>;
  clock: Clock;
  redact: Redactor;
  readParameters: ReadParameters;
  references: string[];
}): Secrets {
  const { env, clock, redact } = deps;
  const names = [...new Set(deps.references.filter(isParameter).map(parameterName))];
  let parameters: Promise<Map<string, string>> | undefined;
  let refreshing: Promise<boolean> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;

  const readAll = async (): Promise<Map<string, string>> => {
    const batches = Array.from({ length: Math.ceil(names.length / batchSize) }, (_, index) =>
      names.slice(index * batchSize, (index + 1) * batchSize),
    );
    const read = await Promise.all(batches.map((batch) => readBatch(batch, deps.readParameters)));
    return new Map(read.flatMap((values) => [...values]));
  };

  const begin = (): Promise<Map<string, string>> => {
    readAt = clock.now();
    return readAll().catch((cause: unknown) => {
      throw new UpstreamError('unavailable', `Systems Manager cannot be read now (${nameOf(cause)})`, { cause });
    });
  };

  const readOnce = (): Promise<Map<string, string>> => {
    parameters ??= begin().catch((error: unknown) => {
      parameters = undefined;
      throw error;
    });
    return parameters;
  };

  const lookUp = async (reference: string): Promise<string | undefined> => {
    if (reference.startsWith('env:')) return env[reference.slice('env:'.length)];
    if (isParameter(reference)) return (await readOnce()).get(parameterName(reference));
    return reference;
  };

  const refresh = async (): Promise<boolean> => {
    if (refreshing) return await refreshing;
    if (names.length === 0 || clock.now() - readAt < refreshEveryMs) return false;
    // The old values stay until the new ones are read.
    refreshing = begin().then((fresh) => {
      parameters = Promise.resolve(fresh);
      return true;
    });
    return await refreshing.finally(() => {
      refreshing = undefined;
    });
  };

  return {
    async read(reference) {
      // A missing parameter may have been created since.
      const value = (await lookUp(reference)) || ((await refresh()) ? await lookUp(reference) : undefined);
      if (!value) throw new UpstreamError('needsOperator', missing(reference));
      redact.learn(value);
      return value;
    },
    refresh,
  };
}

/** GetParameters refuses a whole batch for one name that it may not read. Then each name is read separately. */
async function readBatch(names: string[], readParameters: ReadParameters): Promise<Map<string, string>> {
  try {
    return await readParameters(names);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const readOne = (name: string) =>
      readParameters([name]).catch((cause: unknown) => {
        if (isRefusal(cause)) return new Map<string, string>();
        throw cause;
      });
    const read = await Promise.all(names.map(readOne));
    return new Map(read.flatMap((one) => [...one]));
  }
}

/** Whether the error is about a name or its key rather than about the service. */
const isRefusal = (error: unknown): boolean => /^(AccessDenied|InvalidKeyId|Validation)/.test(nameOf(error));

const isParameter = (reference: string): boolean => reference.startsWith('ssm:');
const parameterName = (reference: string): string => reference.slice('ssm:'.length);
const nameOf = (cause: unknown): string => (cause instanceof Error ? cause.name : 'unknown error');

const missing = (reference: string): string =>
  isParameter(reference)
    ? `the parameter ${parameterName(reference)} is missing in Systems Manager, or this function may not read it`
    : `the environment variable ${reference.slice('env:'.length)} is not set`;
