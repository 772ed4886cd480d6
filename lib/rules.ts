/** The rules: who is told of what. Pure. */

import type { Outcome, Route } from './job.ts';

/** One rule of the configuration. The members of `when` are joined by AND, the values of one by OR. */
export interface Rule {
  when?: { [Member in keyof Subject]?: string[] | undefined } | undefined;
  /** Names of channels; none: nobody is told, on purpose. */
  notify: string[];
  mention?: string | undefined;
}

/** What rules look at. Null matches nothing. */
export interface Subject {
  outcome: Outcome;
  environment: string;
  source: string | null;
  name: string | null;
}

/** The channels for a subject, by the first rule that matches. Without rules, every channel is told everything. */
export function route(subject: Subject, rules: Rule[] | null, channels: string[]): Route {
  if (rules === null) return { channels, mention: null, rule: 'everyChannel' };
  const index = rules.findIndex((rule) => matches(rule, subject));
  const rule = rules[index];
  if (rule === undefined) return { channels: [], mention: null, rule: 'noRule' };
  return { channels: [...new Set(rule.notify)], mention: rule.mention ?? null, rule: `rules[${index}]` };
}

function matches({ when = {} }: Rule, subject: Subject): boolean {
  return (
    allows(when.outcome, (value) => value === subject.outcome || isLoss(value, subject.outcome)) &&
    allows(when.environment, (value) => value === subject.environment) &&
    allows(when.source, (value) => value === subject.source) &&
    allows(when.name, (pattern) => subject.name !== null && matchesPattern(pattern, subject.name))
  );
}

const allows = (values: string[] | undefined, fits: (value: string) => boolean): boolean =>
  values === undefined || values.some(fits);

// Who wants to hear of failures wants to hear that a job can no longer be followed.
const isLoss = (value: string, outcome: Outcome): boolean => value === 'failed' && outcome === 'lostTrack';

/** Matches with `*` for any run of characters, in linear time: a pattern cannot be made to hang. */
function matchesPattern(pattern: string, text: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return text === pattern;
  if (!text.startsWith(head) || !text.endsWith(tail) || text.length < head.length + tail.length) return false;
  let from = head.length;
  const end = text.length - tail.length;
  for (const part of rest) {
    const found = text.indexOf(part, from);
    if (found < 0 || found + part.length > end) return false;
    from = found + part.length;
  }
  return true;
}
