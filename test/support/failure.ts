import { expect } from 'vitest';
import { UpstreamError } from '../../lib/platform/errors.ts';

/** The `UpstreamError` with which some work fails. Fails the test if it succeeds, or fails with anything else. */
export async function failure(work: Promise<unknown>): Promise<UpstreamError> {
  const outcome = await work.then(
    () => new Error('it succeeded'),
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(UpstreamError);
  return outcome as UpstreamError;
}
