/** The progress of a command that waits: one line rewritten in place on a terminal, a line per change elsewhere. */

import type { WriteStream } from 'node:tty';
import { cut } from '../lib/platform/text.ts';

export interface ProgressLine {
  show(text: string): void;
  /** Removes the line, so that the result takes its place. */
  clear(): void;
}

type Stream = Pick<WriteStream, 'write'> & { isTTY?: boolean; columns?: number };

/** Shows nothing. */
export const noProgressLine: ProgressLine = { show: () => undefined, clear: () => undefined };

/** Shows progress on a stream. On a terminal, the text is cut to the terminal's width. */
export function createProgressLine(stream: Stream): ProgressLine {
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
