import { defineConfig } from 'vitest/config';

/** The tests that `npm run test:mutation` runs: those of the pure files, which take milliseconds. */
export default defineConfig({
  test: { testTimeout: 20_000, include: ['test/domain/*.test.ts', 'test/http-api/credential.test.ts'] },
});
