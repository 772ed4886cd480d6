/** A worker killed at every step: nothing is lost, and nothing comes twice that need not. */

import { expect, test } from 'vitest';
import { runKills } from './kill.ts';
import type { KillFigures } from './kill-figures.ts';
import { killScenarios } from './kill-scenarios.ts';

const kept: Record<string, Promise<KillFigures>> = {};
/** The figures of one scenario, which is run once. */
const figuresOf = (name: string): Promise<KillFigures> => {
  const scenarios = killScenarios.filter((scenario) => scenario.name === name);
  kept[name] ??= runKills({ scenarios });
  return kept[name];
};
const promised = { broken: [], lost: 0, repeated: 0 };
const timeoutMs = 60_000;

test.each(killScenarios)(
  '$name, killed at every step: every channel has its messages, and once but for what was in doubt',
  async ({ name }) => {
    const figures = await figuresOf(name);
    expect(figures).toMatchObject({ ...promised, sent: figures.expected });
    expect(figures.points).toBeGreaterThanOrEqual(2 * figures.crossings.size);
  },
  timeoutMs,
);

test(
  'the points lie around everything that leaves a worker',
  async () => {
    const { crossings } = await figuresOf('a correction while a delivery is pending');
    expect([...crossings].sort()).toEqual([
      'api',
      'fifo',
      'slack',
      'store.due',
      'store.get',
      'store.readMarks',
      'store.removeMark',
      'store.save',
      'store.saveDelivery',
      'token',
      'topic',
    ]);
  },
  timeoutMs,
);

test(
  'what comes twice was accepted and its receipt not stored; on a FIFO topic nothing comes twice',
  async () => {
    const { holes, repeatedUnavoidably } = await figuresOf('a sweep that finds the end');
    expect(Object.values(holes).reduce((sum, count) => sum + count)).toBe(repeatedUnavoidably);
    const places = Object.keys(holes);
    expect(places).toEqual(expect.arrayContaining(['slack: killed after slack', 'topic: killed after topic']));
    expect(places.filter((place) => !/^(slack|topic): /.test(place))).toEqual([]);
    // Before the first message, and once all receipts are stored, nothing is in doubt.
    expect(places.filter((place) => /token|api|readMarks|due|store\.get|store\.save$/.test(place))).toEqual([]);
  },
  timeoutMs,
);

test(
  'the worker that takes over may die as well',
  async () => {
    const scenarios = killScenarios.filter(({ name }) => name === 'the later of two sweeps');
    const figures = await runKills({ scenarios, deaths: 2 });
    expect(figures).toMatchObject({ ...promised, sent: figures.expected });
    expect(figures.points).toBeGreaterThan(90);
  },
  timeoutMs,
);
