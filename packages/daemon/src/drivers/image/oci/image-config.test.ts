import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DocumentError, readingOf } from './document.ts';
import { readImageConfig } from './image-config.ts';

const diffId = `sha256:${'0'.repeat(64)}`;
const ours = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [diffId] } };
const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const codeOf = (document: Buffer): string => {
  try {
    readingOf('The image', () => readImageConfig(document));
    return 'read';
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
};

describe('a configuration', () => {
  it('tells how an image wants to be run; what it lacks or has as null is empty', () => {
    const empty = { env: [], cwd: '', user: '', entrypoint: [], cmd: [], exposedPorts: [] };
    const nulls = {
      Env: null,
      WorkingDir: null,
      User: null,
      Entrypoint: null,
      Cmd: null,
      ExposedPorts: null,
    };
    for (const config of [undefined, null, {}, nulls, { Volumes: { '/x': {} } }])
      expect(readImageConfig(bytes({ ...ours, config }))).toEqual({ config: empty, diffIds: [diffId] });
  });

  it.each<[string, Buffer, string]>([
    ['for another architecture', bytes({ ...ours, architecture: 'arm64' }), 'image_unsupported'],
    ['for another system', bytes({ ...ours, os: 'windows' }), 'image_unsupported'],
    ['for what is no name', bytes({ ...ours, os: '\x1b[31m' }), 'image_unsupported'],
    ['that is no JSON', Buffer.from('{'), 'image_invalid'],
    ['that is no UTF-8', Buffer.from('{"os":"\xff"}', 'latin1'), 'image_invalid'],
    ['that is empty', Buffer.alloc(0), 'image_invalid'],
    ['that is a list', bytes([]), 'image_invalid'],
    ['without a platform', bytes({ rootfs: ours.rootfs }), 'image_invalid'],
    ['without layers', bytes({ ...ours, rootfs: undefined }), 'image_invalid'],
    ['of other than layers', bytes({ ...ours, rootfs: { type: 'tar', diff_ids: [] } }), 'image_invalid'],
    [
      'with a digest that is none',
      bytes({ ...ours, rootfs: { type: 'layers', diff_ids: ['x'] } }),
      'image_invalid',
    ],
    ['with a command that is a text', bytes({ ...ours, config: { Cmd: 'sh' } }), 'image_invalid'],
    ['with a NUL in a command', bytes({ ...ours, config: { Cmd: ['a\0'] } }), 'image_invalid'],
    ['with a NUL in the environment', bytes({ ...ours, config: { Env: ['A=\0'] } }), 'image_invalid'],
    [
      'of more layers than any image',
      bytes({ ...ours, rootfs: { type: 'layers', diff_ids: Array.from({ length: 1001 }, () => diffId) } }),
      'image_invalid',
    ],
    ['that nests without end', Buffer.from('['.repeat(1_000_000)), 'image_invalid'],
  ])('%s is refused', (_, document, code) => {
    expect(codeOf(document)).toBe(code);
  });

  it('is read or refused, whatever it is', () => {
    const keys = [
      'os',
      'architecture',
      'config',
      'rootfs',
      'type',
      'diff_ids',
      'Env',
      'Cmd',
      'ExposedPorts',
      '__proto__',
    ];
    const leaf = fc.constantFrom<unknown>('linux', 'amd64', 'layers', diffId, null, 1, '\0', true, []);
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('value')),
        fc.dictionary(fc.constantFrom(...keys), tie('value')),
      ),
    }));
    fc.assert(
      fc.property(value, fc.subarray(Object.entries(ours)), (document, kept) => {
        const whole = { ...(document as object), ...Object.fromEntries(kept) };
        expect(['read', 'image_invalid', 'image_unsupported']).toContain(codeOf(bytes(whole)));
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (document) => {
        expect(() => readImageConfig(document)).toThrow(DocumentError);
      }),
    );
  });
});
