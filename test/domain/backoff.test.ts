import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs, clampWaitMs, deliveryWaitMs } from '../../lib/domain/backoff.ts';
import { parseRetryAfter } from '../../lib/platform/http.ts';

const minute = 60_000;
const now = Date.parse('2026-01-01T10:00:00.000Z');

test.each([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 5],
  [4, 10],
  [5, 15],
  [6, 15],
  [10_000, 15],
])('after %d failures in a row the wait is %d minutes', (failures, minutes) => {
  expect(backoffMs(failures)).toBe(minutes * minute);
});

test.each([
  [-5, 1_000],
  [0, 1_000],
  [1_000, 1_000],
  [1_001, 1_001],
  [15 * minute, 15 * minute],
  [15 * minute + 1, 15 * minute],
  [Number.POSITIVE_INFINITY, 15 * minute],
])('a wait of %d ms that somebody asked for is one of %d', (asked, expected) => {
  expect(clampWaitMs(asked)).toBe(expected);
});

describe('the wait before a delivery is tried again', () => {
  const attempt = { attempts: 1, needsOperator: false, isDeduplicated: false };
  test.each<[sentence: string, values: Partial<Parameters<typeof deliveryWaitMs>[0]>, minutes: number]>([
    ['grows: after the first attempt', {}, 1],
    ['grows: after the second', { attempts: 2 }, 2],
    ['grows: after the third', { attempts: 3 }, 5],
    ['grows: after the fourth', { attempts: 4 }, 10],
    ['grows no more after the fifth', { attempts: 50 }, 15],
    ['is long from the beginning when somebody has to act', { needsOperator: true }, 15],
    ['is as long as was asked for', { attempts: 50, retryAfterMs: 30_000 }, 0.5],
    ['is not longer than 15 minutes, whoever asks', { retryAfterMs: 3_600_000 }, 15],
    ['is short while the channel would recognise a repetition', { attempts: 50, isDeduplicated: true }, 1],
    ['is as long as was asked for even then', { isDeduplicated: true, retryAfterMs: 2 * minute }, 2],
  ])('%s', (_, values, minutes) => {
    expect(deliveryWaitMs({ ...attempt, ...values })).toBe(minutes * minute);
  });
});

describe('Retry-After', () => {
  test.each<[header: string | undefined, expected: number | undefined]>([
    [undefined, undefined],
    ['', undefined],
    ['0', 0],
    ['30', 30_000],
    [' 30 ', 30_000],
    ['007', 7_000],
    ['Thu, 01 Jan 2026 10:00:30 GMT', 30_000],
    [' Thu, 01 Jan 2026 10:00:30 GMT ', 30_000],
    ['Thursday, 01-Jan-26 10:00:30 GMT', 30_000],
    ['Thu, 01 Jan 2026 09:59:00 GMT', 0],
    ['soon', undefined],
    ['30s', undefined],
    ['30 seconds', undefined],
    // These are no dates, although JavaScript reads one into them.
    ['-5', undefined],
    ['1.5', undefined],
    ['5, 10', undefined],
    ['not before Thu, 01 Jan 2026 10:00:30 GMT', undefined],
    ['Thu, 01 Jan 2026 10:00:30 GMT-0200', undefined],
  ])('of %j is a wait of %j ms', (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });

  test('is never a wait that is negative or no number', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double().map(String), fc.date().map(String)), (header) => {
        const wait = parseRetryAfter(header, now);
        expect(wait === undefined || (wait >= 0 && Number.isFinite(wait))).toBe(true);
      }),
    );
  });
});
