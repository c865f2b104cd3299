/**
 * The guest kernel's command line. No `ip=`, which would wait for a driver that comes later, and no `root=`: the agent
 * finds disks by their serials. `panic=0` keeps a panicked kernel where it is, for the panic device to tell of it. `no_timer_check`:
 * the check counts ticks while it spins, and on a host that is busy an emulated machine gets too few and panics (one of eight at once).
 */
export function kernelCommandLine(init: string, parts: readonly string[] = []): string {
  return [
    'console=ttyS0',
    'quiet',
    'loglevel=4',
    'panic=0',
    'no_timer_check',
    `banger.init=${init}`,
    'banger.root=root',
    'banger.work=work',
    ...parts,
  ].join(' ');
}
