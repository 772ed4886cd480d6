/** A message as `messageOf` makes it, for the tests of the channels. */

import type { Message } from '../../lib/domain/message.ts';

export const someMessage = (values: Partial<Message> = {}): Message => ({
  title: 'Failed: Nightly site publish',
  summary: 'The whole job failed.',
  facts: [
    { label: 'Environment', text: 'production' },
    { label: 'Ended', moment: '2026-01-01T10:04:05.000Z' },
  ],
  mention: null,
  url: null,
  document: {
    version: 1,
    jobId: 'job_1',
    environment: 'production',
    outcome: 'failed',
    status: 'Failed',
    previousStatus: 'Running',
    reason: 'finished',
    name: 'Nightly site publish',
    source: 'Pages',
    startedBy: 'Release pipeline',
    canceledBy: null,
    queuedAt: '2026-01-01T10:00:00.000Z',
    startedAt: '2026-01-01T10:00:05.000Z',
    finishedAt: '2026-01-01T10:04:05.000Z',
    durationSeconds: 240,
    statistics: null,
    url: null,
    correction: false,
    deduplicationId: 'd'.repeat(64),
    limit: null,
    limitMinutes: null,
    since: null,
    exceeded: [],
  },
  ...values,
});
