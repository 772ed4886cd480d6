/** The clock that follows the clock of a service. */

import { expect, test } from 'vitest';
import { createClock } from '../../lib/platform/clock.ts';
import { minute, second, start } from '../support/builders.ts';

/** A machine whose clock is off, and requests that take some time. */
function machine(offMs: number) {
  let time = start;
  const off = { ms: offMs };
  const clock = createClock(() => time + off.ms);
  return {
    clock,
    off,
    wrongMs: () => clock.now() - time,
    /** One request. `date` replaces the header of the response, which is written after half of the time. */
    request(tookMs: number, date?: string, writtenAfter = 0.5) {
      const correct = clock.beginRequest();
      time += tookMs * writtenAfter;
      const header = date ?? new Date(time).toUTCString();
      time += tookMs * (1 - writtenAfter);
      return correct(header);
    },
  };
}

test.each([240, -240, 7_200, 11])(
  'a clock that is %i s off is corrected by one response, to a second',
  (offSeconds) => {
    const { request, wrongMs, clock } = machine(offSeconds * second);
    const offsetMs = request(20);
    expect(offsetMs).toBe(clock.offsetMs());
    expect(Math.abs(wrongMs())).toBeLessThanOrEqual(second);
    for (let times = 0; times < 100; times++) expect(request(777)).toBeUndefined();
  },
);

test.each([0, 9, -9])('a clock that is %i s off stays as it is', (offSeconds) => {
  const { request, wrongMs } = machine(offSeconds * second);
  expect(request(20)).toBeUndefined();
  expect(wrongMs()).toBe(offSeconds * second);
});

test('a clock that is set right meanwhile is no longer corrected', () => {
  const { request, off, wrongMs } = machine(4 * minute);
  request(20);
  off.ms = 0;
  expect([request(20), wrongMs()]).toEqual([0, 0]);
});

test.each([0, 1])(
  'a process that is frozen during a request learns nothing wrong: written after %i of the time',
  (share) => {
    const { request } = machine(0);
    expect(request(10 * minute, undefined, share)).toBeUndefined();
  },
);

test.each(['', 'soon', '25:61'])('a header that is no date is ignored: "%s"', (date) => {
  expect(machine(4 * minute).request(20, date)).toBeUndefined();
});
