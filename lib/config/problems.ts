/** Describes the problems of a configuration: one line per key, with its path and what was expected. Pure. */

import type { BaseIssue } from 'valibot';
import { cut } from '../platform/text.ts';

/** The problems that the schema found. */
export const describeIssues = (issues: BaseIssue<unknown>[]): string[] =>
  issues.flatMap((issue) => describe(issue, ''));

/** Names that rules use but the document does not define, and reserved names. */
export function describeNames(document: unknown): string[] {
  const { environments, channels, rules, limits, people } = membersOf(document);
  const reserved = Object.entries({ environments, channels, people }).flatMap(([member, named]) =>
    ['constructor', 'prototype', '__proto__']
      .filter((name) => Object.hasOwn(membersOf(named), name))
      .map((name) => `${member}.${name}: expected another name; got a reserved name`),
  );
  const unknown = Object.entries({ rules, limits }).flatMap(([member, list]) =>
    (Array.isArray(list) ? list : []).flatMap((entry, index) => {
      const { when, notify } = membersOf(entry);
      return [
        ...unknownOf(membersOf(when)['environment'], environments, `${member}[${index}].when.environment`),
        ...unknownOf(notify, channels, `${member}[${index}].notify`),
      ];
    }),
  );
  return [...reserved, ...unknown];
}

function unknownOf(used: unknown, known: unknown, path: string): string[] {
  const names = Object.keys(membersOf(known));
  const isUnknown = (name: unknown): name is string => typeof name === 'string' && !names.includes(name);
  const problem = (at: string, name: string) => `${at}: expected one of ${names.join(', ')}; got ${show(name)}`;
  if (isUnknown(used)) return [problem(path, used)];
  if (!Array.isArray(used)) return [];
  return used.flatMap((name, index) => (isUnknown(name) ? [problem(`${path}[${index}]`, name)] : []));
}

function describe(issue: BaseIssue<unknown>, base: string): string[] {
  const path = (issue.path ?? []).reduce((before, { key }) => join(before, key), base);
  if (issue.type === 'never') return [`${path}: unknown key`];
  // For a value or a list of values, report only the problems of the form that the document uses.
  const chosen = (issue.issues ?? []).filter(isAbout(issue.input));
  if (issue.type === 'union' && chosen.length > 0) return chosen.flatMap((one) => describe(one, path));
  // valibot names the missing key as what it expected.
  if (issue.input === undefined && issue.expected?.startsWith('"') && path.endsWith(issue.expected.slice(1, -1))) {
    return [`${path}: missing`];
  }
  const expected = issue.kind === 'validation' ? issue.message : inWords(issue.expected ?? 'another value');
  return [`${path || 'the document'}: expected ${expected}; got ${shownAt(issue.input, path)}`];
}

/** Whether an issue of one alternative is about the form that the input has. */
const isAbout =
  (input: unknown) =>
  (one: BaseIssue<unknown>): boolean =>
    typeof input === 'object'
      ? one.path !== undefined || one.kind === 'validation'
      : !/^(Array|Object)$/.test(one.expected ?? '');

const join = (path: string, key: unknown): string =>
  typeof key === 'number' ? `${path}[${key}]` : path ? `${path}.${String(key)}` : String(key);

const words: Record<string, string> = { Array: 'a list', Object: 'an object' };
const inWords = (expected: string): string => words[expected] ?? expected.replace(/["()]/g, '');

// Any other value may be a misplaced secret, so it is never shown.
const shownAt = (value: unknown, path: string): string =>
  /^(?:rules|limits|people|settings)\b|\.type$/.test(path) ? show(value) : typeName(value);

const show = (value: unknown): string =>
  ['string', 'number', 'boolean'].includes(typeof value)
    ? JSON.stringify(typeof value === 'string' ? cut(value, 60) : value)
    : typeName(value);

function typeName(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

const membersOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
