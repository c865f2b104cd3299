import type { NetworkAttachment, NetworkDriver, NetworkProbe, NetworkStatus, VmmNetwork } from './driver.ts';

/** VMs without a NIC. */
export class NoNetwork implements NetworkDriver {
  readonly kind = 'none';
  readonly features = { outbound: false, privileged: false };

  probe(): Promise<NetworkProbe> {
    return Promise.resolve({ usable: true, missingTools: [], ipv4: false, ipv6: false, problems: [] });
  }

  nic(): VmmNetwork {
    return { kind: 'none' };
  }

  prepare(): Promise<NetworkAttachment> {
    return Promise.resolve({
      handle: { kind: 'none' },
      guest: undefined,
      warnings: [],
      ready: () => Promise.resolve(),
    });
  }

  status(): Promise<NetworkStatus> {
    return Promise.resolve({ up: true });
  }

  setOutbound(): Promise<void> {
    return Promise.resolve();
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }

  sweep(): Promise<void> {
    return Promise.resolve();
  }

  find(): Promise<readonly []> {
    return Promise.resolve([]);
  }
}
