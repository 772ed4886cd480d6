import { expect, test, vi } from 'vitest';
import { violations } from './axe.ts';
import { describePage, patience } from './browser.ts';

describePage(
  'the connection',
  () => ({ SIMULATION_SPEED: '1', SWEEP_SECONDS: '0.5' }),
  ({ open, notifier, start }) => {
    test('when the notifier is gone the page says so, and its clocks and pulses stop; when it is back it goes on', async () => {
      const page = await open();
      await page.clock.install();
      await page.reload();
      const running = page.locator('.pill.running').first();
      await running.waitFor();
      expect(await page.locator('#connection').innerText()).toBe('Live');
      const since = () => page.locator('.since').allInnerTexts();
      const before = await since();
      await page.clock.runFor(5_000);
      expect(await since()).not.toEqual(before);
      const pulse = "getComputedStyle(document.querySelector('.pill.running'), '::before').animationName";
      expect(await page.evaluate(pulse)).toBe('pulse');

      await notifier().stop('SIGKILL');
      await page.getByRole('alert').filter({ hasText: 'Not connected' }).waitFor();
      expect(await page.locator('#lost').innerText()).toMatch(/has not answered since .+ npm start/);
      const stopped = await since();
      await page.clock.runFor(60_000);
      expect(await since()).toEqual(stopped);
      expect(await page.evaluate(pulse)).toBe('none');
      expect(await page.evaluate('document.title')).toMatch(/^Not connected/);
      expect(await violations(page, [1440, 390])).toEqual([]);

      const jobs = await page.locator('#jobs .name').allInnerTexts();
      await start();
      await vi.waitFor(async () => {
        await page.clock.runFor(1_000);
        expect(await page.locator('#lost').isHidden()).toBe(true);
      }, patience);
      await vi.waitFor(async () => {
        const names = await page.locator('#jobs .name').allInnerTexts();
        expect(names).toEqual(expect.arrayContaining(jobs));
        expect(new Set(names).size).toBe(names.length);
      }, patience);
    });
  },
);
