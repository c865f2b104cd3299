import { unitIn, type ServiceUnit } from '../../domain/service-unit.ts';
import { pass, warn, type Check } from './check.ts';

/** What is asked of a service manager. */
export interface UnitLook {
  /** `/proc/self/cgroup` of the daemon, or of who looks in its place: whoever is started from here is in the same. */
  cgroup(): Promise<string>;
  /** `KillMode` of a unit (systemd.kill(5)); undefined when nobody tells. */
  killMode(unit: ServiceUnit): Promise<string | undefined>;
}

/** With these the end of a unit leaves alone whoever is no process of its own. */
const SPARING: ReadonlySet<string> = new Set(['process', 'none']);

/** Whether the end of somebody else's unit is the end of all VMs: systemd ends a service by its control group, which no session of their own takes them out of. */
export function unitCheck({ cgroup, killMode }: UnitLook, uid: number): Check {
  return {
    id: 'host.unit',
    title: 'Service manager',
    run: async () => {
      const unit = unitIn(await cgroup());
      if (unit === undefined) return pass('none has the daemon and its VMs in a unit');
      const { name } = unit;
      if (name.endsWith('.scope')) return pass(`${name}, which no end of a service takes down`);
      const mode = await killMode(unit);
      if (mode !== undefined && SPARING.has(mode)) return pass(`${name}, which ends with KillMode=${mode}`);
      return warn(
        `The daemon and its VMs are in the control group of ${name}: when that ends, they all do, and what guests have not written is lost.`,
        `Give ${name} KillMode=process and OOMPolicy=continue; or start the daemon outside of it: \`banger daemon stop\`, then \`systemd-run ${uid === 0 ? '' : '--user '}--scope banger ps\`.`,
      );
    },
  };
}
