import type { Page } from 'playwright-core';
import { expect, test, vi } from 'vitest';
import { tooWide, violations } from './axe.ts';
import { describePage, patience } from './browser.ts';

const focused = (page: Page) =>
  page.evaluate<{ text: string; isSeen: boolean; id: string }>(`(() => {
    const { activeElement: element } = document;
    const { outlineWidth, outlineStyle } = getComputedStyle(element);
    return { text: element.innerText ?? '', id: element.id, isSeen: parseFloat(outlineWidth) >= 2 && outlineStyle !== 'none' };
  })()`);

/** Goes on with Tab until that is so, and gives what had the focus on the way. */
async function tabTo(page: Page, isThere: (element: { text: string; id: string }) => boolean) {
  const way: { text: string; isSeen: boolean; id: string }[] = [];
  for (let step = 0; step < 60; step++) {
    await page.keyboard.press('Tab');
    const element = await focused(page);
    way.push(element);
    if (isThere(element)) return way;
  }
  throw new Error(`never reached: ${way.map(({ text, id }) => text || id).join(' | ')}`);
}

describePage(
  'reading the page',
  () => ({ SIMULATION_SPEED: '8', SWEEP_SECONDS: '0.2' }),
  ({ open }) => {
    test('everything can be done by keyboard alone, and the focus is seen wherever it is', async () => {
      const page = await open();
      await page.locator('#jobs > li').nth(5).waitFor();
      const start = await tabTo(page, ({ text }) => text === 'Skip to the jobs');
      expect(start).toHaveLength(1);
      const way = [...start, ...(await tabTo(page, ({ text }) => text === 'Kill the worker now'))];
      await page.keyboard.press('Enter');
      const li = page.locator('#breaks li:has([value="kill"])');
      await vi.waitFor(async () => expect(await li.getAttribute('data-phase')).toBe('done'), patience);
      expect((await focused(page)).text).toBe('Kill the worker now');

      way.push(...(await tabTo(page, ({ text }) => text.includes('Whole environment'))));
      await page.keyboard.press('Enter');
      await page.locator('.job[open] .timeline').waitFor();
      way.push(...(await tabTo(page, ({ text }) => text === 'JSON document for systems')));
      await page.keyboard.press('Enter');
      way.push(...(await tabTo(page, ({ text }) => text.startsWith('Try the rules'))));
      await page.keyboard.press('Enter');
      way.push(...(await tabTo(page, ({ id }) => id === 'trial-outcome')));
      await page.keyboard.press('f');
      await page.getByText('Rule 1: failed → team, room, events, and rings @here').waitFor();
      expect(way.filter(({ isSeen }) => !isSeen)).toEqual([]);
    });

    test('axe finds nothing, and nothing is too wide, in any size and mode', async () => {
      const page = await open();
      await page.locator('#jobs > li').nth(5).waitFor();
      expect(await violations(page)).toEqual([]);
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.locator('#jobs > li summary').nth(1).click();
      await page.locator('.job[open] .timeline').waitFor();
      await page.locator('.job[open]').getByText('JSON document for systems').click();
      await page.locator('#feed .thread > summary').first().click();
      await page.locator('#trial-section > summary').click();
      await page.locator('#trial-messages .card').first().waitFor();
      await page.getByText('Start another job').click();
      expect(await violations(page)).toEqual([]);
      expect(await tooWide(page)).toEqual([]);
    });

    test('on a phone the page with six jobs is at most three screens tall, and a touch opens a row', async () => {
      const page = await open({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
      await page.locator('#jobs > li').nth(5).waitFor();
      const extra = (await page.locator('#jobs > li').count()) - 6;
      const rowHeight = (await page.locator('#jobs > li').first().boundingBox())?.height ?? 0;
      const height = await page.evaluate<number>('document.documentElement.scrollHeight');
      expect(height - extra * rowHeight).toBeLessThanOrEqual(3 * 844);
      await page.locator('#jobs > li summary').first().tap();
      await page.locator('.job[open] .timeline').waitFor();
    });

    test('who wants no motion gets none, and dark is dark', async () => {
      const page = await open({ reducedMotion: 'reduce', colorScheme: 'dark' });
      await page.evaluate("fetch('/simulation/jobs', { method: 'POST', body: '{\"seconds\":60}' })");
      await page.mouse.move(0, 0);
      await page.locator('.pill.running').first().waitFor();
      expect(
        await page.evaluate("getComputedStyle(document.querySelector('.pill.running'), '::before').animationName"),
      ).toBe('none');
      expect(await page.evaluate("getComputedStyle(document.querySelector('.flow li')).transitionDuration")).toBe('0s');
      expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(18, 20, 23)');
    });
  },
);
