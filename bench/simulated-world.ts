/**
 * What a deployed stack has around it, in simulated time: a clock, the table, the Publishing API, Slack and a topic,
 * each of which takes a fixed time to answer and refuses nothing. What is asked of them is counted.
 */

import type { ChannelType } from '../lib/channels/channel.ts';
import { channelTypes } from '../lib/channels/index.ts';
import type { Clock } from '../lib/platform/clock.ts';
import type { Http, HttpRequest, HttpResponse } from '../lib/platform/http.ts';
import type { Store } from '../lib/table/store.ts';
import { documentedList, listPage } from '../local/publishing-api-list.ts';
import { publishingJob } from '../local/publishing-job.ts';
import { type Cross, crossing } from '../test/guarantees/universe.ts';
import { addressOf } from '../test/support/address.ts';
import { createMemoryStore } from '../test/support/memory-store.ts';
import { assumptions } from './cost.ts';

/** A job that runs for some time. Milliseconds since the beginning of the world. */
export interface SimulatedJob {
  id: string;
  beginsAt: number;
  endsAt: number;
}

/** What was asked of whom. */
export interface Asked {
  /** Tokens included. */
  apiCalls: number;
  tableReads: number;
  tableWrites: number;
  /** What the reads cost: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
  readUnits: number;
}

/** A message that was accepted. Epoch milliseconds. */
export interface Told {
  channel: 'slack' | 'sns';
  jobId: string;
  at: number;
}

export interface SimulatedWorld {
  time: SimulatedTime;
  asked: Asked;
  told: Told[];
  http: Http;
  /** A channel in the place of an SNS topic, without the SDK. */
  topic: ChannelType;
  store: Store;
}

/** When the world begins. */
export const beginning = Date.parse('2026-01-01T10:00:00.000Z');
export const slackUrl = 'https://slack.test';

const { waitMs } = assumptions;

export function createWorld(jobs: SimulatedJob[]): SimulatedWorld {
  const time = createTime(beginning);
  const asked: Asked = { apiCalls: 0, tableReads: 0, tableWrites: 0, readUnits: 0 };
  const told: Told[] = [];
  const answer = createApi(jobs, time.clock.now);
  return {
    time,
    asked,
    told,
    async http(request) {
      if (request.url.href.startsWith(slackUrl)) {
        await time.clock.wait(waitMs.slack);
        told.push({ channel: 'slack', jobId: jobIn(request), at: time.clock.now() });
        return { status: 200, headers: {}, body: 'ok' };
      }
      asked.apiCalls += 1;
      const answered = answer(request);
      await time.clock.wait(waitMs.api);
      return answered;
    },
    topic: createTopic(async (jobId) => {
      await time.clock.wait(waitMs.sns);
      told.push({ channel: 'sns', jobId, at: time.clock.now() });
    }),
    store: createTable(asked, time.clock),
  };
}

/** Time as a value, in which many things go on at once. */
export interface SimulatedTime {
  clock: Clock;
  /** Does something in so many milliseconds. */
  later(ms: number, work: () => void): void;
  /** Lets so many milliseconds pass. What is under way may wait for the clock, and for nothing else. */
  pass(ms: number): Promise<void>;
}

/** When nobody has anything left to do, time moves on to what comes next. */
function createTime(begin: number): SimulatedTime {
  let now = begin;
  /** What comes first stands last. */
  const agenda: { at: number; work: () => void }[] = [];

  const later = (ms: number, work: () => void): void => {
    const at = now + Math.max(ms, 0);
    const place = agenda.findLastIndex((one) => one.at > at) + 1;
    agenda.splice(place, 0, { at, work });
  };

  return {
    clock: { now: () => now, wait: (ms) => new Promise((resolve) => later(ms, resolve)) },
    later,
    async pass(ms) {
      const end = now + ms;
      for (;;) {
        // By then all is done that follows from what has happened.
        await new Promise(setImmediate);
        const next = agenda.at(-1);
        if (!next || next.at > end) break;
        agenda.pop();
        now = next.at;
        next.work();
      }
      now = end;
    },
  };
}

/** The Publishing API, which answers as of the moment in which it is asked. */
function createApi(jobs: SimulatedJob[], now: () => number): (request: HttpRequest) => HttpResponse {
  const known = new Map(
    jobs.map((job) => [job.id, { ...job, running: pageOf(job, 'Running'), ended: pageOf(job, 'Completed') }]),
  );
  const pageNow = (id: string): Page | undefined => {
    const job = known.get(id);
    if (!job || now() < beginning + job.beginsAt) return undefined;
    return now() < beginning + job.endsAt ? job.running : job.ended;
  };
  return (request) => {
    const { pathname, searchParams } = addressOf(request);
    if (pathname.endsWith('/oauth/token')) return answered(200, { access_token: 'token', expires_in: 86_400 });
    if (!pathname.endsWith('/jobs')) {
      return pageNow(pathname.split('/').at(-1) ?? '')?.answer ?? answered(404, { title: 'Not Found' });
    }
    const documents = jobs.flatMap(({ id }) => pageNow(id)?.document ?? []);
    const listed = listPage(searchParams, documents, documentedList());
    return 'page' in listed ? answered(200, listed.page) : answered(400, listed);
  };
}

interface Page {
  document: object;
  answer: HttpResponse;
}

const answered = (status: number, body: object): HttpResponse => ({ status, headers: {}, body: JSON.stringify(body) });

/** Ends are told to the millisecond. If Sitecore writes whole seconds, that shows in `timeToNotify` and delays nothing. */
function pageOf({ id, beginsAt, endsAt }: SimulatedJob, status: 'Running' | 'Completed'): Page {
  const queuedTime = isoTime(beginsAt);
  const document = publishingJob({
    id,
    status,
    at: beginning + endsAt,
    queuedTime,
    startTime: queuedTime,
    finishTime: status === 'Running' ? null : isoTime(endsAt),
  });
  return { document, answer: answered(200, document) };
}

const isoTime = (at: number): string => new Date(beginning + at).toISOString();

/** The job that a message to Slack is about: the text has its id in a line of its own. */
function jobIn({ body = '' }: HttpRequest): string {
  const { text } = JSON.parse(body) as { text: string };
  return /^Job: (\S+)/m.exec(text)?.[1] ?? '';
}

const createTopic = (publish: (jobId: string) => Promise<void>): ChannelType => ({
  config: { name: channelTypes['sns']?.config['topicArn'] as never },
  references: [],
  create: () => ({
    minIntervalMs: 0,
    async send({ document }) {
      await publish(document.jobId);
      return { receipt: 'accepted' };
    },
    verify: async () => undefined,
    render: ({ title, document }) => ({ text: title, payload: document }),
  }),
});

/** A page of the index holds 1 MB, an entry at most 300 bytes; 4 KB that need not be the newest are half a unit. */
const [entryBytes, entriesPerPage] = [300, 3_000];

/** The table in memory. Each call takes its time. */
function createTable(asked: Asked, { wait }: Clock): Store {
  const table = createMemoryStore({ pageSize: entriesPerPage });
  const cross: Cross = async (name, call) => {
    asked[/^store\.(get|known|readMarks)$/.test(name) ? 'tableReads' : 'tableWrites'] += 1;
    const answer = await call();
    await wait(waitMs.table);
    return answer;
  };
  const counted = crossing(table, cross);
  return {
    ...counted,
    get(job) {
      asked.readUnits += 1;
      return counted.get(job);
    },
    known(jobs) {
      asked.readUnits += jobs.length;
      return counted.known(jobs);
    },
    readMarks(keys) {
      asked.readUnits += keys.length;
      return counted.readMarks(keys);
    },
    async *due(until, after) {
      for await (const page of table.due(until, after)) {
        asked.tableReads += 1;
        asked.readUnits += Math.max(1, Math.ceil((page.length * entryBytes) / 4_096)) / 2;
        await wait(waitMs.table);
        yield page;
      }
    },
  };
}
