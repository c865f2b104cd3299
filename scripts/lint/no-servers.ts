import { child, children, nameOf, type LintRule } from './rule.ts';

/** What opens a listening socket, by the module that exports it. */
const SERVERS = new Map<string, readonly string[]>([
  ['node:net', ['createServer', 'Server']],
  ['node:http', ['createServer', 'Server']],
  ['node:https', ['createServer', 'Server']],
  ['node:http2', ['createServer', 'createSecureServer']],
  ['node:tls', ['createServer', 'Server']],
  ['node:dgram', ['createSocket', 'Socket']],
]);

/**
 * Listening sockets are opened by the daemon's `host/` alone, where their owner, mode and path length are taken care
 * of. Reports imports of server constructors and whole-module imports, behind which one would not be seen.
 */
export const noServers: LintRule = {
  meta: { type: 'problem' },
  create: (context) => ({
    ImportDeclaration(node) {
      const source = nameOf(child(node, 'source')) ?? '';
      const servers = SERVERS.get(source);
      if (servers === undefined || node['importKind'] === 'type') return;
      for (const specifier of children(node, 'specifiers')) {
        if (specifier['importKind'] === 'type') continue;
        const name = nameOf(child(specifier, 'imported'));
        if (name === undefined) {
          context.report({ node: specifier, message: `Import the functions of ${source} by name.` });
        } else if (servers.includes(name)) {
          context.report({
            node: specifier,
            message: `${name} of ${source}: only daemon/src/host opens servers.`,
          });
        }
      }
    },
  }),
};
