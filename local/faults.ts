/** Faults of HTTP responses, injected by tests and by the demo. */
import type { ServerResponse } from 'node:http';

/** One faulty response. By default it is a 500 without a body. */
export interface Fault {
  /**
   * `answer` (the default) is a complete response; `half` sends half of the body and closes the connection; `reset` closes
   * it before the first byte; `silence` never responds.
   */
  kind?: 'answer' | 'half' | 'reset' | 'silence';
  status?: number;
  headers?: Record<string, string>;
  /** Text is sent as it is, anything else as JSON. */
  body?: unknown;
  /** Instead of a body: this many bytes of an incomplete JSON document. */
  bytes?: number;
  /** The delay of the response in milliseconds. */
  afterMs?: number;
  /** Performs the request nevertheless, so that only the response is lost or wrong. */
  accepted?: boolean;
}

/** When a fault applies: to requests with these values, this many times (once by default). */
export type FaultRule<Scope> = Fault & Partial<Scope> & { times?: number };

/** Holds the injected faults. The oldest one that matches a request applies to it. */
export function createFaultBook<Scope extends Record<string, string>>(scopeKeys: (keyof Scope)[]) {
  const rules: { rule: FaultRule<Scope>; left: number }[] = [];
  return {
    add: (rule: FaultRule<Scope>): void => {
      rules.push({ rule, left: rule.times ?? 1 });
    },
    /** Returns the fault for this request and uses it up; undefined for a regular response. */
    take: (scope: Scope): Fault | undefined => {
      const index = rules.findIndex(({ rule }) =>
        scopeKeys.every((key) => rule[key] === undefined || rule[key] === scope[key]),
      );
      const found = rules[index];
      if (found === undefined) return undefined;
      found.left -= 1;
      if (found.left <= 0) rules.splice(index, 1);
      return found.rule;
    },
    clear: (): void => {
      rules.length = 0;
    },
  };
}

/** Sends the faulty response. */
export function playFault(fault: Fault, response: ServerResponse): void {
  if (fault.afterMs === undefined) respond(fault, response);
  else setTimeout(() => respond(fault, response), fault.afterMs);
}

function respond(fault: Fault, response: ServerResponse): void {
  if (fault.kind === 'silence') return;
  if (fault.kind === 'reset') {
    response.destroy();
    return;
  }
  const isText = typeof fault.body === 'string';
  const body = isText ? String(fault.body) : fault.body === undefined ? '' : JSON.stringify(fault.body);
  response.writeHead(fault.status ?? 500, {
    'content-type': isText ? 'text/html' : 'application/json',
    // The header announces the whole length, so that half of the body is incomplete.
    ...(fault.kind === 'half' && { 'content-length': String(Buffer.byteLength(body)) }),
    ...fault.headers,
  });
  if (fault.bytes !== undefined) stream(fault.bytes, response);
  else if (fault.kind === 'half') response.write(body.slice(0, body.length / 2), () => response.destroy());
  else response.end(body);
}

/** Streams at the reader's pace, so that a huge body needs no memory. Ends when the reader disconnects. */
function stream(bytes: number, response: ServerResponse): void {
  const start = '{"padding":"';
  const chunk = 'x'.repeat(64 * 1024);
  let left = bytes - start.length;
  const more = () => {
    while (left > 0 && !response.destroyed) {
      const part = chunk.slice(0, left);
      left -= part.length;
      if (!response.write(part)) {
        response.once('drain', more);
        return;
      }
    }
    response.end();
  };
  response.write(start);
  more();
}
