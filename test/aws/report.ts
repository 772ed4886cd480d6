/** What was checked, and what could not be. */

import { inspect } from 'node:util';

export interface Report {
  /** Begins a part of what is checked. */
  part(title: string): void;
  /**
   * Looks, and prints whether that is what was expected: of an object, the members that are named. `gap` says what
   * emulators are known to leave out; on one of them another answer is then no failure, but was not checked.
   */
  check(what: string, expected: unknown, look: () => unknown, gap?: string): Promise<void>;
  /** Notes what cannot be checked at this endpoint, and why. */
  cannot(what: string, why: string): void;
  /** Prints the count and what was not checked; true if nothing failed. */
  end(): boolean;
}

/** Prints each line as it comes: a run takes a while. */
export function createReport({ isEmulator }: { isEmulator: boolean }, print = console.log): Report {
  const notChecked: string[] = [];
  const counts = { passed: 0, FAILED: 0 };
  const cannot = (what: string, why: string) => void notChecked.push(`${what}: ${why}`);
  return {
    part: (title) => print(`\n${title}`),
    async check(what, expected, look, gap) {
      const problems = await problemsOf(expected, look);
      if (problems.length > 0 && gap !== undefined && isEmulator) return cannot(what, gap);
      const result = problems.length === 0 ? 'passed' : 'FAILED';
      counts[result] += 1;
      print(`  ${result}  ${what}${problems.map((problem) => `\n            ${problem}`).join('')}`);
    },
    cannot,
    end() {
      print('\nCould not be checked here');
      for (const line of notChecked) print(`  ${line}`);
      print(`\n${counts.passed} passed, ${counts.FAILED} failed, ${notChecked.length} could not be checked`);
      return counts.FAILED === 0;
    },
  };
}

async function problemsOf(expected: unknown, look: () => unknown): Promise<string[]> {
  try {
    return differences(await look(), expected);
  } catch (error) {
    return [describe(error)];
  }
}

const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause ? `, because of ${describe(error.cause)}` : '';
  return `${error.name}: ${error.message}${cause}`;
};

/** An object may have members that nobody asked for, a list may not. */
function differences(seen: unknown, expected: unknown, path = ''): string[] {
  const isComparable = isObject(seen) && isObject(expected) && Array.isArray(seen) === Array.isArray(expected);
  if (isComparable && lengthOf(seen) === lengthOf(expected)) {
    return Object.entries(expected).flatMap(([key, value]) => differences(seen[key], value, `${path}.${key}`));
  }
  if (Object.is(seen, expected)) return [];
  return [`${path.slice(1)}${path && ': '}expected ${show(expected)}, got ${show(seen)}`];
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const lengthOf = (value: object): number => (Array.isArray(value) ? value.length : 0);

const show = (value: unknown): string => inspect(value, { depth: 6, breakLength: Infinity, maxStringLength: 300 });
