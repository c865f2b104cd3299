import type { StateLook } from '../../store/look-at-state.ts';
import { pass, warn, type Check } from './check.ts';

/** Whether the state's database is whole, and of a version that this banger knows; that there is none yet is well. */
export function stateCheck(look: () => StateLook): Check {
  return {
    id: 'store.state',
    title: 'State',
    run: async () => {
      const seen = look();
      switch (seen.found) {
        case 'nothing':
          return pass(`${seen.file} is not there yet and will be made`);
        case 'held':
          return warn(
            `${seen.file} is held by a daemon, process ${seen.pid}, that could not be asked.`,
            `If no command reaches it in a while either, end it with \`kill ${seen.pid}\`: its VMs run on.`,
          );
        case 'whole': {
          const { file, version, newest } = seen;
          const next = version === newest ? '' : `; the next daemon brings it to ${newest}`;
          return pass(`${file}, version ${version}${next}`);
        }
      }
    },
  };
}
