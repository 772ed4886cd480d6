import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Rule, When } from '../../lib/domain/decision-context.ts';
import { outcomes } from '../../lib/domain/job.ts';
import { type RuleInput, route, traitsOf } from '../../lib/domain/routing.ts';
import { someJob } from '../support/builders.ts';

const channels = ['team', 'events', 'on-call'];
const input = (values: Partial<RuleInput> = {}): RuleInput => ({
  outcome: 'completed',
  environment: 'production',
  source: 'Pages',
  name: 'Nightly site publish',
  startedBy: 'Jane Editor',
  createdByType: 'User',
  ...values,
});
const people = { 'Jane Editor': 'U012AB3CD' };
const routed = (rules: Rule[] | null, values: Partial<RuleInput> = {}) =>
  route(input(values), { rules, channels, people });
const matches = (when: When, values: Partial<RuleInput> = {}): boolean =>
  routed([{ when, notify: ['team'] }], values).rule === 'rules[0]';

describe('which rule decides', () => {
  test('without rules, every channel is notified of everything but the start, without a mention', () => {
    for (const outcome of outcomes.filter((one) => one !== 'started')) {
      expect(routed(null, { outcome })).toEqual({ channels, mention: null, rule: 'everyChannel' });
    }
  });

  test.each<[sentence: string, rules: Rule[] | null, rule: string]>([
    ['no rules', null, 'noRule'],
    ['a rule without conditions', [{ notify: ['team'] }], 'noRule'],
    ['a rule that names no outcome', [{ when: { environment: ['production'] }, notify: ['team'] }], 'noRule'],
    ['a rule that names others', [{ when: { outcome: ['completed', 'late'] }, notify: ['team'] }], 'noRule'],
    ['a later rule that names it', [{ notify: [] }, { when: { outcome: ['started'] }, notify: ['team'] }], 'rules[1]'],
  ])('the start of a job, with %s: %s', (_, rules, rule) => {
    expect(routed(rules, { outcome: 'started' })).toEqual({
      channels: rule === 'noRule' ? [] : ['team'],
      mention: null,
      rule,
    });
  });

  test('the first rule that matches decides alone', () => {
    const rules: Rule[] = [
      { when: { outcome: ['failed'] }, notify: ['on-call'], mention: 'channel' },
      { when: { environment: ['production'] }, notify: ['team'], mention: 'here' },
      { notify: ['events'], mention: 'U123' },
    ];
    expect(routed(rules)).toEqual({ channels: ['team'], mention: 'here', rule: 'rules[1]' });
  });

  test('a rule without conditions matches all', () => {
    const expected = { channels: ['events'], mention: null, rule: 'rules[0]' };
    expect(routed([{ notify: ['events'] }], { source: null, name: null })).toEqual(expected);
    expect(routed([{ when: {}, notify: ['events'] }], { source: null, name: null })).toEqual(expected);
  });

  test('a rule that notifies nobody is a decision, and later rules do not apply', () => {
    expect(routed([{ notify: [] }, { notify: ['team'] }])).toEqual({ channels: [], mention: null, rule: 'rules[0]' });
  });

  test.each<[sentence: string, rules: Rule[]]>([
    ['no rule that matches', [{ when: { outcome: ['failed'] }, notify: ['team'], mention: 'here' }]],
    ['an empty list of rules', []],
  ])('%s notifies nobody, with that reason', (_, rules) => {
    expect(routed(rules)).toEqual({ channels: [], mention: null, rule: 'noRule' });
  });

  test('a channel that a rule names twice is notified once', () => {
    expect(routed([{ notify: ['team', 'events', 'team'] }]).channels).toEqual(['team', 'events']);
  });
});

describe('the person who started the job', () => {
  const rules: Rule[] = [{ notify: ['team'], mention: 'starter' }];
  test.each<[sentence: string, startedBy: string | null, mention: string | null]>([
    ['is rung by the id that people know', 'Jane Editor', 'U012AB3CD'],
    ['is nobody when people do not know them', 'John Editor', null],
    ['is nobody when the name is another one', 'jane editor', null],
    ['is nobody when the API did not say who', null, null],
    ['is nobody under a name that every object has', 'constructor', null],
  ])('%s', (_, startedBy, mention) => {
    expect(routed(rules, { startedBy })).toEqual({ channels: ['team'], mention, rule: 'rules[0]' });
  });

  const jane = { slack: 'U012AB3CD', teams: 'jane@example.com' };
  test.each<[sentence: string, person: { slack?: string; teams?: string }, rule: string, expected: object]>([
    [
      'is mentioned with all addresses',
      jane,
      'starter',
      { mention: jane.slack, mentioned: { name: 'Jane Editor', ...jane } },
    ],
    [
      'may have no Slack id',
      { teams: jane.teams },
      'starter',
      { mention: null, mentioned: { name: 'Jane Editor', teams: jane.teams } },
    ],
    ['may have a Slack id alone', { slack: jane.slack }, 'starter', { mention: jane.slack }],
    [
      'is found by a Slack id that the rule names',
      jane,
      jane.slack,
      { mention: jane.slack, mentioned: { name: 'Jane Editor', ...jane } },
    ],
    ['is not a group', jane, 'S012AB3CD', { mention: 'S012AB3CD' }],
    ['is not a whole channel', jane, 'here', { mention: 'here' }],
  ])('%s', (_, person, mention, expected) => {
    const routedTo = route(input(), {
      rules: [{ notify: ['team'], mention }],
      channels,
      people: { 'Jane Editor': person },
    });
    expect(routedTo).toEqual({ channels: ['team'], rule: 'rules[0]', ...expected });
  });

  test('is rung only where the rule says so', () => {
    expect(routed([{ notify: ['team'] }]).mention).toBeNull();
    expect(routed(null).mention).toBeNull();
  });
});

describe('a channel that writes to the person who started the job', () => {
  const personal = { team: 'slack', office: 'teams' } as const;
  const people = { 'Jane Editor': { slack: 'U012AB3CD', teams: 'jane@example.com' }, 'Sam Editor': 'U034EF5GH' };
  const jane = { name: 'Jane Editor', ...people['Jane Editor'] };
  const sam = { name: 'Sam Editor', slack: 'U034EF5GH' };
  test.each<[who: string, values: Partial<RuleInput>, expected: object]>([
    ['a person with both addresses', {}, { channels: ['team', 'events', 'office'], recipient: jane }],
    [
      'a person without the address of one channel',
      { startedBy: 'Sam Editor' },
      { channels: ['team', 'events'], skipped: { office: 'notInPeople' }, recipient: sam },
    ],
    [
      'a person whom people do not know',
      { startedBy: 'John Editor' },
      { channels: ['events'], skipped: { team: 'notInPeople', office: 'notInPeople' } },
    ],
    ['nobody', { startedBy: null }, { channels: ['events'], skipped: { team: 'notInPeople', office: 'notInPeople' } }],
    [
      'an application that is called like a person',
      { createdByType: 'Application' },
      { channels: ['events'], skipped: { team: 'startedByApplication', office: 'startedByApplication' } },
    ],
  ])('started by %s', (_, values, expected) => {
    const context = { channels: ['team', 'events', 'office'], people, personal };
    const facts = { mention: null };
    expect(route(input(values), { ...context, rules: null })).toEqual({ ...expected, ...facts, rule: 'everyChannel' });
    const rules = [{ notify: context.channels }];
    expect(route(input(values), { ...context, rules })).toEqual({ ...expected, ...facts, rule: 'rules[0]' });
  });
});

describe('the traits that rules match', () => {
  const nothing = { source: null, name: null, startedBy: null, createdByType: null };
  const job = someJob('Running', { startedBy: 'Jane Editor', startedByType: 'User' });
  test('are its names, by the words of the configuration', () => {
    const { outcome: _, ...traits } = input();
    expect(traitsOf('production', job)).toEqual(traits);
  });

  test('is nothing in a job that was never read', () => {
    expect(traitsOf('production', null)).toEqual({ environment: 'production', ...nothing });
  });
});

describe('when a rule matches', () => {
  const everything: When = {
    outcome: ['completed'],
    environment: ['production'],
    source: ['Pages'],
    name: ['N*'],
    startedBy: ['J*'],
    createdByType: ['User'],
  };
  test.each<[sentence: string, when: When, values: Partial<RuleInput>, expected: boolean]>([
    ['one outcome that fits', { outcome: ['completed'] }, {}, true],
    ['one of several outcomes', { outcome: ['failed', 'canceled', 'completed'] }, {}, true],
    ['none of several outcomes', { outcome: ['failed', 'canceled'] }, {}, false],
    [
      'completed is not completed with warnings',
      { outcome: ['completed'] },
      { outcome: 'completedWithWarnings' },
      false,
    ],
    ['failed stands for lost track too', { outcome: ['failed'] }, { outcome: 'lostTrack' }, true],
    ['lost track does not stand for failed', { outcome: ['lostTrack'] }, { outcome: 'failed' }, false],
    ['canceled does not stand for lost track', { outcome: ['canceled'] }, { outcome: 'lostTrack' }, false],
    ['lost track by its own name', { outcome: ['lostTrack'] }, { outcome: 'lostTrack' }, true],
    ['the environment', { environment: ['production'] }, {}, true],
    ['one of several environments', { environment: ['staging', 'production'] }, {}, true],
    ['another environment', { environment: ['staging'] }, {}, false],
    ['an environment takes no *', { environment: ['prod*'] }, {}, false],
    ['the source', { source: ['Pages'] }, {}, true],
    ['the source in other letters', { source: ['pages'] }, {}, false],
    ['a source takes no *', { source: ['*'] }, {}, false],
    ['an unknown source matches nothing', { source: ['Pages', '', 'null'] }, { source: null }, false],
    ['the whole name', { name: ['Nightly site publish'] }, {}, true],
    ['part of a name without *', { name: ['Nightly'] }, {}, false],
    ['an unknown name matches nothing, not even *', { name: ['*', '**', '', 'null'] }, { name: null }, false],
    ['any name', { name: ['*'] }, {}, true],
    ['an empty name is a name', { name: ['*'] }, { name: '' }, true],
    ['who started it', { startedBy: ['Jane Editor'] }, {}, true],
    ['one of several who started it', { startedBy: ['Release*', '*Editor'] }, {}, true],
    ['somebody else', { startedBy: ['Jane'] }, {}, false],
    ['an unknown starter matches nothing, not even *', { startedBy: ['*', 'null'] }, { startedBy: null }, false],
    ['a person', { createdByType: ['User'] }, {}, true],
    ['an application', { createdByType: ['Application'] }, {}, false],
    ['a person or an application', { createdByType: ['Application', 'User'] }, {}, true],
    ['an unknown type matches nothing', { createdByType: ['User', 'null'] }, { createdByType: null }, false],
    ['all members together', everything, {}, true],
    ['all members but the outcome', { ...everything, outcome: ['failed'] }, {}, false],
    ['all members but the environment', { ...everything, environment: ['test'] }, {}, false],
    ['all members but the source', { ...everything, source: ['API'] }, {}, false],
    ['all members but the name', { ...everything, name: ['W*'] }, {}, false],
    ['all members but who started it', { ...everything, startedBy: ['W*'] }, {}, false],
    ['all members but the type of who started it', { ...everything, createdByType: ['Application'] }, {}, false],
    ['an empty list of values allows none', { source: [] }, {}, false],
  ])('%s', (_, when, values, expected) => {
    expect(matches(when, values)).toBe(expected);
  });
});

describe('names with *', () => {
  const fits = (pattern: string, name: string): boolean => matches({ name: [pattern] }, { name });

  test.each<[pattern: string, name: string, expected: boolean]>([
    ['Nightly*', 'Nightly site publish', true],
    ['Nightly*', 'Nightly', true],
    ['Nightly*', 'The Nightly', false],
    ['*publish', 'Nightly site publish', true],
    ['*publish', 'publishing', false],
    ['N*site*h', 'Nightly site publish', true],
    ['N*publish*site*', 'Nightly site publish', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['ab*ba', 'aba', false],
    ['*ab*ab*', 'ab', false],
    ['a*bc*c', 'abc', false],
    ['a*bc*c', 'abcc', true],
    ['**', '', true],
    ['*', 'two\nlines', true],
    ['N.ghtly', 'Nightly', false],
    ['[N]*', 'Nightly', false],
    ['(N*', '(Nightly', true],
    ['nightly*', 'Nightly', false],
  ])('%s and %j: %s', (pattern, name, expected) => {
    expect(fits(pattern, name)).toBe(expected);
  });

  test('* stands for any run of characters, and everything else for itself', () => {
    const few = (alphabet: string, maxLength: number) => fc.string({ unit: fc.constantFrom(...alphabet), maxLength });
    const inName = fc.tuple(few('ab*', 8), few('ab', 14));
    const special = fc.tuple(few('ab*.+$\\(', 6), few('ab.+$\\(\n', 8));
    fc.assert(
      fc.property(fc.oneof(inName, special), ([pattern, name]) => {
        const source = pattern
          .split('*')
          .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
          .join('.*');
        expect(fits(pattern, name)).toBe(new RegExp(`^${source}$`, 's').test(name));
      }),
      { numRuns: 2_000 },
    );
  });

  // A regular expression of this shape backtracks for longer than anybody would wait.
  test('a pattern that would make a regular expression hang is only a pattern', () => {
    const name = 'a'.repeat(1_000);
    expect(fits(`${'*a'.repeat(400)}*b`, name)).toBe(false);
    expect(fits(`${'*a'.repeat(400)}*`, name)).toBe(true);
  });
});
