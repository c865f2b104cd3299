import { describeNetworkDriver } from './network-driver.suite.ts';
import { NoNetwork } from './no-network.ts';

describeNetworkDriver('no network', { make: () => new NoNetwork(), nic: false });
