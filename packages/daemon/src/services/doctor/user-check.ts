import { pass, warn, type Check } from './check.ts';

/** Who runs banger, and with it each QEMU, which does what its guest asks for. */
export function userCheck(uid: number): Check {
  return {
    id: 'host.user',
    title: 'User',
    run: async () =>
      uid === 0
        ? warn(
            'banger runs as root, and QEMU stays root with it: a guest that broke out of QEMU would be root on this host.',
            'Use banger as a plain user: it needs no rights but those to /dev/kvm, which its group gives.',
          )
        : pass(`uid ${uid}, without root's rights`),
  };
}
