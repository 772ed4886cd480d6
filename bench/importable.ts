/** Importing a function makes its dependencies, so it needs valid variables. The benchmark brings its own dependencies. */

Object.assign(process.env, {
  TABLE_NAME: 'publishing-jobs',
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  NOTIFIER_CONFIG: JSON.stringify({
    environments: { production: { clientId: 'id', clientSecret: 'secret' } },
    channels: { team: { type: 'slack', webhookUrl: 'https://hooks.slack.invalid/services/T/B/X' } },
    webhook: { secrets: ['webhook-secret'] },
  }),
});
