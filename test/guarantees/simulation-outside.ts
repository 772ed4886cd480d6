/** What workers talk to in a simulation: the Publishing API and its token, Slack, and two topics. */

import type { Notice } from '../../lib/domain/job.ts';
import type { JobDocument } from '../../lib/domain/message.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import type { HttpRequest, HttpResponse } from '../../lib/platform/http.ts';
import { documentedList, listPage } from '../../local/publishing-api-list.ts';
import { addressOf } from '../support/address.ts';
import { looks, type SimulatedJob } from './simulation-jobs.ts';
import type { Ledger, Told } from './simulation-ledger.ts';
import type { What } from './simulation-troubles.ts';

/** SNS drops what it was told in the last five minutes. */
const fifoRemembersForMs = 5 * 60_000;

export type Outside = ReturnType<typeof createOutside>;

export function createOutside({ now, jobs, ledger }: { now: () => number; jobs: SimulatedJob[]; ledger: Ledger }) {
  const remembered = new Map<string, number>();

  /** A channel accepts a message; whether the worker hears of it is another matter. */
  const accept = (by: object, told: Told, isHeard: boolean): void => {
    const one = ledger.accepted(told, by);
    if (!isHeard) one.fate = 'lost';
  };

  /** A page of the list, and what it shows. */
  const listFor = (request: HttpRequest, environment: string): unknown => {
    const shown = jobs.filter((job) => job.environment === environment && looks[job.look]);
    for (const { key, look, body } of shown) {
      const its = looks[look];
      if (its && 'outcome' in its) ledger.answered(key, its.outcome);
      ledger.showed(key, body);
    }
    ledger.listed(
      environment,
      shown.filter(({ ended }) => ended).map(({ key }) => key),
    );
    const bodies = shown.map(({ body }) => JSON.parse(body));
    const found = listPage(addressOf(request).searchParams, bodies, documentedList());
    return 'page' in found ? found.page : found;
  };

  return {
    token(mishap: What | undefined): HttpResponse {
      if (mishap === 'lost') throw noAnswer();
      if (mishap === 'failed') return answer(500, '');
      if (mishap === 'busy') return answer(429, '');
      if (mishap === 'unauthorized') return answer(401, '');
      return answer(200, JSON.stringify({ access_token: 'token', expires_in: 86_400 }));
    },

    api(request: HttpRequest, mishap: What | undefined): HttpResponse {
      if (mishap === 'lost') throw noAnswer();
      const refused = mishap && refusals[mishap];
      if (refused) return refused;
      const about = jobAskedFor(request);
      if (about.endsWith('#')) return answer(200, JSON.stringify(listFor(request, about.slice(0, -1))));
      const job = jobs.find(({ key }) => key === about);
      const look = job && looks[job.look];
      if (!look || mishap === 'denied') {
        ledger.answered(about, 'denied');
        return answer(404, '');
      }
      if ('outcome' in look) ledger.answered(about, look.outcome);
      ledger.showed(about, job.body);
      return answer(200, job.body);
    },

    /** `by` is the worker; `isInTime`: it still waits for the answer. */
    slack(by: object, body: string, mishap: What | undefined, isInTime: boolean): HttpResponse {
      if (mishap === 'unreached') throw new UpstreamError('unavailable', 'made up: not reached');
      const refused = mishap && slackRefusals[mishap];
      if (refused) return refused;
      // The text begins with what happened, and the name of a job is its key.
      const { text } = JSON.parse(body) as { text: string };
      const [, word = '', job = ''] = /^(.+?)(?: \(correction\))?: (\S+)\. /.exec(text) ?? [];
      const isHeard = isInTime && mishap !== 'lost';
      accept(by, { job, ...(matterNamed[word] as Notice), channel: 'slack' }, isHeard);
      if (!isHeard) throw noAnswer();
      return answer(200, 'ok');
    },

    topic(by: object, channel: 'fifo' | 'topic', document: JobDocument, mishap: What | undefined, isInTime: boolean) {
      const dedupWindowMs = channel === 'fifo' ? 4 * 60_000 : 0;
      const options = { dedupWindowMs };
      if (mishap === 'unreached') throw new UpstreamError('unavailable', 'made up: not reached', options);
      if (mishap === 'failed') throw new UpstreamError('unavailable', 'made up: 500', { ...options, ambiguous: true });
      if (mishap === 'busy') throw new UpstreamError('rateLimited', 'made up: throttled', options);
      if (mishap === 'denied') throw new UpstreamError('needsOperator', 'made up: no such topic', options);
      const { environment, jobId, outcome, limit, deduplicationId } = document;
      const isHeard = isInTime && mishap !== 'lost';
      const isRepeated = now() - (remembered.get(deduplicationId) ?? Number.NEGATIVE_INFINITY) < fifoRemembersForMs;
      if (channel === 'topic' || !isRepeated) {
        remembered.set(deduplicationId, now());
        accept(by, { job: `${environment}#${jobId}`, outcome, limit: limit ?? undefined, channel }, isHeard);
      }
      if (!isHeard) throw noAnswer(dedupWindowMs);
      return { receipt: 'accepted', dedupWindowMs };
    },
  };
}

/** The key of the job that a request to the API asks for; without an id when it asks for the list. */
export const jobAskedFor = (request: HttpRequest): string => {
  const [, environment, jobId = ''] =
    /^https:\/\/(\w+)\.test\/.*\/jobs(?:\/(\w+)|\?.*|)$/.exec(addressOf(request).href) ?? [];
  return `${environment}#${jobId}`;
};

const noAnswer = (dedupWindowMs = 0) =>
  new UpstreamError('unavailable', 'made up: no answer', { ambiguous: true, dedupWindowMs });

const answer = (status: number, body: string, headers: Record<string, string> = {}): HttpResponse => ({
  status,
  headers,
  body,
});

const busy = answer(429, '');
const busyForLong = answer(429, '', { 'retry-after': '150' });

const refusals: Partial<Record<What, HttpResponse>> = {
  failed: answer(500, 'made up'),
  busy,
  busyForLong,
  unauthorized: answer(401, ''),
  forbidden: answer(403, ''),
  garbled: answer(200, '{"system":{}}'),
};

const slackRefusals: Partial<Record<What, HttpResponse>> = {
  failed: answer(500, 'error'),
  busy,
  busyForLong,
  denied: answer(404, 'no_service'),
  garbled: answer(400, 'invalid_blocks'),
};

const matterNamed: Record<string, Notice> = {
  Completed: { outcome: 'completed' },
  'Completed with warnings': { outcome: 'completedWithWarnings' },
  'Completed, published nothing': { outcome: 'publishedNothing' },
  Failed: { outcome: 'failed' },
  Canceled: { outcome: 'canceled' },
  'Lost track': { outcome: 'lostTrack' },
  'Late, still queued': { outcome: 'late', limit: 'queuedFor' },
  'Late, still running': { outcome: 'late', limit: 'runningFor' },
  Stuck: { outcome: 'stuck', limit: 'noProgressFor' },
};
