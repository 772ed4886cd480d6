/** Records for tests of the table. */

import type { Decision, Delivery, JobRecord } from '../../lib/domain/job.ts';

export const someDelivery = (values: Partial<Delivery> = {}): Delivery => ({
  state: 'pending',
  attempts: 0,
  createdAt: '2026-01-01T10:10:00.000Z',
  nextAt: '2026-01-01T10:10:00.000Z',
  at: null,
  receipt: null,
  error: null,
  ambiguousSince: null,
  ...values,
});

export const someDecision = (values: Partial<Decision> = {}): Decision => ({
  reason: 'finished',
  outcome: 'completed',
  status: 'Completed',
  previousStatus: 'Running',
  corrects: null,
  at: '2026-01-01T10:10:00.000Z',
  since: null,
  channels: ['team', 'events'],
  mention: null,
  rule: 'rules[0]',
  ...values,
});

/** A watched record as its first write describes it. */
export const someRecord = (values: Partial<JobRecord> = {}): JobRecord => ({
  environment: 'production',
  jobId: 'job_1',
  revision: 1,
  writer: 'writer-1',
  status: 'Running',
  job: null,
  firstSeenAt: '2026-01-01T10:00:00.000Z',
  changedAt: null,
  notFoundSince: null,
  check: { failures: 0, error: null, nextAt: '2026-01-01T10:11:00.000Z', failingSince: null },
  watch: 'jobs',
  dueAt: 1_000,
  pendingAt: null,
  lease: null,
  decision: null,
  superseded: {},
  exceeded: null,
  progress: null,
  deliveries: {},
  expiresAt: null,
  ...values,
});

/** The next write after a record. */
export const after = (record: JobRecord, writer: string, values: Partial<JobRecord> = {}): JobRecord => ({
  ...record,
  revision: record.revision + 1,
  writer,
  ...values,
});
