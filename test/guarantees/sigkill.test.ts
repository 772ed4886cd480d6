/** The built bundles killed by SIGKILL: no message is lost, and none is repeated that need not be. */

import { expect, test } from 'vitest';
import { runSigkills } from './sigkill.ts';

test('processes killed at random moments lose no message, and repeat only what was accepted without a receipt', async () => {
  const figures = await runSigkills({ runs: 15 });
  console.info(figures);
  expect(figures).toMatchObject({ broken: [], lost: 0, repeated: 0, expected: 30, sent: 30 });
  expect(figures.room).toMatchObject({ lost: 0, repeated: 0, repeatedUnavoidably: 0, expected: 15, sent: 15 });
}, 120_000);
