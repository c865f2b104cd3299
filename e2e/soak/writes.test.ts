import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banger } from '../harness/banger.ts';
import { sharedHome } from '../harness/shared-home.ts';
import { soakSize } from './sizes.ts';

const home = sharedHome();
const SOAK_TIMEOUT_MS = 60 * 60_000;

/** What a round leaves in both disks: a file written, one appended to, one replaced by rename, many small ones. None is synced. */
const write = (round: number): string =>
  [
    `head -c 3000000 /dev/urandom > /root/big-${round}; sha256sum /root/big-${round} >> /root/sums`,
    `head -c 1000000 /dev/urandom > /var/lib/big-${round}; sha256sum /var/lib/big-${round} >> /root/sums`,
    `echo ${round} > /etc/round.new; mv /etc/round.new /etc/round`,
    `mkdir -p /root/many/${round}; for i in $(seq 100); do echo ${round}-$i > /root/many/${round}/$i; done`,
  ].join(' && ');

/** Everything of all rounds so far. */
const read = (round: number): string =>
  `sha256sum --quiet -c /root/sums && cat /etc/round && cat /root/many/*/100 | sort -n | tail -n 1 && find /root/many -type f | wc -l | grep -x ${(round + 1) * 100}`;

describe.each(['debian-bookworm', 'debian-bookworm-systemd'])(
  'what was written just before a stop, on %s',
  (image) => {
    const name = image === 'debian-bookworm' ? 'writes' : 'writes-systemd';
    const vm = async (...argv: string[]): Promise<string> => {
      const { status, stdout, stderr } = await banger(['vm', ...argv], { home });
      expect(status, `vm ${argv.join(' ')}: ${stderr}${stdout}`).toBe(0);
      return stdout;
    };
    const guest = (script: string): Promise<string> => vm('exec', name, '--', 'sh', '-c', script);

    beforeAll(() => vm('create', '--name', name, '--image', image, '--memory', '512'));
    afterAll(() => vm('delete', name));

    test(
      `is there after the next start, ${soakSize.writes} times`,
      async () => {
        for (let round = 0; round < soakSize.writes; round += 1) {
          await guest(write(round));
          await vm('stop', name);
          await vm('start', name);
          expect(await guest(read(round))).toBe(`${round}\n${round}-100\n${(round + 1) * 100}\n`);
        }
        console.log(`${image}: ${soakSize.writes} rounds of write, stop, start: nothing lost`);
      },
      SOAK_TIMEOUT_MS,
    );
  },
);
