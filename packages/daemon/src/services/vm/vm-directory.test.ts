import { resolvePaths } from '@banger/contract/paths';
import { expect, test } from 'vitest';
import { layoutOf } from '../../domain/layout.ts';
import { checkSocketRoom } from './vm-directory.ts';

/** Of a home with a path of so many bytes. */
const layoutIn = (bytes: number) =>
  layoutOf(resolvePaths({ env: { BANGER_HOME: `/${'h'.repeat(bytes - 1)}` }, home: '/', uid: 0 }));

test('a home is refused when its VMs could have no sockets', () => {
  // HOME/run/vm/ID/outbound.sock.new in 107 bytes.
  checkSocketRoom(layoutIn(69));
  expect(() => checkSocketRoom(layoutIn(70))).toThrow(
    expect.objectContaining({ code: 'path_unsafe', message: expect.stringContaining('1 byte too long') }),
  );
});
