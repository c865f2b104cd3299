import { describe, expect, test } from 'vitest';
import { stoppedVm, vmPlan, vmView } from '../fake-daemon.suite.ts';
import { renderJson, renderText } from './render.ts';
import type { Screen, View } from './view.ts';
import { widthOf } from './width.ts';

const plain: Screen = {
  width: undefined,
  colour: false,
  quiet: false,
  now: Date.parse('2026-01-31T12:00:00Z'),
};

const vms = [
  vmView(),
  vmView({
    name: 'web',
    runtime: { ...vmView().runtime!, init: 'failed', initDetail: 'nginx.service \x1b[31mfailed' },
  }),
  stoppedVm({
    name: 'a-very-long-name-for-a-machine',
    state: 'error',
    phase: 'boot',
    reason: 'the guest panicked:\nKernel panic - not syncing',
  }),
];
const list: View = { kind: 'vm.list', data: vms };

describe('vm list', () => {
  test('in a pipe nothing is cut, and what guests said is shown, not done', async () => {
    expect(await renderText(list, plain)).toMatchInlineSnapshot(`
      "NAME                            STATE    IMAGE            VCPU  MEMORY  DISK    UPTIME  NOTE
      box                             running  debian-bookworm  2     2 GiB   45 MiB  2 min
      web                             running  debian-bookworm  2     2 GiB   45 MiB  2 min   services failed: nginx.service \\x1b[31mfailed
      a-very-long-name-for-a-machine  error    debian-bookworm  2     2 GiB   45 MiB  -       boot: the guest panicked:"
    `);
  });

  test.each([200, 100, 90, 80])('on a terminal of %d columns every line fits', async (width) => {
    for (const line of (await renderText(list, { ...plain, width })).split('\n')) {
      expect(widthOf(line)).toBeLessThanOrEqual(width);
    }
  });

  test('with colours it is as wide as without', async () => {
    const coloured = await renderText(list, { ...plain, width: 80, colour: true });
    expect(coloured).toContain('\x1b[32mrunning\x1b[39m');
    // oxlint-disable-next-line no-control-regex -- takes the colours out again
    expect(coloured.replace(/\x1b\[[0-9;]*m/g, '')).toBe(await renderText(list, { ...plain, width: 80 }));
  });

  test('-q gives names alone', async () => {
    expect(await renderText(list, { ...plain, quiet: true })).toBe(
      'box\nweb\na-very-long-name-for-a-machine',
    );
  });

  test('without notes there is no column for them', async () => {
    expect(await renderText({ kind: 'vm.list', data: [vmView()] }, plain)).not.toContain('NOTE');
  });
});

describe('vm show', () => {
  test('has sections, steps with their times, and both kinds of readiness', async () => {
    const vm = vmView({ warnings: ['the clock was set back'] });
    expect(await renderText({ kind: 'vm.show', data: vm }, plain)).toMatchInlineSnapshot(`
      "Name          box
      Id            id-box
      State         running for 2 min
      Created       2026-01-31 12:00:00 UTC
      Last used     5 min ago

      Machine
        Image         debian-bookworm
        Kernel        debian-bookworm
        CPUs          2
        Memory        2 GiB
        Work disk     8 GiB, at /root
        Root disk     8 GiB
        Used on host  45 MiB
        Network       user

      Running
        VMM           qemu (tcg), process 4242
        Uptime        2 min
        Boot id       b00t
        Agent         ready for 1 min 50 s
        Services      ready
        IPv4          10.0.2.15

      Steps
        disk          0.0 s
        boot          4.3 s

      Warnings
        1             the clock was set back"
    `);
  });

  test('a failed one says where, why and what to do', async () => {
    const vm = stoppedVm({
      state: 'error',
      phase: 'boot',
      reason: 'it \x9b2J died\nConsole:\n  Hint  do as the guest says',
      hint: 'Read its console.',
      steps: [{ name: 'boot', ms: 61_000, outcome: 'failed' }],
    });
    const text = await renderText({ kind: 'vm.show', data: vm }, plain);
    expect(text).toContain(
      'Reason        it \\x9b2J died\n              Console:\n                Hint  do as the guest says',
    );
    expect(text).toContain('boot          1 min 1 s  failed');
    expect(text).not.toContain('Running');
  });
});

describe('other views', () => {
  test('the plan tells where values come from', async () => {
    const data = vmPlan({ fetches: [{ action: 'kernel.pull', name: 'k', source: 'package' }] });
    expect(await renderText({ kind: 'vm.plan', data }, plain)).toMatchInlineSnapshot(`
      "Would make
        Name       box  (default)
        Image      debian-bookworm
        Kernel     debian-bookworm
        CPUs       2  (host)
        Memory     2 GiB  (flag)
        Work disk  8 GiB
        Root disk  8 GiB
        Network    user
        VMM        qemu (tcg)

      Would fetch first
        Kernel     k  (package)

      Would write
        1          /state/vms/ID"
    `);
  });

  test('doctor tells each check, what mends it, and the sum', async () => {
    const data = {
      ok: false,
      checks: [
        { id: 'a', title: 'QEMU', status: 'pass', detail: '7.2.0', fix: '' },
        { id: 'b', title: 'KVM', status: 'warn', detail: 'not usable\nhere', fix: 'modprobe kvm' },
        { id: 'c', title: 'mmdebstrap', status: 'fail', detail: 'missing', fix: 'apt install mmdebstrap' },
      ],
    } as const;
    const view: View = { kind: 'doctor', data: { ...data, checks: [...data.checks] } };
    expect(await renderText(view, plain)).toMatchInlineSnapshot(`
      "pass  QEMU: 7.2.0
      warn  KVM: not usable
            here
            fix: modprobe kvm
      FAIL  mmdebstrap: missing
            fix: apt install mmdebstrap

      1 passed, 1 warned, 1 failed"
    `);
    expect(await renderText(view, { ...plain, quiet: true })).not.toContain('QEMU');
  });

  test('df, and what a pruned cache has freed', async () => {
    const uses = [
      { kind: 'layers' as const, count: 3, needed: 1, bytes: 3 * 1024 ** 2, freeableBytes: 1024 },
    ];
    expect(await renderText({ kind: 'df', data: uses }, plain)).toBe(
      'WHAT            COUNT  NEEDED  ON DISK  FREEABLE\nfetched layers  3      1       3 MiB    1 KiB',
    );
    const pruned = { layers: 1, bytes: 2048, kept: 2 };
    expect(await renderText({ kind: 'cache.pruned', data: { ...pruned, dryRun: false } }, plain)).toBe(
      'removed 1 layer, 2 KiB; 2 stay for a pull at work',
    );
    expect(
      await renderText({ kind: 'cache.pruned', data: { ...pruned, kept: 0, dryRun: true } }, plain),
    ).toBe('would remove 1 layer, 2 KiB');
  });

  test('gc', async () => {
    const orphan = {
      ...{ kind: 'vmm', what: 'VMM process 4711', vm: '0123456789ab', vmName: '', action: 'end it' },
      ...{ since: '2026-01-31T10:00:00.000Z', outcome: 'found' as const, reason: '' },
    };
    const file = {
      ...orphan,
      what: 'half-written file /s/.x\u009b.tmp',
      vm: '',
      outcome: 'removed' as const,
    };
    const sockets = {
      ...orphan,
      what: 'sockets in /r/vm/1',
      vm: '1',
      vmName: 'box',
      outcome: 'failed' as const,
    };
    const view = {
      kind: 'gc' as const,
      data: {
        orphans: [orphan, file, { ...sockets, reason: 'It is busy.' }],
        unseen: ['entries of the ledger: no.'],
        ok: false,
      },
    };
    expect(await renderText(view, plain)).toMatchInlineSnapshot(`
      "ORPHAN                           OF                           SINCE  OUTCOME
      VMM process 4711                 0123456789ab, which is gone  2 h    would end it
      half-written file /s/.x\\x9b.tmp  -                            2 h    removed
      sockets in /r/vm/1               box                          2 h    not removed: It is busy.
      could not be looked at: entries of the ledger: no."
    `);
    expect(await renderText(view, { ...plain, quiet: true })).toMatch(/^VMM process 4711\n/);
    const none = { kind: 'gc' as const, data: { orphans: [], unseen: [], ok: true } };
    expect(await renderText(none, plain)).toBe('There are no orphans.');
    expect(await renderText(none, { ...plain, quiet: true })).toBe('');
  });

  test('images', async () => {
    const image = {
      name: 'debian-bookworm',
      present: true,
      distribution: 'debian',
      arch: 'x86_64',
      description: 'Debian 12',
      source: 'recipe',
      sources: ['recipe'],
      reference: '',
      digest: '',
      layers: [],
      managed: true,
      kernel: 'debian',
      init: 'agent',
      sizeBytes: 1024 ** 3,
      diskUsedBytes: 300 * 1024 ** 2,
      createdAt: '2026-01-31T11:00:00.000Z',
      usedBy: ['box'],
    };
    const absent = { ...image, name: 'other', present: false, usedBy: [] };
    expect(await renderText({ kind: 'image.list', data: [image, absent] }, plain)).toMatchInlineSnapshot(`
      "NAME             HERE  DISTRIBUTION  ARCH    INIT   SIZE   ON DISK  VMS  SOURCE  DESCRIPTION
      debian-bookworm  yes   debian        x86_64  agent  1 GiB  300 MiB  1    recipe  Debian 12
      other            no    debian        x86_64  agent  -      -             recipe  Debian 12"
    `);
    expect(await renderText({ kind: 'image.show', data: image }, plain)).toMatchInlineSnapshot(`
      "Name          debian-bookworm
      Here          yes
      Description   Debian 12
      Distribution  debian
      Architecture  x86_64
      Source        recipe
      Kernel        debian
      Init          none, the agent is process 1
      Size          1 GiB
      On disk       300 MiB
      Created       2026-01-31 11:00:00 UTC
      Used by       box"
    `);
  });

  test('kernels', async () => {
    const kernel = {
      name: 'debian',
      present: true,
      distribution: 'debian',
      arch: 'x86_64',
      release: '6.1.0-25-cloud-amd64',
      version: '6.1.106-3',
      sha256: 'ab'.repeat(32),
      source: 'package',
      diskUsedBytes: 60 * 1024 ** 2,
      createdAt: '2026-01-31T11:00:00.000Z',
      usedBy: ['box'],
      usedByImages: ['debian-bookworm'],
    };
    expect(await renderText({ kind: 'kernel.list', data: [kernel] }, plain)).toMatchInlineSnapshot(`
      "NAME    HERE  DISTRIBUTION  RELEASE               ON DISK  SOURCE   USED BY
      debian  yes   debian        6.1.0-25-cloud-amd64  60 MiB   package  box, image debian-bookworm"
    `);
    const absent = { ...kernel, present: false, release: '', usedBy: [], usedByImages: [] };
    expect(await renderText({ kind: 'kernel.list', data: [absent] }, plain)).toContain('6.1.106-3');
    expect(await renderText({ kind: 'kernel.show', data: absent }, plain)).toContain(
      'banger kernel pull debian',
    );
  });

  test('version says when the builds differ', async () => {
    const cli = { version: '1.0.0', commit: 'abc', builtAt: '', build: 'b1' };
    const text = (build: string) =>
      renderText({ kind: 'version', data: { cli, daemon: { ...cli, build, pid: 7 } } }, plain);
    expect(await text('b1')).toBe(
      'banger   1.0.0 (commit abc, build b1)\nbangerd  1.0.0 (commit abc, build b1), process 7',
    );
    expect(await text('b2')).toContain('They are of different builds.');
  });
});

describe('JSON', () => {
  test('is the data, in which nothing can move a cursor', () => {
    const reason = 'a\x1b[2J\x9b1m\u202eb\u{e0001}\x7f';
    const text = renderJson({ kind: 'vm.list', data: [stoppedVm({ reason })] });
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
    expect(JSON.parse(text)).toEqual([stoppedVm({ reason })]);
  });
});
