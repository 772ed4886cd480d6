import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs, clampWaitMs, deliveryWaitMs } from '../../lib/domain/backoff.ts';
import { parseRetryAfter } from '../../lib/platform/http.ts';
import { minute } from '../support/builders.ts';

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
])('a requested wait of %d ms becomes %d ms', (asked, expected) => {
  expect(clampWaitMs(asked)).toBe(expected);
});

describe('the wait before a delivery is tried again', () => {
  const attempt = { attempts: 3, needsOperator: false, isDeduplicated: false };
  test.each<[sentence: string, values: Partial<Parameters<typeof deliveryWaitMs>[0]>, ms: number]>([
    ['grows with the attempts', {}, backoffMs(3)],
    ['is the longest at once when an operator has to act', { attempts: 1, needsOperator: true }, 15 * minute],
    ['is the one that the channel asks for', { retryAfterMs: 30_000 }, 30_000],
    ['is 15 minutes at most, whatever the channel asks for', { retryAfterMs: 3_600_000 }, 15 * minute],
    ['is short while the channel deduplicates', { isDeduplicated: true }, minute],
    ['is the one that the channel asks for even then', { isDeduplicated: true, retryAfterMs: 120_000 }, 120_000],
  ])('%s', (_, values, ms) => {
    expect(deliveryWaitMs({ ...attempt, ...values })).toBe(ms);
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
    // JavaScript parses these as dates, but they are none.
    ['-5', undefined],
    ['1.5', undefined],
    ['5, 10', undefined],
    ['not before Thu, 01 Jan 2026 10:00:30 GMT', undefined],
    ['Thu, 01 Jan 2026 10:00:30 GMT-0200', undefined],
  ])('%j is a wait of %j ms', (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });

  test('is never negative or NaN', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double().map(String), fc.date().map(String)), (header) => {
        const wait = parseRetryAfter(header, now);
        expect(wait === undefined || (wait >= 0 && Number.isFinite(wait))).toBe(true);
      }),
    );
  });
});
