/** Prompts in a terminal. */

import { PassThrough } from 'node:stream';
import { beforeEach, expect, test, vi } from 'vitest';
import { createPrompt, type Prompt } from '../../cli/prompt.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';

let keyboard: PassThrough;
let screen: PassThrough;
let onInterrupt: ReturnType<typeof vi.fn<() => void>>;
let prompt: Prompt;
beforeEach(() => {
  [keyboard, screen, onInterrupt] = [new PassThrough(), new PassThrough(), vi.fn<() => void>()];
  prompt = createPrompt(keyboard, screen, onInterrupt);
});

/** Types these keys at a prompt. */
async function type<Value>(prompted: Promise<Value>, keys: string): Promise<Value> {
  keyboard.write(keys);
  return await prompted;
}
const shown = () => String(screen.read());

test('a secret is not echoed, and neither is deleted input', async () => {
  expect(await type(prompt.secret('client secret: '), 'wrong-one\x15 the-secret \r')).toBe('the-secret');
  const text = shown();
  expect(text).toBe('client secret: \n');
  expectNoSecrets([text], ['the-secret', 'wrong-one']);
});

test('one prompt follows another', async () => {
  expect(await type(prompt.secret('one: '), 'first\r')).toBe('first');
  expect(await type(prompt.secret('two: '), '\r')).toBe('');
  expect(shown()).toBe('one: \ntwo: \n');
});

test.each([
  ['\r', true, true],
  ['\r', false, false],
  ['y\r', false, true],
  ['Yes\r', false, true],
  ['n\r', true, false],
])('confirm: %j with the default %s is %s', async (keys, byDefault, expected) => {
  expect(await type(prompt.confirm('Generate one?', byDefault), keys)).toBe(expected);
  expect(shown()).toContain(`Generate one? [${byDefault ? 'Y/n' : 'y/N'}]`);
});

test('Ctrl-C interrupts', async () => {
  prompt.secret('client secret: ').catch(() => undefined);
  keyboard.write('half a sec\x03');
  await vi.waitFor(() => expect(onInterrupt).toHaveBeenCalledOnce());
  expect(shown()).not.toContain('half');
});
