/** The three kinds of expected errors. Anything else is a bug and is never retried. */

/** The configuration is unusable, so nothing starts. The message lists every problem, one per line. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * The caller made a mistake: `status` is the HTTP status of the response, `headers` are further headers of it, and the
 * message says what to change.
 */
export class RequestError extends Error {
  override name = 'RequestError';
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** Kinds of errors in external services. Each kind has its own consequence. */
export type UpstreamKind =
  /** The Publishing API does not know the job, or the call. */
  | 'notFound'
  /** The Publishing API rejects this query, but may accept a different one. */
  | 'queryRefused'
  /** The credential is valid but lacks the permission for this call. */
  | 'forbidden'
  /** The credential is refused, or cannot be read. Nothing in this environment can be read. */
  | 'credentialRefused'
  /** The token endpoint issues no token now, for a reason other than the credential. */
  | 'tokenUnavailable'
  | 'rateLimited'
  /** No response, or one that asks to try later. */
  | 'unavailable'
  /** Our own time ended before the service had its full time-out. This says nothing about the service. */
  | 'outOfTime'
  /** A response that cannot be parsed. */
  | 'unreadable'
  /** The channel works but rejects this message. */
  | 'payloadRefused'
  /** Nothing gets through until an operator acts: the hook was deleted, or the topic is missing. */
  | 'needsOperator';

/** An external service failed. The message is for operators: it names the remedy and holds no secret and no body. */
export class UpstreamError extends Error {
  override name = 'UpstreamError';
  readonly kind: UpstreamKind;
  /** How long the service asked us to wait, in milliseconds; undefined if it did not. */
  readonly retryAfterMs: number | undefined;
  /** Whether the request may have taken effect despite the error. */
  readonly ambiguous: boolean;
  /** How long the channel drops a repetition of the message, in milliseconds; 0: it does not. */
  readonly dedupWindowMs: number;

  constructor(
    kind: UpstreamKind,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number | undefined; ambiguous?: boolean; dedupWindowMs?: number } = {},
  ) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
    this.ambiguous = options.ambiguous ?? false;
    this.dedupWindowMs = options.dedupWindowMs ?? 0;
  }
}
