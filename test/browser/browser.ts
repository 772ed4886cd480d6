/** A real browser for the page of `npm start`; without one these tests are skipped, and say so. */
import { existsSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { addressOf, type NotifierProcess, startNotifier } from '../local/notifier-process.ts';

const executablePath = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
  .filter((path) => path !== undefined)
  .find((path) => existsSync(path));

/** Debian's Chromium as root, alone on this machine. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** What a test of the page works with. */
export interface Visit {
  /** Opens the page and waits until it shows its first job; whatever the page complains about fails the test file. */
  open: (options?: BrowserContextOptions) => Promise<Page>;
  notifier: () => NotifierProcess;
  url: () => string;
  /** Starts the notifier, on the same folder and the same port if it ran before. */
  start: () => Promise<void>;
}

/** Conditions are met in seconds; a machine that is busy may take longer. */
export const patience = { timeout: 60_000, interval: 50 };

/** Describes the page of a notifier that was started with these environment variables, in a browser. */
export function describePage(name: string, env: () => Record<string, string>, tests: (visit: Visit) => void): void {
  if (executablePath === undefined) {
    writeSync(2, `skipped, because there is no Chromium (apt-get install chromium, or set CHROMIUM): ${name}\n`);
  }
  describe.skipIf(executablePath === undefined)(name, { timeout: 120_000 }, () => {
    let browser: Browser;
    let folder: string;
    let notifier: NotifierProcess;
    let url = '';
    const complaints: string[] = [];

    const start = async () => {
      const port = url ? { PORT: new URL(url).port } : {};
      notifier = startNotifier({ DATA_DIR: folder, ...env(), ...port });
      url = await addressOf(notifier);
    };
    const open = async (options: BrowserContextOptions = {}) => {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
      context.setDefaultTimeout(patience.timeout);
      const page = await context.newPage();
      page.on('pageerror', ({ message }) => complaints.push(message));
      page.on('console', (said) => {
        // A server that is gone is none of the page's faults.
        if (said.type() === 'error' && !/ERR_(CONNECTION|INCOMPLETE|EMPTY)/.test(said.text()))
          complaints.push(said.text());
      });
      await page.goto(url);
      await page.locator('#main:not([aria-busy])').waitFor();
      return page;
    };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'notifier-'));
      [browser] = await Promise.all([chromium.launch({ executablePath: `${executablePath}`, args }), start()]);
    }, 60_000);
    afterAll(async () => {
      await Promise.all([browser?.close(), notifier?.stop('SIGKILL')]);
      await rm(folder, { recursive: true });
      expect(complaints).toEqual([]);
    });
    tests({ open, notifier: () => notifier, url: () => url, start });
  });
}
