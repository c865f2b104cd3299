import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import * as rpcLimits from '../../rpc/src/limits.ts';
import { ATTACH, CANCEL, PROGRESS } from '../../rpc/src/messages.ts';
import { configViewSchema } from './config.ts';
import { copyEndSchema, uploadEndSchema } from './copy.ts';
import { buildSchema, daemonStatusSchema } from './daemon.ts';
import { doctorReportSchema } from './doctor.ts';
import { expectSection, table } from './document.suite.ts';
import { eventSchema } from './event.ts';
import { execEndSchema } from './exec.ts';
import { imageViewSchema } from './image.ts';
import { kernelViewSchema } from './kernel.ts';
import { methods, type MethodName } from './methods.ts';
import { operationOutcomeSchema, operationViewSchema, subjectSchema } from './operation.ts';
import { progressSchema } from './progress.ts';
import { PROTOCOL_VERSION } from './protocol-version.ts';
import { OUR_ERROR } from './rpc-error.ts';
import { shape } from './shape.suite.ts';
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES, frameKind } from './stream-frames.ts';
import { vmPlanSchema, vmSpecSchema, vmStateSchema, vmViewSchema } from './vm.ts';

/** Shapes that have a name of their own in the document. */
const named: Readonly<Record<string, z.ZodType>> = {
  Build: buildSchema,
  ConfigView: configViewSchema,
  CopyEnd: copyEndSchema,
  DaemonStatus: daemonStatusSchema,
  DoctorReport: doctorReportSchema,
  Event: eventSchema,
  ExecEnd: execEndSchema,
  ImageView: imageViewSchema,
  KernelView: kernelViewSchema,
  OperationOutcome: operationOutcomeSchema,
  OperationView: operationViewSchema,
  Progress: progressSchema,
  Subject: subjectSchema,
  UploadEnd: uploadEndSchema,
  VmPlan: vmPlanSchema,
  VmSpec: vmSpecSchema,
  VmState: vmStateSchema,
  VmView: vmViewSchema,
};

const code = (text: string): string => `\`\`\`\n${text}\n\`\`\``;
const seconds = (ms: number): string => `${ms / 1000} s`;
const bytes = (count: number): string =>
  count % 2 ** 20 === 0 ? `${count / 2 ** 20} MiB` : `${count / 1024} KiB`;

describe('docs/protocol.md', () => {
  test('has every method with its params and result', async () => {
    const sections = (Object.keys(methods) as MethodName[]).map((name) => {
      const { params, result, summary } = methods[name];
      const types = `params  ${shape(params, 'input', named)}\nresult  ${shape(result, 'output', named)}`;
      return `### \`${name}\`\n\n${summary}\n\n${code(types)}`;
    });
    await expectSection('protocol.md', 'methods', sections.join('\n\n'));
  });

  test('has every shape that it names', async () => {
    const shapes = Object.entries(named).map(([name, schema]) => {
      const others = Object.fromEntries(Object.entries(named).filter(([other]) => other !== name));
      return `${name} = ${shape(schema, 'output', others)}`.replace(' \n', '\n');
    });
    await expectSection('protocol.md', 'shapes', code(shapes.join('\n\n')));
  });

  test('has the limits of the transport', async () => {
    const {
      MAX_LINE_BYTES,
      MAX_CALLS,
      MAX_ID_LENGTH,
      MAX_QUEUED_BYTES,
      MAX_HELD_EVENTS,
      CLOSE_GRACE_MS,
      CANCEL_ANSWER_MS,
      STREAM_OFFER_MS,
      defaultLimits: _default,
      ...others
    } = rpcLimits;
    expect(others).toEqual({});
    const rows = [
      ['a line, in either direction', bytes(MAX_LINE_BYTES)],
      ['calls at work on one connection, and messages in a batch', MAX_CALLS],
      ['an id that is a string', `${MAX_ID_LENGTH} characters`],
      ['answers that wait for a client which does not read', bytes(MAX_QUEUED_BYTES)],
      ['progress events that wait for such a client, for each call', `the newest ${MAX_HELD_EVENTS}`],
      ['answers of cancelled calls after their client has half-closed', seconds(CLOSE_GRACE_MS)],
      ["the client's wait for the answer of a call that it cancelled", seconds(CANCEL_ANSWER_MS)],
      ['the time until a promised stream is picked up', seconds(STREAM_OFFER_MS)],
    ];
    await expectSection('protocol.md', 'limits', table(['what', 'at most'], rows));
  });

  test('has the kinds of frames', async () => {
    const meaning: Record<keyof typeof frameKind, [string, string]> = {
      stdin: ['to the daemon', 'input of the command, or a tree; an empty one is its end'],
      stdout: ['to the client', 'output of the command, bytes of a console, events, or a tree'],
      stderr: ['to the client', 'its error output'],
      exit: ['to the client', 'the last frame of an exec, an `ExecEnd`, or of a copy, a `CopyEnd`; as JSON'],
    };
    const names = Object.keys(frameKind) as (keyof typeof frameKind)[];
    const rows = names.map((name) => [frameKind[name], name, ...meaning[name]]);
    await expectSection('protocol.md', 'frames', table(['kind', 'name', 'direction', 'payload'], rows));
  });

  test('has the numbers', async () => {
    const rows: [string, string | number][] = [
      ['protocol version', PROTOCOL_VERSION],
      ['`error.code` of an error that JSON-RPC has no number for', OUR_ERROR],
      ['header of a frame', `${FRAME_HEADER_BYTES} bytes`],
      ['payload of a frame, at most', bytes(MAX_FRAME_BYTES)],
    ];
    await expectSection('protocol.md', 'numbers', table(['what', 'value'], rows));
  });

  test('names notifications and upgrade as the transport does', () => {
    expect([CANCEL, PROGRESS, ATTACH]).toEqual(['$/cancel', '$/progress', 'stream.attach']);
  });
});
