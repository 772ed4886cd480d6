/** What goes wrong in a simulation, and where. */

import { UpstreamError } from '../../lib/platform/errors.ts';
import type { HttpResponse } from '../../lib/platform/http.ts';
import { problemFault } from '../../local/publishing-api-server.ts';

/** What can go wrong, by where it does. */
const possible = {
  token: ['lost', 'slow', 'failed', 'busy', 'unauthorized', 'dies', 'died'],
  api: ['lost', 'slow', 'failed', 'busy', 'busyForLong', 'notFound', 'unauthorized', 'forbidden', 'garbled', 'dies'],
  slack: [
    'lost',
    'slow',
    'frozen',
    'failed',
    'busy',
    'busyForLong',
    'unreached',
    'notFound',
    'garbled',
    'dies',
    'died',
  ],
  fifo: ['lost', 'slow', 'frozen', 'failed', 'busy', 'unreached', 'notFound', 'dies', 'died'],
  teams: ['lost', 'slow', 'frozen', 'failed', 'busy', 'busyForLong', 'unreached', 'notFound', 'dies', 'died'],
  hook: ['lost', 'slow', 'frozen', 'failed', 'busy', 'busyForLong', 'unreached', 'notFound', 'dies', 'died'],
  room: ['lost', 'slow', 'frozen', 'failed', 'busy', 'busyForLong', 'unreached', 'notFound', 'dies', 'died'],
  topic: ['lost', 'slow', 'frozen', 'failed', 'busy', 'unreached', 'notFound', 'dies', 'died'],
  get: ['failed', 'slow', 'dies'],
  list: ['failed', 'stale', 'slow', 'dies'],
  save: ['failed', 'lost', 'again', 'slow', 'dies', 'died'],
  receipt: ['failed', 'lost', 'again', 'slow', 'dies', 'died'],
  mark: ['failed', 'lost', 'slow', 'dies', 'died'],
  any: ['slow', 'dies', 'died'],
} as const;
export type Target = keyof typeof possible;

/**
 * `lost`: done, but the response is lost. `again`: the same, and the call is repeated, as the AWS SDK does. `slow`: done,
 * but the response takes seconds. `stale`: the index, which is eventually consistent, shows what it showed before.
 * `frozen`: done, and the process is frozen before it reads the response, for longer than its lease. `dies`, `died`: the
 * worker dies before or after the call takes effect. The others are error responses.
 */
export type What = (typeof possible)[Target][number];

export interface Mishap {
  where: Target;
  what: What;
}

export const mishaps: Mishap[] = Object.entries(possible).flatMap(([where, list]) =>
  list.map((what) => ({ where: where as Target, what })),
);

/** After `after` calls to a target succeed, the next `times` calls go wrong. */
export interface Trouble extends Mishap {
  after: number;
  times: number;
  /** Only for this environment, or for this job (its key). */
  only?: string;
}

/** A failure that the simulation injects, in contrast to one that it finds. */
export class InjectedError extends Error {}

/** Holds the troubles that are still to come. */
export function createTroubles() {
  let troubles: Trouble[] = [];
  return {
    add: (trouble: Trouble): void => void troubles.push({ ...trouble }),
    end(): void {
      troubles = [];
    },
    /** What goes wrong with this call. `about` is the key of the job that is asked for, if any. */
    next(target: Target, about: string): What | undefined {
      const trouble = troubles.find(
        ({ where, times, only }) =>
          times > 0 && (where === target || where === 'any') && (!only || about.startsWith(only)),
      );
      if (!trouble) return undefined;
      if (trouble.after-- > 0) return undefined;
      trouble.after = 0;
      trouble.times -= 1;
      return trouble.what;
    },
  };
}

const respond =
  (status: number, body = '', headers: Record<string, string> = {}) =>
  (): HttpResponse => ({ status, headers, body });
const fail =
  (...[kind, , options]: ConstructorParameters<typeof UpstreamError>) =>
  (): never => {
    throw new UpstreamError(kind, 'injected', options);
  };

/** The request may have taken effect, and no response arrives. */
export const noResponse = fail('unavailable', '', { ambiguous: true });

/** An error response that the API itself writes. */
export const problemResponse = (status: number): HttpResponse => ({
  status,
  headers: {},
  body: JSON.stringify(problemFault(status).body),
});

const busy = respond(429);
const busyForLong = respond(429, '', { 'retry-after': '150' });
const unreached = fail('unavailable', '');
const post = { unreached, failed: respond(500), busy, busyForLong, notFound: respond(404) };
const topic = {
  unreached,
  failed: fail('unavailable', '', { ambiguous: true }),
  busy: fail('rateLimited', ''),
  notFound: fail('needsOperator', ''),
};

/** The error responses of each target. Nothing takes effect with them. */
export const refusals: Partial<Record<Target, Partial<Record<What, () => HttpResponse>>>> = {
  token: { lost: noResponse, failed: respond(500), busy, unauthorized: respond(401, '{"error":"access_denied"}') },
  api: {
    lost: noResponse,
    failed: respond(500, 'injected'),
    busy,
    busyForLong,
    unauthorized: () => problemResponse(401),
    forbidden: () => problemResponse(403),
    garbled: respond(200, '{"system":{}}'),
  },
  slack: {
    unreached,
    failed: respond(500, 'error'),
    busy,
    busyForLong,
    notFound: respond(404, 'no_service'),
    garbled: respond(400, 'invalid_blocks'),
  },
  fifo: topic,
  topic,
  teams: post,
  room: { ...post, notFound: respond(200, '{"ok":false,"error":"token_revoked"}') },
  hook: post,
};
