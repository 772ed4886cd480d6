import type { Page } from 'playwright-core';
import { expect, test, vi } from 'vitest';
import { describePage, patience } from './browser.ts';

/**
 * The heights of a channel's Slack messages in the feed, by title, without what Slack adds about threads and edits. `width`
 * is that of the message, null: as it is.
 */
const heights = (page: Page, channel: string, width: number | null) =>
  page.evaluate<
    Record<string, number>
  >(`Object.fromEntries([...document.querySelectorAll('#feed [data-channel="${channel}"] > .slack')].map((message) => {
    const copy = message.cloneNode(true);
    for (const part of copy.querySelectorAll('.in-thread, .thread')) part.remove();
    if (${width}) copy.style.width = '${width}px';
    (${width} ? document.body : message.parentElement).append(copy);
    const { height } = copy.getBoundingClientRect();
    copy.remove();
    return [copy.querySelector('.block-header').textContent, height];
  }))`);

const titles = {
  completed: '✓ Completed in production: Nightly site publish',
  withWarnings: '⚠ Completed with warnings in production: Product catalogue, spring prices',
  failed: '✕ Failed in production: Whole environment',
  canceled: '⊘ Canceled in production: Home page, new hero image',
  stuck: '‖ Stuck in production: Media library, autumn campaign',
};
const others = [titles.withWarnings, titles.failed, titles.canceled];

describePage(
  'the messages on the page',
  () => ({ SIMULATION_SPEED: '8', SWEEP_SECONDS: '0.2' }),
  ({ open }) => {
    const shownAll = (page: Page) =>
      vi.waitFor(async () => {
        const [team, room] = [await heights(page, 'team', null), await heights(page, 'room', null)];
        expect(Object.values(titles).filter((title) => !(title in team))).toEqual([]);
        expect([titles.completed, ...others].filter((title) => !(title in room))).toEqual([]);
      }, patience);

    test.each([
      ['600 pixels wide', { width: 1440, height: 900 }, 600],
      ['on a phone', { width: 390, height: 844 }, null],
    ])('a success in Slack is 120 pixels high at most, and anything else 200: %s', async (_, viewport, width) => {
      const page = await open({ viewport, ...(width ? {} : { isMobile: true, hasTouch: true }) });
      await shownAll(page);
      // Below its message, the app says when the job started.
      const lines = { team: 0, room: 16 };
      for (const channel of ['team', 'room'] as const) {
        const all = await heights(page, channel, width);
        expect(all[titles.completed], channel).toBeLessThanOrEqual(120 + lines[channel]);
        expect(others.filter((title) => !((all[title] ?? Number.NaN) <= 200 + lines[channel]))).toEqual([]);
      }
      expect((await heights(page, 'team', width))[titles.stuck]).toBeLessThanOrEqual(200);
    });

    test('an outcome has the same icon in its row, in Slack and in the e-mail, and a bar in the color of its tone', async () => {
      const page = await open();
      await shownAll(page);
      const card = page.locator('#feed .card:not([data-channel="room"])', { hasText: titles.failed });
      expect(await card.locator('.block-header, .subject').allInnerTexts()).toEqual([titles.failed, titles.failed]);
      const row = page.locator('#jobs > li', { hasText: 'Whole environment' });
      expect(await row.locator('.pill').innerText()).toMatch(/^✕\s+Failed$/);
      const bar = (title: string) =>
        page.evaluate<string>(`getComputedStyle([...document.querySelectorAll('#feed .slack')]
          .find((one) => one.textContent.includes('${title}')).querySelector('.attachment')).borderLeftColor`);
      expect(await Promise.all([titles.completed, titles.failed, titles.canceled].map(bar))).toEqual([
        'rgb(46, 158, 107)',
        'rgb(214, 69, 69)',
        'rgb(138, 147, 160)',
      ]);
    });

    test('the link of a message opens the row of its job', async () => {
      const page = await open();
      await shownAll(page);
      const link = page
        .locator('#feed [data-channel="team"]', { hasText: titles.failed })
        .getByRole('link', { name: 'Open the job' });
      const { hash } = new URL(`${await link.getAttribute('href')}`);
      await page.evaluate(`location.hash = '${hash}'`);
      await page.locator('.job[open] .timeline').waitFor();
      expect(await page.locator('.job[open] .name').innerText()).toBe('Whole environment');
    });
  },
);
