/** The manifest of the Slack app, as the documentation and `doctor` show it. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { slackAppLink, slackAppManifest } from '../../cli/slack-app-manifest.ts';

test('docs/slack-app.yml is what `npm run schema` writes, and asks for the least scopes', () => {
  const file = readFileSync('docs/slack-app.yml', 'utf8');
  expect(file).toBe(slackAppManifest);
  const [toPost, ...toLook] = parse(file).oauth_config.scopes.bot;
  expect(toPost).toBe('chat:write');
  expect(toLook).toEqual(['channels:history', 'groups:history', 'im:history', 'im:write']);
});

test('one link creates the app: it holds the manifest, and survives in Markdown', () => {
  expect(readFileSync('docs/channels.md', 'utf8')).toContain(`[Create the app](${slackAppLink})`);
  expect(slackAppLink).toMatch(/^https:\/\/api\.slack\.com\/apps\?new_app=1&manifest_yaml=[\w%.~-]+$/);
  expect(parse(new URL(slackAppLink).searchParams.get('manifest_yaml') ?? '')).toEqual(parse(slackAppManifest));
});
