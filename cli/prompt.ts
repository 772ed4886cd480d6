/** Prompts in the terminal. They go to standard error, so that standard output holds only the result of a command. */

import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

export interface Prompt {
  /** Asks for a value without echoing it. */
  secret(question: string): Promise<string>;
  /** Asks a yes-or-no question. Empty input means `byDefault`. */
  confirm(question: string, byDefault: boolean): Promise<boolean>;
}

/** Prompts the user of a terminal. Calls `onInterrupt` when the user presses Ctrl-C. */
export function createPrompt(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  onInterrupt: () => void,
): Prompt {
  const readLine = async (question: string, echo: NodeJS.WritableStream): Promise<string> => {
    const terminal = createInterface({ input, output: echo, terminal: true });
    terminal.once('SIGINT', () => {
      terminal.close();
      output.write('\n');
      onInterrupt();
    });
    try {
      return (await terminal.question(question)).trim();
    } finally {
      terminal.close();
    }
  };
  return {
    async secret(question) {
      output.write(question);
      const value = await readLine('', new Writable({ write: (_chunk, _encoding, done) => done() }));
      output.write('\n');
      return value;
    },
    async confirm(question, byDefault) {
      const typed = await readLine(`${question} [${byDefault ? 'Y/n' : 'y/N'}] `, output);
      return typed === '' ? byDefault : /^y/i.test(typed);
    },
  };
}
