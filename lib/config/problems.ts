/** Describes the problems of a configuration: one line per key, with its path and what was expected. Pure. */

import type { BaseIssue } from 'valibot';
import type { ChannelType } from '../channels/channel.ts';
import { cut } from '../platform/text.ts';
import { namePattern } from './schema.ts';

/** The problems that the schema found. */
export const describeIssues = (issues: BaseIssue<unknown>[]): string[] =>
  issues.flatMap((issue) => describe(issue, ''));

/** Names that rules use but the document does not define, and reserved names. */
export function describeNames(document: unknown): string[] {
  const { environments, channels, rules, limits, people, operators } = membersOf(document);
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
  return [...reserved, ...unknown, ...unknownOf(operators, channels, 'operators')];
}

/** Operators are notified of the notifier, which no person started. */
export function describePersonal(document: unknown, types: Record<string, ChannelType>): string[] {
  const { channels, operators } = membersOf(document);
  const isPersonal = (name: unknown): boolean => {
    const channel = membersOf(membersOf(channels)[String(name)]);
    return types[String(channel['type'])]?.personal?.(channel) !== undefined;
  };
  return (Array.isArray(operators) ? operators : []).flatMap((name, index) =>
    isPersonal(name)
      ? [
          `operators[${index}]: expected a channel that everybody reads; got ${show(name)}, ` +
            'which writes to the person who started a job',
        ]
      : [],
  );
}

function unknownOf(used: unknown, known: unknown, path: string): string[] {
  const names = Object.keys(membersOf(known));
  const shownNames = names.map((name) => shownKey('channels', name)).join(', ');
  const isUnknown = (name: unknown): name is string => typeof name === 'string' && !names.includes(name);
  const problem = (at: string, name: string) => `${at}: expected one of ${shownNames}; got ${show(name)}`;
  if (isUnknown(used)) return [problem(path, used)];
  if (!Array.isArray(used)) return [];
  return used.flatMap((name, index) => (isUnknown(name) ? [problem(`${path}[${index}]`, name)] : []));
}

/** Keys of earlier versions, and what replaces them. */
const renamed: Record<string, string> = {
  'settings.lookEverySeconds': 'replaced by settings.pollEverySeconds (5 to 60; 60: the schedule alone)',
};

function describe(issue: BaseIssue<unknown>, base: string): string[] {
  const path = (issue.path ?? []).reduce((before, { key }) => join(before, key), base);
  if (issue.type === 'never') return [`${path}: ${renamed[path] ?? 'unknown key'}`];
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

const join = (path: string, key: unknown): string => {
  if (typeof key === 'number') return `${path}[${key}]`;
  const shown = shownKey(path, String(key));
  return path ? `${path}.${shown}` : shown;
};

/** A key for the path of a problem. A secret may have become a key, so a key that looks like neither a word nor a name is hidden. */
const shownKey = (path: string, key: string): string => {
  const isName = /^(?:environments|channels)$/.test(path) && namePattern.test(key);
  return isName || isPublic(path) || /^[A-Za-z]{1,20}$/.test(key) ? key : `<key-of-${key.length}-characters>`;
};

const words: Record<string, string> = { Array: 'a list', Object: 'an object' };
const inWords = (expected: string): string => words[expected] ?? expected.replace(/["()]/g, '');

/** Whether a part of the document holds no secrets. Anything elsewhere may be a misplaced one, so it is never shown. */
const isPublic = (path: string): boolean => /^(?:rules|limits|people|settings)\b/.test(path);

const shownAt = (value: unknown, path: string): string =>
  isPublic(path) || path.endsWith('.type') ? show(value) : typeName(value);

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
