import { join } from 'node:path';

/** Where the programs of one installation lie: a checkout, or a folder with the bundles. */
export interface Installation {
  /** The checkout, or the folder with the bundles; absolute. */
  readonly root: string;
  /** The argv that starts the daemon, without options: this very Node and the daemon's main module. */
  readonly daemon: readonly [node: string, main: string];
  /** The folder with what is made from C: `guest/` and `netguard/`, each with the files of its Makefile. */
  readonly assets: string;
}

/** Put in place by the bundler (scripts/build/); absent when the sources run as they are. */
declare const BANGER_BUNDLED: true;

/** Found from where this module lies, so that it holds in any working directory and through symbolic links. */
export function installation(): Installation {
  if (typeof BANGER_BUNDLED !== 'undefined') {
    // Every file of a bundle lies in one folder.
    const root = import.meta.dirname;
    return { root, daemon: [process.execPath, join(root, 'bangerd.mjs')], assets: root };
  }
  const root = join(import.meta.dirname, '../../..');
  return {
    root,
    daemon: [process.execPath, join(root, 'packages/daemon/src/main.ts')],
    assets: join(root, 'build'),
  };
}
