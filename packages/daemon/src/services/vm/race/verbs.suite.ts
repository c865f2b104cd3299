import type { ErrorCode } from '@banger/contract/error-codes';
import type { VmState } from '@banger/contract/vm';
import type { FakeHost } from '../fake-host.suite.ts';

/** What a name stands for: a VM in a state, or nothing. */
export type Seen = VmState | 'absent';

/** A call that clients make, and what the model knows of it. A new verb is a new row of `verbs`. */
interface Verb {
  run(host: FakeHost, vm: string, signal: AbortSignal): Promise<unknown>;
  /**
   * What it comes to from each state when nothing else happens to that VM: the state after it, or the code of its refusal. A state that
   * is missing is one that only a call at work leaves a VM in. Among others, it must come to what it would from a state that the VM was
   * in while it was at work.
   */
  readonly from: Readonly<Partial<Record<Seen, Seen | Refusal>>>;
  /** Stop and the like: cancels starts, and no VM runs after it unless it was started later. */
  readonly ends?: true;
  /** A call that `ends` cancels it. */
  readonly starts?: true;
  /** Codes that it may end with as well, when the VM ended or rebooted by itself meanwhile. */
  readonly whenVmEnds?: readonly ErrorCode[];
  /** It works in the guest, so that calls which end the VM are to it as if that ended by itself. */
  readonly inGuest?: true;
}

/** A refusal with that code. */
interface Refusal {
  readonly refused: ErrorCode;
}

const refused = (code: ErrorCode): Refusal => ({ refused: code });
const notFound = refused('vm_not_found');
const notRunning = refused('vm_not_running');
const inItsState = refused('vm_state');
const taken = refused('name_taken');

const startFailures = ['vmm_failed', 'vmm_gone', 'agent_lost', 'disk_full'] as const;

/** The calls of the race. */
export const verbs = {
  create: {
    run: (host, vm, signal) => host.vms.create(host.spec(vm), { start: true, waitInit: false }, signal),
    from: {
      absent: 'running',
      ...{ creating: taken, stopped: taken, starting: taken, running: taken },
      ...{ paused: taken, stopping: taken, error: taken },
    },
    starts: true,
    whenVmEnds: startFailures,
  },
  start: {
    run: (host, vm, signal) => host.vms.start(vm, false, signal),
    from: {
      ...{ absent: notFound, stopped: 'running', error: 'running' },
      ...{ running: inItsState, paused: inItsState, stopping: inItsState },
    },
    starts: true,
    whenVmEnds: startFailures,
  },
  stop: {
    run: (host, vm, signal) => host.vms.stop(vm, false, signal),
    from: { absent: notFound, stopped: 'stopped', error: 'stopped', running: 'stopped', paused: inItsState },
    ends: true,
    whenVmEnds: ['vm_state'],
  },
  'stop --force': {
    run: (host, vm, signal) => host.vms.stop(vm, true, signal),
    from: { absent: notFound, stopped: 'stopped', error: 'stopped', running: 'stopped', paused: 'stopped' },
    ends: true,
  },
  kill: {
    run: (host, vm, signal) => host.vms.kill(vm, 'KILL', signal),
    from: {
      ...{ absent: notFound, stopped: notRunning, error: notRunning },
      ...{ running: 'stopped', paused: 'stopped' },
    },
    ends: true,
  },
  restart: {
    run: (host, vm, signal) => host.vms.restart(vm, false, signal),
    from: { absent: notFound, stopped: 'running', error: 'running', running: 'running', paused: inItsState },
    starts: true,
    whenVmEnds: startFailures,
  },
  delete: {
    run: (host, vm, signal) => host.vms.delete(vm, signal),
    from: {
      absent: notFound,
      ...{ creating: 'absent', stopped: 'absent', starting: 'absent', running: 'absent' },
      ...{ paused: 'absent', stopping: 'absent', error: 'absent' },
    },
    ends: true,
  },
  exec: {
    run: async (host, vm, signal) => {
      const exec = await host.vms.exec({ vm, argv: ['true'], env: [] }, signal);
      signal.addEventListener('abort', () => exec.abort(), { once: true });
      for (const stream of [exec.stdout, exec.stderr]) stream.resume();
      return exec.exit;
    },
    from: {
      ...{ absent: notFound, creating: notRunning, stopped: notRunning, starting: notRunning },
      ...{ running: 'running', paused: notRunning, stopping: notRunning, error: notRunning },
    },
    inGuest: true,
    whenVmEnds: ['vmm_gone', 'agent_lost', 'agent_not_ready'],
  },
  show: {
    run: (host, vm) => host.vms.show(vm),
    from: {
      ...{ absent: notFound, creating: 'creating', stopped: 'stopped', starting: 'starting' },
      ...{ running: 'running', paused: 'paused', stopping: 'stopping', error: 'error' },
    },
  },
  list: {
    run: (host) => host.vms.list(),
    from: {
      ...{ absent: 'absent', creating: 'creating', stopped: 'stopped', starting: 'starting' },
      ...{ running: 'running', paused: 'paused', stopping: 'stopping', error: 'error' },
    },
  },
} as const satisfies Readonly<Record<string, Verb>>;

/** The name of a call, as `start`. */
export type VerbName = keyof typeof verbs;

/** What the model knows of a call. */
export function verbOf(name: VerbName): Verb {
  return verbs[name];
}

/** What happens to a VM by nobody's call; a VM that does not run is spared. */
export const events = {
  'powers off': (host, pid) => host.world.powerOff(pid),
  panics: (host, pid) => host.world.panic(pid),
  'loses its VMM': (host, pid) => host.world.die(pid, 'SIGSEGV'),
  reboots: (host, pid) => host.world.reboot(pid),
  'has no room': (host, pid) => host.world.fillDisk(pid, 'root'),
} as const satisfies Readonly<Record<string, (host: FakeHost, pid: number) => void>>;

/** The name of an event. */
export type EventName = keyof typeof events;
