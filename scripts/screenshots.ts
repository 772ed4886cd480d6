/**
 * `npm run screenshots`: the pictures in docs/images/. Starts a demo in a temporary folder, waits for its first minute,
 * and photographs the page with a headless Chromium (`CHROMIUM`, or `chromium` on the path).
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const pathOf = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** What expressions may use: the message of a Slack webhook whose title contains a text, and the job that contains one. */
const finders = `
  const message = (text) => [...document.querySelectorAll('#feed .card')].find((one) =>
    one.querySelector('.card-head .quiet').textContent === 'slack' && one.querySelector('.block-header').textContent.includes(text));
  const job = (text) => [...document.querySelectorAll('#jobs > li')].find((one) => one.textContent.includes(text));`;

/** The Slack messages that the README shows. */
const pictures = [
  ['slack-failed.png', 'Failed in production: Whole environment'],
  ['slack-completed.png', 'Completed in production: Nightly site publish'],
] as const;

const folder = await mkdtemp(join(tmpdir(), 'screenshots-'));
// Without the caller's environment: credentials would turn the demo into the real thing.
const demo = spawn(process.execPath, [pathOf('local/start.ts')], {
  cwd: folder,
  env: { PORT: '0', DATA_DIR: join(folder, 'data') },
});
const browser = spawn(process.env['CHROMIUM'] ?? 'chromium', [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--hide-scrollbars'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  ...['--remote-debugging-port=0', `--user-data-dir=${join(folder, 'browser')}`],
]);

try {
  const [devTools, page] = await Promise.all([
    printed(browser, /DevTools listening on ws:\/\/(\S+?)\//),
    printed(demo, /page +(http:\S+)/),
  ]);
  const { call, close } = await openTab(`http://${devTools}`, page);
  await show(
    call,
    { width: 1280, height: 940, scale: 1 },
    'job("Whole environment")?.querySelectorAll(".notified-one.sent").length >= 2',
  );
  await capture(call, 'page.png', 'document.body');
  for (const [file, title] of pictures) {
    await show(call, { width: 720, height: 1080, scale: 2 }, `message("${title}")`);
    await capture(call, file, `message("${title}")`);
  }
  close();
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`No screenshots: ${error instanceof Error ? error.message : error}\n`);
} finally {
  await Promise.all([stopped(demo), stopped(browser)]);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

type Call = (method: string, params: object) => Promise<{ result?: { value?: unknown }; data?: string }>;

/** The first match of a pattern in what a process prints. Rejects if the process cannot start, or ends before. */
function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const read = (chunk: Buffer) => {
      text += chunk;
      const [, found] = pattern.exec(text) ?? [];
      if (found) resolve(found);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.on('error', () =>
      reject(new Error(`${child.spawnfile} does not start. Set CHROMIUM to the path of Chromium.`)),
    );
    child.on('exit', () => reject(new Error(`${child.spawnfile} ended early:\n${text}`)));
  });
}

/** Opens an address in a new tab. https://chromedevtools.github.io/devtools-protocol/ */
async function openTab(devTools: string, address: string): Promise<{ call: Call; close: () => void }> {
  const response = await fetch(`${devTools}/json/new?${encodeURIComponent(address)}`, { method: 'PUT' });
  const { webSocketDebuggerUrl } = (await response.json()) as { webSocketDebuggerUrl: string };
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
  let calls = 0;
  const call: Call = (method, params) => {
    const id = ++calls;
    socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => {
      const read = ({ data }: MessageEvent) => {
        const response = JSON.parse(String(data));
        if (response.id !== id) return;
        socket.removeEventListener('message', read);
        if (response.error) reject(new Error(`${method}: ${response.error.message}`));
        else resolve(response.result);
      };
      socket.addEventListener('message', read);
    });
  };
  return { call, close: () => socket.close() };
}

/** In CSS pixels; `scale` is how many pixels of the picture each of them gets. */
interface Size {
  width: number;
  height: number;
  scale: number;
}

async function evaluate(call: Call, expression: string): Promise<unknown> {
  const { result } = await call('Runtime.evaluate', {
    expression: `(() => { ${finders} return ${expression}; })()`,
    returnByValue: true,
  });
  return result?.value;
}

/** Sets the size of the window, and waits until the page shows what the expression asks for. */
async function show(call: Call, { scale, ...size }: Size, expression: string): Promise<void> {
  await call('Emulation.setDeviceMetricsOverride', { ...size, deviceScaleFactor: scale, mobile: false });
  const until = Date.now() + 90_000;
  while (!(await evaluate(call, `Boolean(${expression})`))) {
    if (Date.now() > until) throw new Error(`the page never showed ${expression}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** Writes a picture of one element, cut to the height of the window. */
async function capture(call: Call, name: string, element: string): Promise<void> {
  const clip = await evaluate(
    call,
    `((shown) => {
      // A message may be out of sight in its list.
      shown.scrollIntoView({ block: 'nearest' });
      const { x, y, width, height } = shown.getBoundingClientRect();
      return { x: x + scrollX, y: y + scrollY, width, height: Math.min(height, innerHeight), scale: 1 };
    })(${element})`,
  );
  const { data = '' } = await call('Page.captureScreenshot', { format: 'png', clip, captureBeyondViewport: true });
  const file = `docs/images/${name}`;
  await writeFile(pathOf(file), Buffer.from(data, 'base64'));
  process.stdout.write(`${file}: ${Math.ceil((data.length * 3) / 4 / 1_024)} KB\n`);
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  await ended;
}
