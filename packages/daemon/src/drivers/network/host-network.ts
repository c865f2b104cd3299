import { z } from 'zod';
import { BangerError } from '@banger/contract/error';
import type { Runner } from '../../host/runner.ts';
import { parsePrefix, type Prefix } from './prefix.ts';

/** What this host's routing means for a user-mode network. */
export interface HostNetwork {
  /** Whether there is a default route. */
  readonly ipv4: boolean;
  /** Whether there is a default route and an interface that can stand for IPv6 (one with a link-local address). */
  readonly ipv6: boolean;
  /** Interface that passt takes as its template. */
  readonly template: string;
  /** Ranges that this host has for itself or a route to. */
  readonly taken: readonly Prefix[];
}

/** `ip` answers in milliseconds; this bounds a kernel that is stuck. */
const IP_TIMEOUT_MS = 10_000;

/** Of an answer that is not understood: enough to see what it is. */
const TOLD_CHARACTERS = 1_000;

/** Always there, and enough of a template for IPv4. */
const LOOPBACK = 'lo';

/** Routes that lead nowhere: they reserve no range. */
const NOWHERE = new Set(['unreachable', 'blackhole', 'prohibit', 'throw', 'multicast']);

const routeList = z.array(
  z.object({
    dst: z.string(),
    type: z.string().optional(),
    dev: z.string().optional(),
    table: z.string().optional(),
  }),
);

const linkList = z.array(
  z.object({
    ifname: z.string().optional(),
    addr_info: z.array(z.object({ family: z.string().optional() })).optional(),
  }),
);

const answers = z.tuple([routeList, routeList, linkList]);

/** All that is asked of `ip`, in one process: routes of every table, IPv4 and IPv6 apart as a default route does not say which it is. */
const QUESTIONS = [
  'route show table all root 0.0.0.0/0',
  'route show table all root ::/0',
  'address show scope link',
] as const;

/**
 * Reads every routing table and the interfaces with an IPv6 link-local address, by `ip` of iproute2. Rejects with `missing_tool`,
 * `command_failed`, or `network_failed` when its answer cannot be understood.
 */
export async function readHostNetwork(runner: Runner, signal?: AbortSignal): Promise<HostNetwork> {
  const { stdout } = await runner.run(['ip', '-j', '-batch', '-'], {
    input: `${QUESTIONS.join('\n')}\n`,
    timeoutMs: IP_TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  const [routes4, routes6, links] = answersIn(stdout);
  const default4 = defaultInterface(routes4);
  const default6 = defaultInterface(routes6);
  const linkLocal = links.flatMap(({ ifname, addr_info: addresses = [] }) =>
    ifname !== undefined && ifname !== LOOPBACK && addresses.some(({ family }) => family === 'inet6')
      ? [ifname]
      : [],
  );
  const template6 = default6 !== undefined && linkLocal.includes(default6) ? default6 : linkLocal[0];
  return {
    ipv4: default4 !== undefined,
    ipv6: default6 !== undefined && template6 !== undefined,
    template: (default6 === undefined ? default4 : (template6 ?? default4)) ?? LOOPBACK,
    taken: [...routes4, ...routes6].flatMap(({ dst, type }) => {
      const range = NOWHERE.has(type ?? '') || dst === 'default' ? undefined : parsePrefix(dst);
      return range === undefined || range.bits === 0 ? [] : [range];
    }),
  };
}

function defaultInterface(routes: z.infer<typeof routeList>): string | undefined {
  return routes.find(
    ({ dst, type = 'unicast', dev }) =>
      dst === 'default' && type === 'unicast' && dev !== undefined && dev !== LOOPBACK,
  )?.dev;
}

/** Each answer is one line. */
function answersIn(stdout: string): z.infer<typeof answers> {
  try {
    const lines = stdout.split('\n').filter((line) => line.trim() !== '');
    return answers.parse(lines.map((line): unknown => JSON.parse(line)));
  } catch (cause) {
    throw new BangerError('network_failed', 'The answer of `ip -j -batch -` cannot be understood.', {
      cause,
      details: { questions: QUESTIONS, answer: stdout.slice(0, TOLD_CHARACTERS) },
    });
  }
}
