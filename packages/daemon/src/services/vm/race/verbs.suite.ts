import { isBangerError } from '@banger/contract/error';
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
  /**
   * `ends`: stop and the like, which cancel what they may; no VM runs after them unless it was started later. `in guest`: calls that end
   * the VM are to it as if that ended by itself. `elsewhere`: what VMs are made of, or what nothing stands for; no VM is changed.
   */
  readonly kind: 'starts' | 'ends' | 'changes' | 'in guest' | 'looks' | 'elsewhere';
  /** A call that `ends` cancels it. */
  readonly yields?: true;
  /** Codes that it may end with as well, when the VM ended or rebooted by itself meanwhile. */
  readonly whenVmEnds?: readonly ErrorCode[];
  /** Codes that it may end with as well, whatever has become of the VM: it is about something else. */
  readonly whenever?: readonly ErrorCode[];
  /** Codes that it may end with as well, when another call was at work on the VM. */
  readonly whenBusy?: readonly ErrorCode[];
  /** It works in the guest of the VM that it made, then deletes that, and cancels what it may for it. */
  readonly endsWhatItMade?: true;
  /** It is refused for a VM that is protected. */
  readonly sparesProtected?: true;
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

const anyState = (what: Seen | Refusal): Verb['from'] => ({
  ...{ absent: what, creating: what, stopped: what, starting: what },
  ...{ running: what, paused: what, stopping: what, error: what },
});

const stays = {
  ...{ absent: 'absent', creating: 'creating', stopped: 'stopped', starting: 'starting' },
  ...{ running: 'running', paused: 'paused', stopping: 'stopping', error: 'error' },
} as const satisfies Verb['from'];

const startFailures = ['vmm_failed', 'vmm_gone', 'agent_lost', 'disk_full'] as const;

/** A change of what runs as well as of what does not. */
const set = {
  from: {
    ...{ absent: notFound, stopped: 'stopped', error: 'error', running: 'running' },
    ...{ paused: inItsState, stopping: inItsState },
  },
  kind: 'changes',
  yields: true,
  whenVmEnds: ['vmm_gone', 'network_failed'],
} as const satisfies Omit<Verb, 'run'>;

function setOutbound(outbound: boolean): Verb['run'] {
  return (host, vm, signal) => host.vms.set(vm, { outbound }, signal);
}

const protect = {
  from: {
    ...{ absent: notFound, stopped: 'stopped', error: 'error', running: 'running' },
    ...{ paused: 'paused', stopping: 'stopping' },
  },
  kind: 'changes',
  // One that goes by itself cannot be kept.
  whenVmEnds: ['vm_state'],
  whenBusy: ['vm_state'],
} as const satisfies Omit<Verb, 'run'>;

function setProtected(kept: boolean): Verb['run'] {
  return (host, vm, signal) => host.vms.protect(vm, kept, signal);
}

const sessionFailures = ['vmm_gone', 'agent_lost', 'agent_not_ready'] as const;

/** Runs a command, and waits for its end. */
async function exec(host: FakeHost, vm: string, signal: AbortSignal): Promise<unknown> {
  const running = await host.vms.exec({ vm, argv: ['true'], env: [] }, signal);
  signal.addEventListener('abort', () => running.abort(), { once: true });
  for (const stream of [running.stdout, running.stderr]) stream.resume();
  return running.exit;
}

/** Somebody else may have deleted it. */
async function deleteOwn(host: FakeHost, id: string): Promise<void> {
  try {
    await host.vms.delete(id);
  } catch (error) {
    if (!isBangerError(error, 'vm_not_found')) throw error;
  }
}

/** What `vm run --rm` asks for, one thing after the other; the VM goes also when its client leaves in between. */
async function runOnce(host: FakeHost, vm: string, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  try {
    const { id } = await host.vms.create(host.spec(vm), { start: true, waitInit: false, until }, signal);
    try {
      await exec(host, id, signal);
    } finally {
      // A client that has left asks for nothing any more.
      if (!signal.aborted) await deleteOwn(host, id);
    }
  } finally {
    over.abort();
  }
}

/** Everything is old enough for it, as if it had come to be by a daemon that was killed years ago. */
const LONG_AGO_MS = 30 * 365 * 86_400_000;

/** Collects orphans, of which there are none while all calls do what they should: one that cannot be removed is a failure. */
async function collect(host: FakeHost, signal: AbortSignal): Promise<void> {
  const { ok, orphans, unseen } = await host.gc(LONG_AGO_MS).run(false, signal);
  if (!ok) throw new Error(`gc failed: ${JSON.stringify({ orphans, unseen })}`);
}

/** The calls of the race. */
export const verbs = {
  create: {
    run: (host, vm, signal) => host.vms.create(host.spec(vm), { start: true, waitInit: false }, signal),
    from: {
      absent: 'running',
      ...{ creating: taken, stopped: taken, starting: taken, running: taken },
      ...{ paused: taken, stopping: taken, error: taken },
    },
    kind: 'starts',
    yields: true,
    whenVmEnds: startFailures,
  },
  'create --no-start': {
    run: (host, vm, signal) => host.vms.create(host.spec(vm), { start: false, waitInit: false }, signal),
    from: { ...anyState(taken), absent: 'stopped' },
    kind: 'changes',
    yields: true,
  },
  start: {
    run: (host, vm, signal) => host.vms.start(vm, false, signal),
    from: {
      ...{ absent: notFound, stopped: 'running', error: 'running', running: 'running' },
      ...{ paused: inItsState, stopping: inItsState },
    },
    kind: 'starts',
    yields: true,
    whenVmEnds: startFailures,
  },
  stop: {
    run: (host, vm, signal) => host.vms.stop(vm, false, signal),
    from: { absent: notFound, stopped: 'stopped', error: 'stopped', running: 'stopped', paused: inItsState },
    kind: 'ends',
    whenVmEnds: ['vm_state'],
  },
  'stop --force': {
    run: (host, vm, signal) => host.vms.stop(vm, true, signal),
    from: { absent: notFound, stopped: 'stopped', error: 'stopped', running: 'stopped', paused: 'stopped' },
    kind: 'ends',
  },
  kill: {
    run: (host, vm, signal) => host.vms.kill(vm, 'KILL', signal),
    from: {
      ...{ absent: notFound, stopped: notRunning, error: notRunning },
      ...{ starting: 'stopped', running: 'stopped', paused: 'stopped', stopping: 'stopped' },
    },
    kind: 'ends',
  },
  'kill --signal TERM': {
    run: (host, vm, signal) => host.vms.kill(vm, 'TERM', signal),
    from: {
      ...{ absent: notFound, stopped: notRunning, error: notRunning },
      ...{ starting: 'stopped', running: 'stopped', paused: 'stopped', stopping: 'stopped' },
    },
    kind: 'ends',
  },
  restart: {
    run: (host, vm, signal) => host.vms.restart(vm, false, signal),
    from: { absent: notFound, stopped: 'running', error: 'running', running: 'running', paused: inItsState },
    kind: 'starts',
    yields: true,
    whenVmEnds: startFailures,
  },
  delete: {
    run: (host, vm, signal) => host.vms.delete(vm, signal),
    from: {
      absent: notFound,
      ...{ creating: 'absent', stopped: 'absent', starting: 'absent', running: 'absent' },
      ...{ paused: 'absent', stopping: 'absent', error: 'absent' },
    },
    kind: 'ends',
    sparesProtected: true,
  },
  prune: {
    run: (host, vm, signal) => host.vms.prune(vm, signal),
    from: {
      ...{ absent: notFound, stopped: 'absent', error: 'absent', creating: inItsState },
      ...{ starting: inItsState, running: inItsState, paused: inItsState, stopping: inItsState },
    },
    kind: 'changes',
    whenVmEnds: ['vm_state'],
    whenBusy: ['vm_state'],
    sparesProtected: true,
  },
  reset: {
    run: (host, vm, signal) => host.vms.reset(vm, false, signal),
    from: { absent: notFound, stopped: 'stopped', error: 'stopped', running: 'running', paused: inItsState },
    kind: 'starts',
    yields: true,
    whenVmEnds: [...startFailures, 'vm_state'],
    sparesProtected: true,
  },
  'set --nat': { run: setOutbound(true), ...set },
  'set --no-nat': { run: setOutbound(false), ...set },
  'set --disk-size': {
    ...set,
    run: (host, vm, signal) => host.vms.set(vm, { diskBytes: 2 * host.spec(vm).diskBytes }, signal),
  },
  protect: { run: setProtected(true), ...protect },
  unprotect: { run: setProtected(false), ...protect },
  exec: {
    run: exec,
    from: {
      ...{ absent: notFound, creating: notRunning, stopped: notRunning, starting: notRunning },
      ...{ running: 'running', paused: notRunning, stopping: notRunning, error: notRunning },
    },
    kind: 'in guest',
    whenVmEnds: sessionFailures,
  },
  'run --rm': {
    run: runOnce,
    from: { ...anyState(taken), absent: 'absent' },
    kind: 'starts',
    yields: true,
    endsWhatItMade: true,
    whenVmEnds: [...startFailures, ...sessionFailures, 'vm_not_running'],
    whenBusy: ['vm_not_found', 'vm_not_running'],
  },
  'image pull': {
    run: (host, _vm, signal) => host.deps.images.pull({ image: host.spec('any').image }, signal),
    from: stays,
    kind: 'elsewhere',
  },
  'image delete': {
    run: (host, _vm, signal) => host.deps.images.delete(host.spec('any').image, signal),
    from: stays,
    kind: 'elsewhere',
    whenever: ['image_in_use', 'image_not_found'],
  },
  'kernel pull': {
    run: (host, _vm, signal) => host.deps.kernels.pull(host.spec('any').kernel, false, signal),
    from: stays,
    kind: 'elsewhere',
    whenever: ['kernel_exists'],
  },
  'kernel pull --force': {
    run: (host, _vm, signal) => host.deps.kernels.pull(host.spec('any').kernel, true, signal),
    from: stays,
    kind: 'elsewhere',
  },
  'kernel delete': {
    run: (host, _vm, signal) => host.deps.kernels.delete(host.spec('any').kernel, signal),
    from: stays,
    kind: 'elsewhere',
    whenever: ['kernel_in_use', 'kernel_not_found'],
  },
  gc: { run: (host, _vm, signal) => collect(host, signal), from: stays, kind: 'elsewhere' },
  reap: {
    run: (host, _vm, signal) => host.gc(LONG_AGO_MS).reap(signal),
    from: stays,
    kind: 'elsewhere',
  },
  show: {
    run: (host, vm) => host.vms.show(vm),
    kind: 'looks',
    from: {
      ...{ absent: notFound, creating: 'creating', stopped: 'stopped', starting: 'starting' },
      ...{ running: 'running', paused: 'paused', stopping: 'stopping', error: 'error' },
    },
  },
  list: { run: (host) => host.vms.list(), kind: 'looks', from: stays },
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
