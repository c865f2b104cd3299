import { BangerError } from '@banger/contract/error';
import type { VmmDriver, VmmFeatures } from '../driver.ts';
import { nameOf } from './argv.ts';
import { endProcess } from './end-process.ts';
import { findBelow } from './find-below.ts';
import { findByToken } from './find-by-token.ts';
import { qemuHandle } from './handle.ts';
import { launchQemu } from './launch.ts';
import { QemuProbe, type ProbeDeps } from './probe.ts';
import { QemuFinder } from './program.ts';
import { QmpConnection } from './qmp-connection.ts';
import { guestNameOf } from './qmp-status.ts';
import { RunningQemu } from './running-qemu.ts';

const features: VmmFeatures = { pause: true, snapshot: false, resizeDisk: true, reboot: true };

/** The driver that runs each VM in a QEMU process of its own, which outlives us. Our umask must be 077. */
export function createQemuDriver(deps: ProbeDeps): VmmDriver {
  const finder = new QemuFinder(deps.runner);
  const probe = new QemuProbe(deps, finder);
  /** The VMs that this driver watches, by token. */
  const watched = new Map<string, RunningQemu>();
  const watch = (running: RunningQemu): RunningQemu => {
    const { token } = running.handle;
    watched.set(token, running);
    void running.over.then(() => {
      if (watched.get(token) === running) watched.delete(token);
    });
    return running;
  };
  return {
    kind: 'qemu',
    features,
    probe: (signal, onTrial) => probe.probe(signal, onTrial),
    look: () => probe.look(),
    leftovers: () => probe.leftovers(),
    launch: async (spec, signal) => watch(await launchQemu(deps, await finder.find(signal), spec, signal)),
    restore: () =>
      Promise.reject(new BangerError('not_supported', 'QEMU VMs cannot be started from a snapshot.')),
    attach: async (stored) => {
      const handle = qemuHandle(stored);
      const gone = (cause?: unknown): BangerError =>
        new BangerError('vmm_gone', `QEMU, process ${handle.process.pid}, has ended.`, { cause });
      if (!deps.processes.isAlive(handle.process)) throw gone();
      let qmp: QmpConnection | undefined;
      try {
        qmp = await QmpConnection.open(handle.controlSocket, deps.clock);
        const name = guestNameOf(await qmp.execute('query-name'));
        if (name !== nameOf(handle))
          throw new BangerError(
            'vmm_failed',
            `The control socket of ${nameOf(handle)} is that of "${name}".`,
          );
        return watch(await RunningQemu.attend(handle, qmp, deps));
      } catch (error) {
        qmp?.close();
        throw deps.processes.isAlive(handle.process) ? error : gone(error);
      }
    },
    remove: async (token, handle) => {
      await watched.get(token)?.end();
      // One process a token: where it is known, nothing needs to be looked for among all of the machine.
      const processes = handle === undefined ? await findByToken(token, deps.processes) : [handle.process];
      await Promise.all(processes.map((process) => endProcess(deps, process)));
    },
    find: (directory) => findBelow(directory, deps.processes, deps.clock.now()),
  };
}
