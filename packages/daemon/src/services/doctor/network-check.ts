import type { NetworkDriver } from '../../drivers/network/driver.ts';
import { fail, pass, warn, type Check } from './check.ts';

/** Whether guests have a way out, and by which IP versions. */
export function networkCheck(network: Pick<NetworkDriver, 'probe'>): Check {
  return {
    id: 'network.user',
    title: 'Network of guests',
    run: async () => {
      const { usable, missingTools, ipv4, ipv6, problems } = await network.probe();
      if (missingTools.length > 0)
        return fail(
          `It needs what is not there: ${missingTools.join(', ')}.`,
          'Install what the checks of these name.',
        );
      const versions = [...(ipv4 ? ['IPv4'] : []), ...(ipv6 ? ['IPv6'] : [])];
      if (problems.length === 0) return pass(`outbound by ${versions.join(' and ')}, no address of the host`);
      const said = problems.map((problem) => problem.message).join(' ');
      const fix = problems.map((problem) => problem.hint).join(' ');
      return usable ? warn(said, fix) : fail(said, fix);
    },
  };
}
