/** Questions in the terminal, on standard error, so that standard output holds nothing but the answer of a command. */

import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

export interface Ask {
  /** Asks for a value that must not be seen. */
  secretly(question: string): Promise<string>;
  /** Asks for yes or no; an empty answer means `otherwise`. */
  whether(question: string, otherwise: boolean): Promise<boolean>;
}

/** Asks whoever sits at a terminal; `leave` is called when they press Ctrl-C. */
export function createAsk(input: NodeJS.ReadableStream, output: NodeJS.WritableStream, leave: () => void): Ask {
  const readLine = async (question: string, echo: NodeJS.WritableStream): Promise<string> => {
    const terminal = createInterface({ input, output: echo, terminal: true });
    terminal.once('SIGINT', () => {
      terminal.close();
      output.write('\n');
      leave();
    });
    try {
      return (await terminal.question(question)).trim();
    } finally {
      terminal.close();
    }
  };
  return {
    async secretly(question) {
      output.write(question);
      const answer = await readLine('', new Writable({ write: (_chunk, _encoding, done) => done() }));
      output.write('\n');
      return answer;
    },
    async whether(question, otherwise) {
      const answer = await readLine(`${question} [${otherwise ? 'Y/n' : 'y/N'}] `, output);
      return answer === '' ? otherwise : /^y/i.test(answer);
    },
  };
}
