/** Tries the rules on a job that does not exist: which rule decides, and what each channel would get. Sends nothing. */
import type { Deps } from '../lib/deps.ts';
import { type Decision, type Job, type JobRecord, type Outcome, outcomes } from '../lib/domain/job.ts';
import { route, traitsOf } from '../lib/domain/routing.ts';
import { personalChannels } from '../lib/pipeline/invocation.ts';
import { RequestError } from '../lib/platform/errors.ts';
import { type RenderedMessage, renderMessage } from './job-details.ts';
import { decisionWords, ruleIndex } from './rule-words.ts';

/** What the rules decide. */
export interface Trial {
  why: string;
  rule: number | null;
  channels: string[];
  mention: string | null;
  messages: RenderedMessage[];
}

/** Reads what is asked (`outcome`, `environment`, `source`, `name`, `startedBy`); a `RequestError` says what is wrong. */
export function tryRules(deps: Deps, asked: URLSearchParams): Trial {
  const { config, clock } = deps;
  const outcome = asked.get('outcome') as Outcome;
  const environment = asked.get('environment') ?? '';
  if (!(outcomes as readonly string[]).includes(outcome)) {
    throw new RequestError(422, `outcome must be one of ${outcomes.join(', ')}.`);
  }
  if (!Object.hasOwn(config.environments, environment)) {
    throw new RequestError(422, `environment must be one of ${Object.keys(config.environments).join(', ')}.`);
  }
  const job = jobOf(outcome, asked, clock.now());
  const channels = Object.keys(config.channels);
  const routed = route(
    { outcome, ...traitsOf(environment, job) },
    { rules: config.rules, channels, people: config.people, personal: personalChannels(channels, deps.channel) },
  );
  const decision = decisionAbout(outcome, job.status, routed, clock.now());
  const record = recordOf(environment, job, decision);
  return {
    why: decisionWords(decision, config.rules),
    rule: ruleIndex(routed.rule),
    channels: routed.channels,
    mention: routed.mention,
    messages: routed.channels.map((channel) => renderMessage(deps, record, { outcome, channel })),
  };
}

const statuses: Partial<Record<Outcome, string>> = {
  failed: 'Failed',
  canceled: 'Canceled',
  late: 'Running',
  stuck: 'Running',
  lostTrack: 'Running',
  started: 'Running',
};

function jobOf(outcome: Outcome, asked: URLSearchParams, now: number): Job {
  const status = statuses[outcome] ?? 'Completed';
  const failed = outcome === 'completedWithWarnings' ? 3 : 0;
  const processed = outcome === 'publishedNothing' ? 0 : 815;
  const at = (secondsAgo: number) => `${new Date(now - secondsAgo * 1_000).toISOString().slice(0, 19)}Z`;
  return {
    status,
    name: asked.get('name') || null,
    source: asked.get('source') || null,
    startedBy: asked.get('startedBy') || null,
    startedByType: null,
    canceledBy: null,
    queuedAt: at(245),
    startedAt: at(240),
    finishedAt: status === 'Running' ? null : at(0),
    statistics: { sent: 812, processed, failed, skipped: 40, deleted: 0, additional: 0, asOf: at(0) },
    published: { type: 'Site', mode: 'Smart', locales: ['en'] },
    organizationId: 'org_example',
    tenantId: 'tenant-example',
  };
}

const decisionAbout = (outcome: Outcome, status: string, routed: ReturnType<typeof route>, now: number): Decision => ({
  ...routed,
  reason: 'finished',
  outcome,
  status,
  previousStatus: 'Running',
  corrects: null,
  since: null,
  at: new Date(now).toISOString(),
});

const recordOf = (environment: string, job: Job, decision: Decision): JobRecord => ({
  environment,
  jobId: 'job_example',
  revision: 1,
  writer: '',
  status: job.status,
  job,
  firstSeenAt: job.queuedAt ?? decision.at,
  changedAt: decision.at,
  notFoundSince: null,
  check: { failures: 0, error: null, nextAt: null, failingSince: null },
  watch: null,
  dueAt: null,
  pendingAt: null,
  lease: null,
  decision,
  superseded: {},
  exceeded: null,
  progress: null,
  deliveries: {},
  expiresAt: null,
});
