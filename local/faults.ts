/** What can go wrong with an HTTP answer, on request: for the tests, and for the demo's faults. */
import type { ServerResponse } from 'node:http';

/** One wrong answer. Left empty it is a 500 without a body. */
export interface Fault {
  /**
   * `answer` (the default) is a whole answer; `half` sends half of the body and cuts the connection; `reset` cuts it
   * before the first byte; `silence` never answers.
   */
  kind?: 'answer' | 'half' | 'reset' | 'silence';
  status?: number;
  headers?: Record<string, string>;
  /** Text as it is, anything else as JSON. */
  body?: unknown;
  /** Instead of a body: that many bytes of a JSON document that never ends well. */
  bytes?: number;
  /** Answers only after this many milliseconds. */
  afterMs?: number;
  /** Does what was asked all the same, so that only the answer is lost or wrong. */
  accepted?: boolean;
}

/** When a fault applies: only to requests that have these values, and this often (once, if not said). */
export type FaultRule<Scope> = Fault & Partial<Scope> & { times?: number };

/** Keeps the faults that were asked for; the oldest one that fits a request applies to it. */
export function createFaultBook<Scope extends Record<string, string>>(scopeKeys: (keyof Scope)[]) {
  const rules: { rule: FaultRule<Scope>; left: number }[] = [];
  return {
    add: (rule: FaultRule<Scope>): void => {
      rules.push({ rule, left: rule.times ?? 1 });
    },
    /** The fault for this request, counted as used; undefined when it is to be answered properly. */
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

/** Gives the wrong answer. */
export function playFault(fault: Fault, response: ServerResponse): void {
  if (fault.afterMs === undefined) answer(fault, response);
  else setTimeout(() => answer(fault, response), fault.afterMs);
}

function answer(fault: Fault, response: ServerResponse): void {
  if (fault.kind === 'silence') return;
  if (fault.kind === 'reset') {
    response.destroy();
    return;
  }
  const isText = typeof fault.body === 'string';
  const body = isText ? String(fault.body) : fault.body === undefined ? '' : JSON.stringify(fault.body);
  response.writeHead(fault.status ?? 500, {
    'content-type': isText ? 'text/html' : 'application/json',
    // Half a body is only half when the whole length was promised.
    ...(fault.kind === 'half' && { 'content-length': String(Buffer.byteLength(body)) }),
    ...fault.headers,
  });
  if (fault.bytes !== undefined) stream(fault.bytes, response);
  else if (fault.kind === 'half') response.write(body.slice(0, body.length / 2), () => response.destroy());
  else response.end(body);
}

/** Streams at the reader's pace, so that a body larger than memory costs nothing, and ends when the reader leaves. */
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
