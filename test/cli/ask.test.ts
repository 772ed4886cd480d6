/** Questions to somebody at a terminal. */

import { PassThrough } from 'node:stream';
import { beforeEach, expect, test, vi } from 'vitest';
import { type Ask, createAsk } from '../../cli/ask.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';

let keyboard: PassThrough;
let screen: PassThrough;
let leave: ReturnType<typeof vi.fn<() => void>>;
let ask: Ask;
beforeEach(() => {
  [keyboard, screen, leave] = [new PassThrough(), new PassThrough(), vi.fn<() => void>()];
  ask = createAsk(keyboard, screen, leave);
});

/** What is asked is answered by these keys. */
async function answer<Answer>(asked: Promise<Answer>, keys: string): Promise<Answer> {
  keyboard.write(keys);
  return await asked;
}
const shown = () => String(screen.read());

test('a value that must not be seen is not echoed, nor is what was taken back', async () => {
  expect(await answer(ask.secretly('client secret: '), 'wrong-one\x15 the-secret \r')).toBe('the-secret');
  const text = shown();
  expect(text).toBe('client secret: \n');
  expectNoSecrets([text], ['the-secret', 'wrong-one']);
});

test('one value after another', async () => {
  expect(await answer(ask.secretly('one: '), 'first\r')).toBe('first');
  expect(await answer(ask.secretly('two: '), '\r')).toBe('');
  expect(shown()).toBe('one: \ntwo: \n');
});

test.each([
  ['\r', true, true],
  ['\r', false, false],
  ['y\r', false, true],
  ['Yes\r', false, true],
  ['n\r', true, false],
])('yes or no: %j, otherwise %s, is %s', async (keys, otherwise, expected) => {
  expect(await answer(ask.whether('Make one?', otherwise), keys)).toBe(expected);
  expect(shown()).toContain(`Make one? [${otherwise ? 'Y/n' : 'y/N'}]`);
});

test('Ctrl-C leaves', async () => {
  const asked = ask.secretly('client secret: ');
  asked.catch(() => undefined);
  keyboard.write('half a sec\x03');
  await vi.waitFor(() => expect(leave).toHaveBeenCalledOnce());
  expect(shown()).not.toContain('half');
});
