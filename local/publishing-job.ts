/** Publishing jobs as the Publishing API returns them, with documented and undocumented members. */

/** The person or application that started or canceled a job. */
export interface Person {
  id: string | null;
  name: string | null;
  type: 'Application' | 'User';
}

/** The values of a job. Those that are left out follow from `status` and `at`. */
export interface PublishingJobValues {
  id: string;
  status?: string;
  name?: string | null;
  source?: string | null;
  /** When the job ended or last reported, in epoch milliseconds; now by default. The other times are earlier. */
  at?: number;
  queuedTime?: string | null;
  startTime?: string | null;
  finishTime?: string | null;
  lastReportTime?: string;
  sent?: number;
  processed?: number;
  failed?: number;
  skipped?: number;
  deleted?: number;
  additional?: number;
  locales?: string[];
  createdBy?: Person;
  canceledBy?: Person | null;
}

const terminal = ['Completed', 'Failed', 'Canceled'];

/** Makes the JSON document that `GET /authoring/publishing/v1/jobs/{id}` returns for a job. */
export function publishingJob(values: PublishingJobValues) {
  const { id, status = 'Completed', name = 'Nightly site publish', source = 'Pages', at = Date.now() } = values;
  const ended = terminal.includes(status);
  const { sent = 100, processed = 100, failed = 0, skipped = 0, deleted = 0, additional = 0 } = values;
  return {
    id,
    name,
    source,
    description: null,
    options: { xmc: { type: 'Site', mode: 'Smart', locales: values.locales ?? ['en'], isPublishRelatedItems: false } },
    // A permission of the caller, not a property of the job: it stays true after the end.
    permissions: { canViewDetails: true, canCancel: true },
    statistics: {
      lastReportTime: values.lastReportTime ?? isoTime(at),
      itemsSent: sent,
      itemsProcessed: processed,
      itemsFailed: failed,
      xmc: {
        additionalItemsSent: additional,
        itemsAcknowledged: processed,
        itemsDeleted: deleted,
        itemsSkipped: skipped,
        itemsSendingComplete: ended,
      },
    },
    system: {
      organizationId: 'org_example',
      tenantId: 'tenant-example',
      tenantJobId: null,
      environmentId: 'main',
      branchId: 'main',
      status,
      queuedTime: values.queuedTime === undefined ? isoTime(at - 245_000) : values.queuedTime,
      startTime: values.startTime === undefined ? startTime(status, at) : values.startTime,
      finishTime: values.finishTime === undefined ? (ended ? isoTime(at) : null) : values.finishTime,
      createdBy: values.createdBy ?? { id: 'client-id-of-somebody', name: 'Release pipeline', type: 'Application' },
      canceledBy: values.canceledBy ?? null,
    },
  };
}

/** A publishing job as the API returns it. */
export type PublishingJob = ReturnType<typeof publishingJob>;

/** A time as Sitecore writes it: UTC, whole seconds. */
export const isoTime = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

const startTime = (status: string, at: number): string | null => (status === 'Queued' ? null : isoTime(at - 240_000));
