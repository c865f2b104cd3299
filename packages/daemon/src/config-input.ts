import type { BangerPaths } from '@banger/contract/paths';
import type { ConfigInput } from './config/load.ts';
import { hostSize } from './host/size.ts';

/** What this process makes its configuration from. */
export function configInput(paths: BangerPaths): ConfigInput {
  return {
    file: paths.configFile,
    uid: process.getuid?.() ?? 0,
    env: process.env,
    host: hostSize(),
  };
}
