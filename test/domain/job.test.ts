import { expect, test } from 'vitest';
import { inDocumentedSpelling, isTerminal, nameInKey } from '../../lib/domain/job.ts';

test.each([
  ['Completed', 'Completed'],
  ['RUNNING', 'Running'],
  ['cancelled', 'Canceled'],
  ['Cancelling', 'Canceling'],
  ['Recancelled', 'Recancelled'],
  ['Paused by somebody', 'Paused by somebody'],
])('the status %s is read as %s', (written, read) => {
  expect(inDocumentedSpelling(written)).toBe(read);
});

test('a status is terminal if a job never leaves it', () => {
  const terminal = ['Queued', 'Running', 'Canceling', 'Completed', 'Failed', 'Canceled', null].filter(isTerminal);
  expect(terminal).toEqual(['Completed', 'Failed', 'Canceled']);
});

test('the key of a job ends the name of its environment at the first #', () => {
  expect(nameInKey('production#job#1')).toEqual({ environment: 'production', jobId: 'job#1' });
});
