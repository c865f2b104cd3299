import type { Leftover } from '../../domain/leftover.ts';
import type { OrphanFinder } from './finder.ts';

/** What a driver knows to be left by a daemon that was killed in the middle of something. */
export function halfMade(
  kind: string,
  title: string,
  driver: { leftovers(): Promise<readonly Leftover[]> },
): OrphanFinder {
  return {
    title,
    find: async () =>
      (await driver.leftovers()).map((leftover) => ({
        ...leftover,
        kind,
        remove: async () => {
          await leftover.remove();
          return true;
        },
      })),
  };
}
