/** A worker killed at every call: no message is lost, and none is repeated that need not be. */

import { expect, test } from 'vitest';
import { runKills } from './kill.ts';
import type { KillFigures } from './kill-figures.ts';
import { killScenarios, slackAppScenarios } from './kill-scenarios.ts';

const kept: Record<string, Promise<KillFigures>> = {};
/** The figures of one scenario, which runs only once. */
const figuresOf = (name: string): Promise<KillFigures> => {
  const scenarios = [...killScenarios, ...slackAppScenarios].filter((scenario) => scenario.name === name);
  kept[name] ??= runKills({ scenarios });
  return kept[name];
};
const promised = { broken: [], lost: 0, repeated: 0 };
const timeoutMs = 60_000;

test.each(killScenarios)(
  '$name, killed at every call: every channel receives its messages, and only ambiguous ones again',
  async ({ name }) => {
    const figures = await figuresOf(name);
    expect(figures).toMatchObject({ ...promised, sent: figures.expected });
    expect(figures.points).toBeGreaterThanOrEqual(2 * figures.crossings.size);
  },
  timeoutMs,
);

test.each(slackAppScenarios)(
  'the Slack app, killed at every call, has one message, and repeats nothing: $name',
  async ({ name }) => {
    const figures = await figuresOf(name);
    expect(figures).toMatchObject({ ...promised, repeatedUnavoidably: 0, sent: figures.expected });
  },
  timeoutMs,
);

test(
  'the Slack app is killed around every call to Slack',
  async () => {
    const all = await Promise.all(slackAppScenarios.map(({ name }) => figuresOf(name)));
    const calls = new Set(all.flatMap(({ crossings }) => [...crossings]));
    expect([...calls].filter((call) => call.startsWith('room.')).sort()).toEqual([
      'room.edit',
      'room.look',
      'room.post',
      'room.reply',
    ]);
  },
  timeoutMs,
);

test(
  'a worker is killed around every kind of call that leaves it',
  async () => {
    const { crossings } = await figuresOf('a correction while a delivery is pending');
    expect([...crossings].sort()).toEqual([
      'api',
      'fifo',
      'slack',
      'store.claimTime',
      'store.due',
      'store.get',
      'store.readMarks',
      'store.save',
      'store.saveDelivery',
      'store.writeMark',
      'token',
      'topic',
    ]);
  },
  timeoutMs,
);

test(
  'only messages accepted without a stored receipt are repeated; a FIFO topic repeats none',
  async () => {
    const { holes, repeatedUnavoidably } = await figuresOf('a sweep that finds the end');
    expect(Object.values(holes).reduce((sum, count) => sum + count)).toBe(repeatedUnavoidably);
    const deaths = Object.keys(holes);
    expect(deaths).toEqual(expect.arrayContaining(['slack: killed after slack', 'topic: killed after topic']));
    expect(deaths.filter((death) => !/^(slack|topic): /.test(death))).toEqual([]);
    // Before the first message, and after the last receipt is stored, nothing is ambiguous.
    expect(deaths.filter((death) => /token|api|readMarks|due|store\.get|store\.save$/.test(death))).toEqual([]);
  },
  timeoutMs,
);

test(
  'the worker that takes over can die as well',
  async () => {
    const [inRoom] = slackAppScenarios.filter(({ name }) => name.startsWith('the answer to a reply is lost'));
    const others = killScenarios.filter(({ name }) => name === 'the later of two sweeps');
    for (const scenarios of [others, inRoom ? [inRoom] : []]) {
      const figures = await runKills({ scenarios, deaths: 2 });
      expect(figures).toMatchObject({ ...promised, sent: figures.expected });
      expect(figures.points).toBeGreaterThan(90);
    }
  },
  timeoutMs,
);
