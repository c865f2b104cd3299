import { noServers } from './no-servers.ts';
import { noShell } from './no-shell.ts';

/** The lint rules of this repository, loaded by `.oxlintrc.json` under the name `banger`. */
export default {
  meta: { name: 'banger' },
  rules: { 'no-servers': noServers, 'no-shell': noShell },
};
