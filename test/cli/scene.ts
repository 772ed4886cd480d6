/** The world, the notifier and the clock of the tests of commands. */

import { afterEach, beforeEach } from 'vitest';
import { deploy, type Notifier } from '../support/notifier.ts';
import { type ConfigDocument, startWorld, type World } from '../support/world.ts';

/** Starts a world with a notifier before each test, and closes it afterwards. */
export function useScene(configure = (world: World): ConfigDocument => world.config()) {
  const scene = {} as { world: World; notifier: Notifier };
  beforeEach(async () => {
    scene.world = await startWorld();
    scene.notifier = deploy(scene.world, { config: configure(scene.world) });
  });
  afterEach(() => scene.world.close());
  return scene;
}

/** The notifier's dependencies with a clock whose waits take no time: each wait runs the next of these steps. */
export function stepping({ deps, clock }: Notifier, steps: (() => unknown)[]): Notifier['deps'] {
  const left = [...steps];
  const wait = async (ms: number) => {
    clock.advance(ms);
    await left.shift()?.();
  };
  return { ...deps, clock: { now: clock.now, wait } };
}
