/** The dependencies that the verbs take as their first parameter. `wire.ts` makes the real ones. */

import type { Channel } from './channels/channel.ts';
import type { Config } from './config/config.ts';
import type { Timings } from './domain/decision-context.ts';
import type { Clock } from './platform/clock.ts';
import type { Log } from './platform/log.ts';
import type { Metrics } from './platform/metrics.ts';
import type { Redactor } from './platform/redaction.ts';
import type { Secrets } from './platform/secrets.ts';
import type { SweepQueue } from './platform/sweep-queue.ts';
import type { JobList } from './sitecore/job-list.ts';
import type { PublishingApi } from './sitecore/publishing-api.ts';
import type { Store } from './table/store.ts';

export interface Deps {
  config: Config;
  timings: Timings;
  store: Store;
  /** Throws for a name that is not configured. */
  api(environment: string): PublishingApi;
  /** Throws for a name that is not configured. */
  jobList(environment: string): JobList;
  /** Throws for a name that is not configured. */
  channel(name: string): Channel;
  secrets: Secrets;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  redact: Redactor;
  sweepQueue: SweepQueue;
  newId(): string;
}
