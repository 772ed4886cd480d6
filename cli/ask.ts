/** Questions in the terminal, on standard error, so that standard output holds nothing but the answer of a command. */

import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

export interface Ask {
  /** Asks for a value that must not be seen. */
  secretly(question: string): Promise<string>;
  /** Asks for yes or no; an empty answer means `otherwise`. */
  whether(question: string, otherwise: boolean): Promise<boolean>;
}

export const askInTerminal: Ask = {
  async secretly(question) {
    process.stderr.write(question);
    const answer = await readLine('', new Writable({ write: (_chunk, _encoding, done) => done() }));
    process.stderr.write('\n');
    return answer.trim();
  },
  async whether(question, otherwise) {
    const typed = await readLine(`${question} [${otherwise ? 'Y/n' : 'y/N'}] `, process.stderr);
    const answer = typed.trim().toLowerCase();
    return answer === '' ? otherwise : answer.startsWith('y');
  },
};

/** One line of the terminal; what is typed is echoed to `output`. */
async function readLine(question: string, output: Writable): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output, terminal: true });
  terminal.once('SIGINT', () => {
    terminal.close();
    process.stderr.write('\n');
    process.exit(130);
  });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}
