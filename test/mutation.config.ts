import { defineConfig } from 'vitest/config';

/** The tests that `npm run test:mutation` asks: those of the pure files, which take milliseconds. */
export default defineConfig({
  test: {
    include: ['test/lib/{transition,rules,limits,record,message,retry,webhook-credential}.test.ts'],
  },
});
