import { checkoutBuild } from './checkout-build.ts';
import type { Build } from './daemon.ts';
import { installation } from './installation.ts';

/** Put in place by the bundler (scripts/build/); absent when the sources run as they are. */
declare const BANGER_BUILD: Build;
/** Likewise; a constant by which the bundler leaves out what only a checkout needs. */
declare const BANGER_BUNDLED: true;

let known: Build | undefined;

/**
 * The build of this program, as it was when first asked: a daemon keeps its own while the checkout changes. Command
 * line and daemon of one installation have the same `build`; bundles have it from a hash over their sources, programs
 * that run from a checkout one that starts with `dev-`.
 */
export function buildInfo(): Build {
  known ??= typeof BANGER_BUNDLED === 'undefined' ? checkoutBuild(installation().root) : BANGER_BUILD;
  return known;
}
