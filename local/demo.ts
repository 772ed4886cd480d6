/** The demo: a Publishing API with simulated jobs, and a simulated Slack. */

import { join } from 'node:path';
import { parseConfig } from '../lib/config/config.ts';
import { ConfigError, RequestError } from '../lib/platform/errors.ts';
import { readJob } from '../lib/sitecore/responses.ts';
import { readJson, writeJson } from './data-folder.ts';
import { planDemoJobs, stuckAfterMinutes } from './demo-jobs.ts';
import type { LiveJob } from './job-list.ts';
import { type PublishingApiServer, problemFault, startPublishingApiServer } from './publishing-api-server.ts';
import { fromSlack, fromSlackApp, type ReceivedMessage } from './received.ts';
import { endOf, type JobPlan, type PlannedOutcome, planJob, plannedOutcomes, simulatedJob } from './simulation.ts';
import { type SlackServer, startSlackServer } from './slack-server.ts';
import type { ConfigDocument } from './start-settings.ts';

/** The demo's one environment. */
export const demoEnvironment = 'production';

/** The demo's channels. */
export const demoChannels = { slack: 'team', topic: 'events', slackApp: 'room' };

/** What is running in the demo. */
export interface Demo {
  /** The configuration for the simulated servers. */
  document: ConfigDocument;
  /**
   * The jobs to hand over to the notifier at the start. `isWatching` says whether the notifier is watching a job; null
   * means that it does not know the job.
   */
  begin: (isWatching: IsWatching) => Promise<JobPlan[]>;
  /** Plans one more job (`outcome`, `name`, `seconds`). Throws a `RequestError` that says what is wrong. */
  addJob: (asked: Record<string, unknown>) => JobPlan;
  /** Lets the API fail (`status`, `times`, `call`). Throws a `RequestError` that says what is wrong. */
  addFault: (asked: Record<string, unknown>) => void;
  /** The current state of a job. */
  liveJob: (jobId: string) => LiveJob | undefined;
  /** The simulated servers, to be broken. */
  api: PublishingApiServer;
  slack: SlackServer;
  close: () => Promise<void>;
}

type IsWatching = (jobId: string) => Promise<boolean | null>;

const keptForMs = 24 * 60 * 60_000;

/** Starts the simulated servers. The plans of their jobs are kept in `dataFolder`, so that a restart continues them. */
export async function startDemo(deps: {
  document: ConfigDocument;
  secret: string;
  topicArn: string;
  dataFolder: string;
  speed: number;
  /** That of the page. */
  port: number;
  /** Called with each message of the simulated Slack, and with each change of one. */
  onMessage: (message: ReceivedMessage) => void;
}): Promise<Demo> {
  const { dataFolder, speed, onMessage } = deps;
  const plansFile = join(dataFolder, 'simulation.json');
  const kept = (await readJson<JobPlan[]>(plansFile)) ?? [];
  const plans = new Map(kept.filter((plan) => endOf(plan) > Date.now() - keptForMs).map((plan) => [plan.id, plan]));

  const begun = () => [...plans.values()].filter(({ queuedAt }) => queuedAt <= Date.now());
  const findJob = (id: string) => {
    const plan = begun().find((one) => one.id === id);
    return plan && simulatedJob(plan, Date.now());
  };
  const listJobs = () => begun().map((plan) => simulatedJob(plan, Date.now()));
  const api = await startPublishingApiServer({ findJob, listJobs });
  const slack = await startSlackServer({
    onMessage: (message) => onMessage(fromSlack(message)),
    onChange: (message, change) => onMessage(fromSlackApp(demoChannels.slackApp, message, change)),
  });

  const add = (...added: JobPlan[]) => {
    for (const plan of added) plans.set(plan.id, plan);
    writeJson(plansFile, [...plans.values()]);
  };

  return {
    document: demoDocument(deps, { api, slack }),
    begin: async (isWatching) => {
      const asked = await Promise.all(
        [...plans.values()].map(async (plan) => ({ plan, watching: await isWatching(plan.id) })),
      );
      const open = asked.filter(({ watching }) => watching !== false);
      const unknown = open
        .filter(({ plan, watching }) => watching === null && plan.isHandedOver)
        .map(({ plan }) => plan);
      // After a restart in the first minute its jobs continue.
      if (open.some(({ plan }) => plan.run !== undefined)) return unknown;
      const runs = Math.max(0, ...[...plans.values()].map(({ run = 0 }) => run));
      const fresh = planDemoJobs(Date.now(), speed, runs + 1);
      add(...fresh);
      return [...unknown, ...fresh.filter(({ isHandedOver }) => isHandedOver)];
    },
    addJob: (asked) => {
      const plan = planJob(planValues(asked, speed), Date.now());
      add(plan);
      return plan;
    },
    addFault: ({ status = 500, times = 1, call = 'job', retryAfter }) => {
      if (!isBetween(status, 400, 599)) throw new RequestError(422, 'status must be a number from 400 to 599.');
      if (!isBetween(times, 1, 1000)) throw new RequestError(422, 'times must be a number from 1 to 1000.');
      if (call !== 'job' && call !== 'list' && call !== 'token') {
        throw new RequestError(422, 'call must be "job", "list" or "token".');
      }
      const headers = isBetween(retryAfter, 0, 3600) ? { 'retry-after': String(retryAfter) } : undefined;
      api.fault({ ...problemFault(status, headers), call, times });
    },
    liveJob: (jobId) => {
      const job = findJob(jobId);
      const isDiscovered = plans.get(jobId)?.isHandedOver === false;
      return job && { job: readJob(JSON.stringify(job), 'simulation'), isDiscovered };
    },
    api,
    slack,
    close: async () => {
      await Promise.all([api.close(), slack.close()]);
    },
  };
}

/** Keeps the rules of `notifier.yml` where they fit, so that the demo shows them at work. */
function demoDocument(
  { document, secret, topicArn, port }: { document: ConfigDocument; secret: string; topicArn: string; port: number },
  { api, slack }: Pick<Demo, 'api' | 'slack'>,
): ConfigDocument {
  const { url: apiUrl, tokenUrl, clientId, clientSecret } = api;
  const { slack: team, topic: events, slackApp: room } = demoChannels;
  const { workspace, apiUrl: slackUrl } = slack;
  const demo = {
    // The Cloud Portal does not know these jobs; the page does.
    environments: {
      [demoEnvironment]: {
        ...{ clientId, clientSecret, apiUrl, tokenUrl },
        jobUrl: `http://localhost:${port}/#{jobId}`,
      },
    },
    channels: {
      [team]: { type: 'slack', webhookUrl: slack.webhookUrl(team) },
      [room]: { type: 'slack-app', token: workspace.app.token, channel: workspace.room.id, apiUrl: slackUrl },
      [events]: { type: 'sns', topicArn },
    },
    limits: [{ noProgressFor: stuckAfterMinutes }],
    webhook: { secrets: [secret] },
  };
  const plain = [{ notify: [team, events] }];
  const withRules = { ...demo, rules: withRoom((document.rules as DemoRule[] | undefined) ?? plain) };
  try {
    parseConfig(withRules);
    return withRules;
  } catch (error) {
    if (error instanceof ConfigError) return { ...demo, rules: withRoom(plain) };
    throw error;
  }
}

type DemoRule = { when?: object; notify: string[]; [member: string]: unknown };

/** Rules by which the Slack app hears of what the Slack webhook hears of, and of the start of every job. */
const withRoom = (rules: DemoRule[]): DemoRule[] => {
  const withSlackApp = rules.map((rule) => ({
    ...rule,
    notify: rule.notify.flatMap((name) => (name === demoChannels.slack ? [name, demoChannels.slackApp] : [name])),
  }));
  return withSlackApp.toSpliced(-1, 0, { when: { outcome: ['started'] }, notify: [demoChannels.slackApp] });
};

function planValues(
  { outcome = 'completed', name, seconds = 12 }: Record<string, unknown>,
  speed: number,
): Partial<JobPlan> {
  if (!plannedOutcomes.includes(outcome as PlannedOutcome)) {
    throw new RequestError(422, `outcome must be one of ${plannedOutcomes.join(', ')}.`);
  }
  if (name !== undefined && typeof name !== 'string') throw new RequestError(422, 'name must be a text.');
  if (!isBetween(seconds, 1, 3600)) throw new RequestError(422, 'seconds must be a number from 1 to 3600.');
  return { outcome: outcome as PlannedOutcome, ...(name && { name }), seconds: seconds / speed };
}

const isBetween = (value: unknown, min: number, max: number): value is number =>
  typeof value === 'number' && value >= min && value <= max;
