import type { Page } from 'playwright-core';
import { expect, test, vi } from 'vitest';
import { describePage, patience } from './browser.ts';

const kinds = ['slack', 'sitecore', 'kill', 'repeat'];
const button = (page: Page, kind: string) => page.locator(`#breaks button[value="${kind}"]`);
const phaseOf = (page: Page, kind: string) =>
  page.locator(`#breaks li:has([value="${kind}"])`).getAttribute('data-phase');
const numberIn = async (page: Page, name: string) => Number(await page.locator(`#count-${name}`).innerText());

/** Presses a button, and gives what came of it. */
async function breakIt(page: Page, kind: string): Promise<string> {
  await button(page, kind).click();
  await vi.waitFor(async () => expect(await phaseOf(page, kind)).toMatch(/done|failed/), patience);
  return await page.locator(`#break-${kind}`).innerText();
}

describePage(
  'break it',
  () => ({ SIMULATION_SPEED: '10', SWEEP_SECONDS: '0.2' }),
  ({ open, notifier }) => {
    const whole = /^(\d+) due, \1 delivered, 0 lost, 0 repeated\. /;

    test('while Slack is away the message waits, the page says why, and it comes once', async () => {
      const page = await open();
      // Another message that waits would be tried in its place.
      await vi.waitFor(async () => expect(await numberIn(page, 'delivered')).toBe(27), patience);
      const seen = Promise.all([
        page.locator('#troubles').getByText('Channel team does not work').waitFor(),
        page.locator('#flow-channels li.broken').getByText('team').waitFor(),
      ]);
      const result = await breakIt(page, 'slack');
      await seen;
      expect(result).toMatch(whole);
      await vi.waitFor(async () => expect(await page.locator('#troubles').isHidden()).toBe(true), patience);
      await notifier().sees(
        /✗ broken +team +Slack: .+ECONN\w+.+ Its messages wait[\s\S]+✓ works +team +the channel works again, after \d+ s/,
      );

      await page.locator('#jobs > li').filter({ hasText: 'while Slack is away' }).locator('summary').click();
      await vi.waitFor(async () => {
        const story = await page.locator('.job[open] .story').innerText();
        expect(story).toMatch(/Delivered to team: completed\s+with attempt 2/);
      }, patience);
    });

    test('while Sitecore is away no outcome is invented, and the true one comes', async () => {
      const page = await open();
      expect(await breakIt(page, 'sitecore')).toMatch(whole);
      const row = page.locator('#jobs > li').filter({ hasText: 'while Sitecore is away' });
      await vi.waitFor(async () => expect(await row.innerText()).toMatch(/^✕\s+Failed/), patience);
      await notifier().sees(/✗ broken +production +Publishing API .+ECONN\w+[\s\S]+✓ works +production/);
    });

    test('when the worker is killed in the middle of a message, another one sends it', async () => {
      const page = await open();
      expect(await breakIt(page, 'kill')).toMatch(whole);
      await page.locator('#jobs > li').filter({ hasText: 'with the worker killed' }).locator('summary').click();
      await page.locator('.job[open] .story').getByText('an earlier attempt may have arrived as well').waitFor();
    });

    test('a job that is handed over 50 times at once is announced once', async () => {
      const page = await open();
      expect(await breakIt(page, 'repeat')).toMatch(/^([34]) due, \1 delivered, 0 lost, 0 repeated/);
    });

    // Half a minute on a machine that does nothing else.
    test('20 random breaks in a row, one into the other, lose nothing and repeat nothing', {
      timeout: 300_000,
    }, async () => {
      const page = await open();
      const order = Array.from({ length: 20 }, () => kinds[Math.floor(Math.random() * kinds.length)] ?? 'kill');
      for (const kind of order) {
        await vi.waitFor(
          async () => expect(await button(page, kind).getAttribute('aria-disabled')).not.toBe('true'),
          patience,
        );
        await button(page, kind).click();
        await vi.waitFor(
          async () => expect(await phaseOf(page, kind), order.join()).toMatch(/broken|recovering/),
          patience,
        );
      }
      for (const kind of new Set(order)) {
        await vi.waitFor(async () => expect(await phaseOf(page, kind), order.join()).toBe('done'), patience);
      }
      await vi.waitFor(async () => {
        expect(await numberIn(page, 'delivered'), order.join()).toBe(await numberIn(page, 'due'));
        expect(await numberIn(page, 'due')).toBeGreaterThanOrEqual(3 * (4 + 20));
      }, patience);
      expect([await numberIn(page, 'lost'), await numberIn(page, 'repeated')], order.join()).toEqual([0, 0]);
    });
  },
);
