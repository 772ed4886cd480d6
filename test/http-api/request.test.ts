import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readJobName } from '../../lib/http-api/request.ts';
import { RequestError } from '../../lib/platform/errors.ts';

const one = ['production'];
const two = ['production', 'staging'];

function refusal(input: unknown, environments = two): RequestError {
  try {
    readJobName(input, environments);
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error('the name was accepted');
}

describe('a job is named', () => {
  test('by its id and its environment; other members are ignored', () => {
    const input = { jobId: 'job_41B25', environment: 'staging', status: 'Completed', jobKey: 'x' };
    expect(readJobName(input, two)).toEqual({ environment: 'staging', jobId: 'job_41B25' });
  });

  test('by its id alone when only one environment is configured', () => {
    expect(readJobName({ jobId: 'job_41B25' }, one)).toEqual({ environment: 'production', jobId: 'job_41B25' });
    expect(readJobName({ jobId: 'j', environment: undefined }, one)).toEqual({ environment: 'production', jobId: 'j' });
  });

  test('by an id of 1 to 128 allowed characters', () => {
    const all = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.~:;';
    for (const jobId of ['x', all, 'x'.repeat(128)]) expect(readJobName({ jobId }, one).jobId).toBe(jobId);
    fc.assert(
      fc.property(fc.string({ maxLength: 130 }), (jobId) => {
        const isAllowed = jobId.length > 0 && jobId.length <= 128 && [...jobId].every((one) => all.includes(one));
        if (isAllowed) expect(readJobName({ jobId }, one).jobId).toBe(jobId);
        else expect(refusal({ jobId }, one).status).toBe(400);
      }),
    );
  });
});

describe('refuses', () => {
  test.each<[sentence: string, input: unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'job_41B25'],
    ['a number', 41],
    ['a list', ['job_41B25']],
    ['a list with a job id', Object.assign([], { jobId: 'job_41B25' })],
    ['no job id', {}],
    ['no job id, but an environment that is not there', { environment: 'nowhere' }],
    ['a job id that is null', { jobId: null }],
    ['a job id that is a number', { jobId: 41 }],
    ['a job id that is a list', { jobId: ['job_41B25'] }],
    ['an empty job id', { jobId: '' }],
    ['a job id of 129 characters', { jobId: 'x'.repeat(129) }],
    ['a job id with a slash', { jobId: '../../secrets' }],
    ['a job id with a line break at its end', { jobId: 'job_41B25\n' }],
    ['a job id with a space', { jobId: 'job 41B25' }],
    ['a job id with a hash', { jobId: 'production#job' }],
    ['a job id with a percent sign', { jobId: 'job%2F' }],
    ['a job id with another alphabet', { jobId: 'jоb' }],
  ])('%s (400)', (_, input) => {
    expect(refusal(input)).toMatchObject({ status: 400, message: expect.stringMatching(/jobId/) });
  });

  test.each<[sentence: string, environment: unknown]>([
    ['missing, although several are configured', undefined],
    ['not configured', 'nowhere'],
    ['empty', ''],
    ['null', null],
    ['a list', ['production']],
    ['in capitals', 'Production'],
    ['the name of a member of every object', 'constructor'],
  ])('an environment that is %s (422), and names the configured ones', (_, environment) => {
    const { status, message } = refusal({ jobId: 'job_41B25', environment });
    expect([status, message]).toEqual([422, expect.stringMatching(/Configured environments: production, staging\.$/)]);
  });

  test('without repeating anything of the request', () => {
    const sent = '<script>alert(1)</script>';
    for (const input of [{ jobId: sent }, { jobId: 'job_41B25', environment: sent }]) {
      expect(refusal(input).message).not.toContain('script');
    }
  });
});
