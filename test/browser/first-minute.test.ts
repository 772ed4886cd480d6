import { expect, test, vi } from 'vitest';
import { describePage, patience } from './browser.ts';

const startedAt = Date.now();

/** As a newcomer has it: at its own pace. */
describePage(
  'the first seconds',
  () => ({}),
  ({ open, url }) => {
    test('the page is usable within 2 s, of at most 60 KB, and the first message is there within 20 s', async () => {
      const page = await open();
      const loads: number[] = [];
      for (let load = 0; load < 3; load++) {
        const from = performance.now();
        await page.goto(url());
        await page.locator('#jobs > li').first().waitFor();
        loads.push(performance.now() - from);
      }
      expect(Math.min(...loads)).toBeLessThan(2_000);
      const bytes = await page.evaluate(
        'performance.getEntries().reduce((sum, { transferSize }) => sum + (transferSize ?? 0), 0)',
      );
      expect(bytes).toBeLessThan(60_000);

      await page.locator('#feed .card').first().waitFor();
      expect(Date.now() - startedAt).toBeLessThan(20_000 + loads.reduce((sum, ms) => sum + ms, 0));
      expect(await page.locator('header').innerText()).toMatch(/For teams that publish with Sitecore: one message/);
    });
  },
);

describePage(
  'the first minute',
  () => ({ SIMULATION_SPEED: '5', SWEEP_SECONDS: '0.2' }),
  ({ open }) => {
    test('six jobs are shown with their end, their counters and why whom is notified, and nothing moves meanwhile', async () => {
      const page = await open();
      await page.locator('#jobs > li').nth(4).waitFor();
      await page.locator('#jobs > li').nth(2).hover();
      await page.evaluate(observeShifts);
      await vi.waitFor(async () => expect(await page.locator('#count-delivered').innerText()).toBe('27'), patience);
      expect(await page.evaluate('globalThis.shifts')).toEqual([]);

      // One was found while the pointer was in the list.
      await page.locator('#new-jobs').click();
      const rows = page.locator('#jobs > li');
      await vi.waitFor(async () => expect(await rows.count()).toBe(6), patience);
      const textOf = async (name: string) => (await rows.filter({ hasText: name }).innerText()).replaceAll(/\s+/g, ' ');
      await vi.waitFor(async () => {
        expect(await textOf('Nightly site publish')).toMatch(
          /^✓ Completed at .+ Nightly site publish production · Pages · Release pipeline [\d,]+ processed · [\d,]+ sent Rule 3: everything else → .*team.*events/,
        );
        expect(await textOf('Whole environment')).toMatch(/^✕ Failed at .+ failed · [\d,]+ sent Rule 1: failed/);
        expect(await textOf('Blog, five')).toContain('discovered');
        expect(await textOf('Media library')).toMatch(/✓.*team.*✓.*events.*after stuck/);
      }, patience);
      expect(await page.locator('#count-lost').innerText()).toBe('0');
      expect(await page.locator('#count-repeated').innerText()).toBe('0');
      expect(await page.evaluate("getComputedStyle(document.querySelector('.bar .failed')).backgroundColor")).toMatch(
        /rgb/,
      );
    });

    test('a row opens into its timeline and its messages, as each channel shows them', async () => {
      const page = await open();
      const row = page.locator('#jobs > li').filter({ hasText: 'Whole environment' });
      await row.locator('summary').first().click();
      const story = (await row.locator('.story').innerText()).replaceAll(/\s+/g, ' ');
      expect(story).toMatch(
        /Queued in Sitecore .*Running .*Ended: Failed .*Decided: failed Rule 1: failed → team, room, events .*Delivered to (team|room|events): failed with the first attempt/,
      );
      expect(story).toContain('First seen by the notifier');
      const sent = row.locator('.sent-messages');
      expect(await sent.locator('.slack').nth(1).innerText()).toMatch(
        /APP\s+✕ Failed in production: Whole environment\s+@here/,
      );
      await sent.getByText('JSON document for systems').click();
      expect(await sent.locator('pre.document').innerText()).toContain('"outcome": "failed"');
    });

    test('the Slack app has one message per job: it is edited, and a failure is told in its thread and in the channel', async () => {
      const page = await open();
      const room = page.locator('#feed [data-channel="room"]');
      const textsOf = async (name: string) =>
        (await room.filter({ hasText: name }).allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '));
      await vi.waitFor(async () => {
        expect(await textsOf('Nightly')).toEqual([expect.stringMatching(/Completed.+ \(edited\) .+ Started$/)]);
        expect(await textsOf('Whole environment')).toEqual([
          expect.stringMatching(/replied to a thread: Failed.+@here/),
          expect.stringMatching(/Failed((?!@here).)+ \(edited\) ((?!@here).)+ Started 1 reply$/),
        ]);
      }, patience);
      await room.getByText('1 reply').first().click();
      await room.locator('.thread[open]').getByText('@here').waitFor();
    });

    test('the rules can be tried: which one decides, and what each channel would get', async () => {
      const page = await open();
      await page.locator('#trial-section > summary').click();
      await page.getByLabel('Outcome').selectOption('failed');
      await page.locator('#trial').getByLabel('Name').fill('<img src=x onerror=alert(1)>');
      await vi.waitFor(async () => {
        expect(await page.locator('#trial-answer').innerText()).toBe(
          'Rule 1: failed → team, room, events, and rings @here',
        );
        expect(await page.locator('#trial-messages .slack').first().innerText()).toContain(
          'Failed in production: <img src=x onerror=alert(1)>',
        );
        expect(await page.locator('#trial-messages .card').count()).toBe(3);
      }, patience);
      expect(await page.locator('img').count()).toBe(0);
    });

    test('another job is started and lights up what it passes through, and a refusal is said', async () => {
      const page = await open();
      await page.getByText('Start another job').click();
      await page.locator('#simulation').getByLabel('Name').fill('Started by hand');
      await page.locator('#simulation').getByLabel('It').selectOption('publishedNothing');
      const lit = ['environments', 'rules', 'channels'].map((part) => page.locator(`#flow-${part} li.lit`).first());
      expect(await page.locator('#flow-rules').innerText()).toMatch(/failed\s+→\s+team, room, events\s+@here/);
      await page.getByRole('button', { name: 'Start', exact: true }).click();
      await page.mouse.move(0, 0);
      await Promise.all(lit.map((part) => part.waitFor()));
      await vi.waitFor(async () => {
        const row = page.locator('#jobs > li').filter({ hasText: 'Started by hand' });
        expect(await row.innerText()).toMatch(/^○\s+Published nothing/);
      }, patience);
      await page.route('**/simulation/jobs', (route) => route.abort('connectionrefused'));
      await page.getByRole('button', { name: 'Start', exact: true }).click();
      await page.getByText('The notifier does not answer.').waitFor();
    });

    test('two tabs show the same, and what is broken in one is broken in the other', async () => {
      const [one, other] = [await open(), await open()];
      await one.getByRole('button', { name: 'Slack is away' }).click();
      const result = other.locator('#break-slack');
      await vi.waitFor(
        async () => expect(await result.innerText()).toMatch(/^\d+ due, \d+ delivered, 0 lost, 0 repeated/),
        patience,
      );
      const messages = (page: typeof one) => page.locator('#feed .card').allInnerTexts();
      await one.mouse.move(0, 0);
      await vi.waitFor(async () => expect(await messages(one)).toEqual(await messages(other)), patience);
    });
  },
);

/** Notes whatever moves without the reader's doing, but for the feed of messages, in which the pointer is not. */
const observeShifts = `
  globalThis.shifts = [];
  new PerformanceObserver((list) => {
    for (const { sources } of list.getEntries()) {
      const moved = sources.map(({ node }) => node?.nodeType === 1 ? node : node?.parentElement).filter((node) => node && !node.closest('#feed-section'));
      shifts.push(...moved.map((node) => node.outerHTML.slice(0, 200)));
    }
  }).observe({ type: 'layout-shift' });
`;
