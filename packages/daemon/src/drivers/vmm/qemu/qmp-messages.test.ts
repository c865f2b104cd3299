import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBangerError } from '@banger/contract/error';
import { GREETING } from '../fake/scripted-qemu.ts';
import { parseQmpLine } from './qmp-messages.ts';

describe('a line of QMP', () => {
  it('is a greeting, a reply, a refusal or an event', () => {
    expect(parseQmpLine(GREETING)).toEqual({ kind: 'greeting', version: '7.2.22' });
    expect(parseQmpLine('{"return": {"status": "running"}, "id": 3}')).toEqual({
      kind: 'reply',
      id: 3,
      value: { status: 'running' },
    });
    expect(parseQmpLine('{"id": 4, "error": {"class": "GenericError", "desc": "no"}}')).toEqual({
      kind: 'error',
      id: 4,
      class: 'GenericError',
      description: 'no',
    });
    expect(parseQmpLine('{"timestamp": {}, "event": "STOP"}')).toEqual({
      kind: 'event',
      event: { name: 'STOP', data: {} },
    });
  });

  it.each([
    '',
    'null',
    '[]',
    '7',
    '{}',
    '{"id": 1}',
    '{"return": {}}',
    '{"QMP": {}}',
    '{"event": 1}',
    '{"event',
  ])('is refused as %j', (line) => {
    expect(() => parseQmpLine(line)).toThrow(expect.objectContaining({ code: 'vmm_failed' }));
  });

  it('never makes the parser fail in another way', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((json) => `{"event":"A","data":${json}}`),
        ),
        (line) => {
          try {
            parseQmpLine(line);
          } catch (error) {
            expect(isBangerError(error, 'vmm_failed')).toBe(true);
          }
        },
      ),
    );
  });
});
