/** A line that changes while a command waits: rewritten on a terminal, a line per change elsewhere. */

import type { WriteStream } from 'node:tty';
import { cut } from '../lib/platform/text.ts';

export interface LiveLine {
  show(text: string): void;
  /** Leaves the place to what comes next. */
  clear(): void;
}

type Stream = Pick<WriteStream, 'write'> & { isTTY?: boolean; columns?: number };

/** Shows nothing. */
export const noLine: LiveLine = { show: () => undefined, clear: () => undefined };

export function createLiveLine(stream: Stream): LiveLine {
  let shown = '';
  if (!stream.isTTY) {
    return {
      show(text) {
        if (text !== shown) stream.write(`${text}\n`);
        shown = text;
      },
      clear: () => undefined,
    };
  }
  const rewrite = (text: string) => void stream.write(`\r\x1b[2K${text}`);
  return { show: (text) => rewrite(cut(text, (stream.columns || 80) - 1)), clear: () => rewrite('') };
}
