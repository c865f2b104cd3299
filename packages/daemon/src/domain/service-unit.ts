/** A unit of systemd, and which of its managers has it. */
export interface ServiceUnit {
  /** As `runner.service`. */
  readonly name: string;
  /** `user` for one of a user's own manager. */
  readonly manager: 'system' | 'user';
}

/** The unit of a user's own manager, which has the units of that below its control group. */
const USER_MANAGER = /^user@\d+\.service$/;

/**
 * The unit whose control group a process is in, told from its `/proc/PID/cgroup` (cgroups(7)): the innermost service or scope of the
 * hierarchy in which systemd keeps its units. Undefined where there is none, as in a container without systemd.
 */
export function unitIn(cgroup: string): ServiceUnit | undefined {
  const lines = cgroup.split('\n');
  const line =
    lines.find((one) => /^\d+:name=systemd:/.test(one)) ?? lines.find((one) => one.startsWith('0::'));
  const groups = (line ?? '').replace(/^[^:]*:[^:]*:/, '').split('/');
  const at = groups.findLastIndex((group) => /\.(service|scope)$/.test(group));
  const name = groups[at];
  if (name === undefined) return undefined;
  return { name, manager: groups.slice(0, at).some((group) => USER_MANAGER.test(group)) ? 'user' : 'system' };
}
