/** Accessibility as axe sees it, in every size and mode in which the page is read. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type axe from 'axe-core';
import type { Page } from 'playwright-core';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Wide, a tablet, a phone, a small phone, and a wide screen at 200 % zoom. */
const widths = [1440, 820, 720, 390, 320];

const modes = [
  { colorScheme: 'light' },
  { colorScheme: 'dark' },
  { colorScheme: 'dark', forcedColors: 'active', reducedMotion: 'reduce' },
] as const;

/** What axe finds in any size and mode, each as one line. */
export async function violations(page: Page, sizes = widths): Promise<string[]> {
  await page.evaluate(source);
  const found: string[] = [];
  for (const mode of modes) {
    await page.emulateMedia({ forcedColors: 'none', reducedMotion: 'reduce', ...mode });
    for (const width of sizes) {
      await page.setViewportSize({ width, height: 900 });
      // Contrast is the dearest rule, and the same at every width but for what a phone hides.
      const contrast = width === 1440 || width === 390;
      const each = await page.evaluate(async (enabled) => {
        const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run({
          resultTypes: ['violations'],
          rules: { 'color-contrast': { enabled } },
        });
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
      }, contrast);
      found.push(...each.map((line) => `${width} ${JSON.stringify(mode)} ${line}`));
    }
  }
  return found;
}

/** What is wider than the page, at each width at which it would have to be scrolled sideways. */
export async function tooWide(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 });
    found.push(...(await page.evaluate<string[]>(widerThanPage)).map((element) => `${width} ${element}`));
  }
  return found;
}

const widerThanPage = `(() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const isWide = (element) => element.getBoundingClientRect().right > clientWidth;
  return ['page', ...[...document.body.querySelectorAll('*')].filter(isWide).map(({ outerHTML }) => outerHTML.slice(0, 150))];
})()`;
