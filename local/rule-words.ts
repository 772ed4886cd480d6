/** Rules, decisions and outcomes in words: the same on the page and wherever else people read them. */

import type { Rule } from '../lib/domain/decision-context.ts';
import type { Decision, Outcome } from '../lib/domain/job.ts';

/** A rule as the page shows it. */
export interface RuleText {
  when: string;
  channels: string[];
  /** Whom its messages mention; undefined: nobody. */
  mention?: string | undefined;
}

/** An outcome in words: `completed with warnings`. */
export const outcomeWords = (outcome: string): string =>
  outcome.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** The rules in words; without rules, the one that holds then. */
export function ruleTexts(rules: Rule[] | null, channels: string[]): RuleText[] {
  if (rules === null) return [{ when: 'every outcome but started', channels }];
  return rules.map(({ when, notify, mention }, index) => ({ when: whenWords(when, index), channels: notify, mention }));
}

/** The place of the rule that decided; null: none did. */
export function ruleIndex(rule: string | null): number | null {
  if (rule === 'everyChannel') return 0;
  const index = /^rules\[(\d+)\]$/.exec(rule ?? '')?.[1];
  return index === undefined ? null : Number(index);
}

/** Why somebody is notified, or is not: `Rule 1: failed or canceled → team, events`. */
export function decisionWords(
  { rule, reason, channels }: Pick<Decision, 'rule' | 'reason' | 'channels'>,
  rules: Rule[] | null,
): string {
  if (rule === 'noRule') return 'No rule matches: nobody is notified';
  if (rule === null) return silences[reason] ?? 'Nothing to announce';
  const whom = channels.join(', ') || 'nobody';
  if (rule === 'everyChannel') return `No rules: every outcome but started → ${whom}`;
  const index = ruleIndex(rule) ?? 0;
  const { when } = ruleTexts(rules, [])[index] ?? { when: 'a rule of an earlier configuration' };
  return `Rule ${index + 1}: ${when} → ${whom}`;
}

const silences: Partial<Record<Decision['reason'], string>> = {
  finishedLongAgo: 'Ended before it was first seen: not announced',
  firstSeenFinished: 'Ended before it was first seen: not announced',
  environmentRemoved: 'Its environment is no longer configured',
  notFound: 'Sitecore does not know this job',
};

function whenWords(when: Rule['when'], index: number): string {
  const conditions = Object.entries(when ?? {}).flatMap(([member, values]) =>
    values ? [`${labels[member] ?? `${member} `}${values.map(valueWords(member)).join(' or ')}`] : [],
  );
  if (conditions.length > 0) return conditions.join(', ');
  return index === 0 ? 'every outcome' : 'everything else';
}

const labels: Record<string, string> = { outcome: '', environment: 'in ', source: 'from ', startedBy: 'started by ' };

const valueWords =
  (member: string) =>
  (value: string): string =>
    member === 'outcome' ? outcomeWords(value as Outcome) : value;
