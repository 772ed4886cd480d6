import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    silent: 'passed-only',
    testTimeout: 20_000,
    // Vitest leaves one core free. Many files wait for timers and servers, so two workers share a small machine well.
    maxWorkers: 2,
    include: ['test/**/*.test.ts'],
    // Importing a function makes its parts; tests of handlers bring parts of their own.
    env: {
      TABLE_NAME: 'publishing-jobs',
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      NOTIFIER_CONFIG: JSON.stringify({
        environments: { production: { clientId: 'id', clientSecret: 'secret' } },
        channels: { team: { type: 'slack', webhookUrl: 'https://hooks.slack.invalid/services/T/B/X' } },
        webhook: { secrets: ['webhook-secret'] },
      }),
    },
  },
});
