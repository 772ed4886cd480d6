import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type PublishingApiServer, startPublishingApiServer } from '../../local/publishing-api-server.ts';
import { publishingJob } from '../../local/publishing-job.ts';
import { type SlackServer, startSlackServer } from '../../local/slack-server.ts';
import { violations } from './axe.ts';
import { describePage, patience } from './browser.ts';

let api: PublishingApiServer;
let slack: SlackServer;
beforeAll(async () => {
  [api, slack] = await Promise.all([startPublishingApiServer(), startSlackServer()]);
  slack.answerWith({ status: 404, body: 'no_service', times: 1_000 });
});
afterAll(() => Promise.all([api.close(), slack.close()]));

const env = (): Record<string, string> => ({
  SWEEP_SECONDS: '0.3',
  NOTIFIER_CONFIG: JSON.stringify({
    environments: {
      main: { clientId: api.clientId, clientSecret: api.clientSecret, apiUrl: api.url, tokenUrl: api.tokenUrl },
      other: { clientId: 'id', clientSecret: 'wrong', apiUrl: api.url, tokenUrl: api.tokenUrl },
    },
    channels: {
      editors: { type: 'slack', webhookUrl: slack.webhookUrl('editors') },
      office: { type: 'teams', url: slack.webhookUrl('office') },
      hook: {
        type: 'webhook',
        url: slack.webhookUrl('hook'),
        secrets: ['whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ='],
        allowPrivate: true,
      },
    },
    rules: [
      { when: { outcome: ['failed'] }, notify: ['editors'] },
      { when: { outcome: ['canceled'] }, notify: ['office', 'hook'] },
    ],
    webhook: { secrets: ['the-secret'] },
  }),
});

describePage('with credentials', env, ({ open, notifier }) => {
  test('what does not work stands above everything, with its cause and its remedy; nothing is simulated', async () => {
    // What has ended before the first sweep is not announced.
    await notifier().sees(/✗ broken +other /);
    api.setJob('job_1', publishingJob({ id: 'job_1', name: 'Nightly', status: 'Failed' }));
    api.setJob('job_2', publishingJob({ id: 'job_2', name: 'Home page', status: 'Completed' }));
    const page = await open();
    const banner = page.locator('#troubles');
    await vi.waitFor(async () => {
      expect(await banner.innerText()).toMatch(
        /Environment other does not work since .+ Check environments\.other in notifier\.yml/,
      );
      expect(await banner.innerText()).toMatch(
        /Channel editors does not work since .+ no_service.+ Check channels\.editors in notifier\.yml/,
      );
    }, patience);
    await notifier().sees(/✗ broken +editors +Slack: answered 404 no_service.+ Check channels\.editors/);
    await notifier().sees(/✗ channel editors \(slack\) +Slack: answered 404 no_service/);
    for (const id of ['proof', 'feed-section', 'simulation'])
      expect(await page.locator(`#${id}`).isVisible(), id).toBe(false);

    const row = (name: string) => page.locator('#jobs > li').filter({ hasText: name });
    await vi.waitFor(async () => {
      expect(await row('Nightly').innerText()).toMatch(/Failed[\s\S]+Rule 1: failed[\s\S]+editors/);
      expect(await row('Home page').innerText()).toMatch(/Completed[\s\S]+No rule matches: nobody is notified/);
    }, patience);
    await row('Nightly').locator('summary').click();
    await vi.waitFor(async () => {
      const story = await page.locator('.job[open] .story').innerText();
      expect(story).toMatch(
        /Waits for editors: failed\s+attempt 1 failed: Slack: answered 404 no_service.+\s+tried again at/,
      );
    }, patience);
    expect(await page.locator('.job[open] .slack').innerText()).toContain('Failed: Nightly');
    expect(await violations(page, [1440, 390])).toEqual([]);
  });

  test('a Teams card is shown as Teams does, and the document of a signed webhook', async () => {
    const page = await open();
    await page.locator('#trial-section > summary').click();
    await page.getByLabel('Outcome').selectOption('canceled');
    await page.locator('#trial').getByLabel('Name').fill('Nightly*');
    const messages = page.locator('#trial-messages');
    await vi.waitFor(async () => {
      expect(await messages.locator('.teams .container.emphasis').innerText()).toContain('Nightly*');
    }, patience);
    await messages.getByText('JSON document').click();
    expect(await messages.locator('pre.document').innerText()).toContain('"outcome": "canceled"');
  });

  test('the list is filtered by status, environment and name', async () => {
    const page = await open();
    const names = () => page.locator('#jobs .name').allInnerTexts();
    await vi.waitFor(async () => expect((await names()).sort()).toEqual(['Home page', 'Nightly']), patience);
    await page.getByLabel('Status').selectOption('Failed');
    expect(await names()).toEqual(['Nightly']);
    await page.getByLabel('Status').selectOption('all');
    await page.getByLabel('Name', { exact: true }).first().fill('home');
    expect(await names()).toEqual(['Home page']);
    await page.locator('#filter-environment').selectOption('other');
    expect(await names()).toEqual([]);
    expect(await page.locator('#no-jobs').innerText()).toMatch(/No job passes these filters/);
  });
});
