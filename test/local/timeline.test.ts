import { expect, test } from 'vitest';
import type { Rule } from '../../lib/domain/decision-context.ts';
import { decisionWords, ruleTexts } from '../../local/rule-words.ts';
import { timelineOf } from '../../local/timeline.ts';
import { someDecision, someDelivery, someRecord } from '../support/builders.ts';

const rules: Rule[] = [
  { when: { outcome: ['failed', 'completedWithWarnings'], environment: ['production'] }, notify: ['team', 'events'] },
  { when: { name: ['Nightly*'] }, notify: [] },
  { notify: ['events'] },
];

test('rules read as sentences', () => {
  expect(ruleTexts(rules, []).map(({ when }) => when)).toEqual([
    'failed or completed with warnings, in production',
    'name Nightly*',
    'everything else',
  ]);
  expect(ruleTexts(null, ['team'])).toEqual([{ when: 'every outcome but started', channels: ['team'] }]);
});

test.each([
  [someDecision({ rule: 'rules[0]' }), 'Rule 1: failed or completed with warnings, in production → team, events'],
  [someDecision({ rule: 'rules[1]', channels: [] }), 'Rule 2: name Nightly* → nobody'],
  [someDecision({ rule: 'noRule', channels: [] }), 'No rule matches: nobody is notified'],
  [someDecision({ rule: 'everyChannel' }), 'No rules: every outcome but started → team, events'],
  [someDecision({ rule: null, reason: 'finishedLongAgo' }), 'Ended before it was first seen: not announced'],
])('why somebody is notified, or is not (%#)', (decision, words) => {
  expect(decisionWords(decision, rules)).toBe(words);
});

test('a delivery that failed says how often, why, and when it is tried again', () => {
  const failed = someDelivery({
    attempts: 2,
    at: '2026-01-01T10:11:00.000Z',
    nextAt: '2026-01-01T10:13:00.000Z',
    error: 'Slack: cannot connect (ECONNREFUSED)',
    ambiguousSince: '2026-01-01T10:10:00.000Z',
  });
  const record = someRecord({
    status: 'Failed',
    firstSeenAt: '2026-01-01T10:00:00.000Z',
    decision: someDecision({ at: '2026-01-01T10:10:00.000Z' }),
    deliveries: { 'failed/team': failed },
  });
  expect(timelineOf(record, rules, true).map(({ what, details }) => [what, ...details])).toEqual([
    ['Discovered by the notifier: not handed over'],
    ['Decided: completed', 'Rule 1: failed or completed with warnings, in production → team, events'],
    [
      'Waits for team: failed',
      'attempt 2 failed: Slack: cannot connect (ECONNREFUSED)',
      'whether the last attempt arrived is not known',
      'tried again at {2026-01-01T10:13:00.000Z}',
    ],
  ]);
});
