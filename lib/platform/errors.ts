/** The three kinds of errors that are expected. Anything else is a bug: it is not caught to be retried. */

/** The configuration is unusable, and nothing starts. The message lists every problem, one a line. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** The caller's fault: `status` is the HTTP status of the answer, the message what to do about it. */
export class RequestError extends Error {
  override name = 'RequestError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What went wrong beyond our walls, by what follows from it. */
export type UpstreamKind =
  /** The Publishing API knows no such job, or no such call. */
  | 'notFound'
  /** The Publishing API does not take this question, but may take another one. */
  | 'queryRefused'
  /** The credential is valid, and not allowed this call. */
  | 'forbidden'
  /** The credential itself is refused, or cannot be read: nothing of this environment can be. */
  | 'credentialRefused'
  /** No token for now, for a reason that is not the credential's. */
  | 'tokenUnavailable'
  | 'rateLimited'
  /** No answer, or one that says "later". */
  | 'unavailable'
  /** An answer that cannot be understood. */
  | 'unreadable'
  /** A channel accepts messages, but not this one. */
  | 'payloadRefused'
  /** Nothing gets through until somebody acts: a hook that is gone, a topic that is missing. */
  | 'needsOperator';

/** Somebody else's fault. The message is for operators: it says what to do, and holds no secret and no body. */
export class UpstreamError extends Error {
  override name = 'UpstreamError';
  readonly kind: UpstreamKind;
  /** How long they asked us to wait; undefined if they did not. */
  readonly retryAfterMs: number | undefined;
  /** Whether the request may have taken effect all the same. */
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
