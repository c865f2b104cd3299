import { z } from 'zod';
import { configViewSchema } from './config.ts';
import { vmCopyInSchema, vmCopyOutSchema } from './copy.ts';
import {
  daemonStatusSchema,
  daemonStopSchema,
  helloResultSchema,
  helloSchema,
  nothingSchema,
  stoppedSchema,
} from './daemon.ts';
import { doctorReportSchema } from './doctor.ts';
import { eventsWatchSchema } from './event.ts';
import { execResizeSchema, execSignalSchema, execStartedSchema, streamSchema, vmExecSchema } from './exec.ts';
import { cachePrunedSchema, cachePruneSchema, diskUsesSchema } from './disk-use.ts';
import { gcReportSchema, gcSchema } from './gc.ts';
import {
  imageExportedSchema,
  imageListSchema,
  imagePullSchema,
  imageRefSchema,
  imageRegisterSchema,
  imageViewSchema,
} from './image.ts';
import { vmPingedSchema, vmPingSchema, vmPortSchema, vmPortsSchema, vmStatsSchema } from './guest.ts';
import {
  kernelImportSchema,
  kernelListSchema,
  kernelPullSchema,
  kernelRefSchema,
  kernelViewSchema,
} from './kernel.ts';
import {
  operationListSchema,
  operationOutcomeSchema,
  operationRefSchema,
  operationStartSchema,
  operationViewSchema,
} from './operation.ts';
import {
  vmCallSchema,
  vmCreateSchema,
  vmDeletedSchema,
  vmKillSchema,
  vmLogsSchema,
  vmPlanSchema,
  vmProtectSchema,
  vmSetSchema,
  vmStartSchema,
  vmStopSchema,
  vmViewSchema,
  vmWishSchema,
} from './vm.ts';

export { PROTOCOL_VERSION } from './protocol-version.ts';

/**
 * What a call of a method is. `look`: it may be asked again of another daemon, and does not keep this one busy. `operation`: it changes
 * something, and is listed, watched and cancelled. `stream`: it is over at once, and what it begins is counted as the byte stream that it
 * promises; a thousand commands in a guest would push all else out of the list. `passing`: it changes something, and is over at once; what
 * it begins is an operation or stream of its own.
 */
export type MethodKind = 'look' | 'operation' | 'stream' | 'passing';

/** One row of the method table. */
interface MethodRow {
  readonly kind: MethodKind;
  readonly params: z.ZodType;
  readonly result: z.ZodType;
  readonly summary: string;
}

/** The one table of methods; `docs/protocol.md` is kept equal by a test. */
export const methods = {
  'cache.prune': {
    kind: 'operation',
    params: cachePruneSchema,
    result: cachePrunedSchema,
    summary: 'Removes fetched layers of images that no pull works with, unless told only to count them.',
  },
  'config.show': {
    kind: 'look',
    params: nothingSchema,
    result: configViewSchema,
    summary: 'Every effective value, where it came from, and whether the file has changed since.',
  },
  'daemon.diskUse': {
    kind: 'look',
    params: nothingSchema,
    result: diskUsesSchema,
    summary: 'What images, kernels, VMs and fetched layers take on the disks of this host.',
  },
  'daemon.gc': {
    kind: 'operation',
    params: gcSchema,
    result: gcReportSchema,
    summary: 'Lists what nothing on this host stands for any more, and removes it unless told only to look.',
  },
  'daemon.hello': {
    kind: 'look',
    params: helloSchema,
    result: helloResultSchema,
    summary: 'Version handshake; the first call on a connection.',
  },
  'daemon.status': {
    kind: 'look',
    params: nothingSchema,
    result: daemonStatusSchema,
    summary: 'What the daemon is and what it is doing.',
  },
  'daemon.stop': {
    kind: 'look',
    params: daemonStopSchema,
    result: stoppedSchema,
    summary: 'Ends the daemon; VMs go on running.',
  },
  'doctor.run': {
    kind: 'look',
    params: nothingSchema,
    result: doctorReportSchema,
    summary: 'Checks what this host has and can do; changes nothing.',
  },
  'events.watch': {
    kind: 'look',
    params: eventsWatchSchema,
    result: streamSchema,
    summary: 'What changes from now on, as a stream of JSON lines.',
  },
  'exec.resize': {
    kind: 'passing',
    params: execResizeSchema,
    result: nothingSchema,
    summary: "Tells an exec session's terminal its new size.",
  },
  'exec.signal': {
    kind: 'passing',
    params: execSignalSchema,
    result: nothingSchema,
    summary: "Sends a signal to an exec session's process group.",
  },
  'image.delete': {
    kind: 'operation',
    params: imageRefSchema,
    result: nothingSchema,
    summary: 'Removes an image that no VM uses.',
  },
  'image.export': {
    kind: 'stream',
    params: imageRefSchema,
    result: imageExportedSchema,
    summary: 'Gives an image of this machine to the client, as a bundle.',
  },
  'image.list': {
    kind: 'look',
    params: imageListSchema,
    result: z.array(imageViewSchema),
    summary: 'Images of this machine, and of the catalog when asked.',
  },
  'image.promote': {
    kind: 'operation',
    params: imageRefSchema,
    result: imageViewSchema,
    summary: 'Copies the file of a registered image, so that nobody but the daemon has it.',
  },
  'image.pull': {
    kind: 'operation',
    params: imagePullSchema,
    result: imageViewSchema,
    summary: 'Fetches or builds an image.',
  },
  'image.receive': {
    kind: 'stream',
    params: nothingSchema,
    result: streamSchema,
    summary: 'Takes an archive or a bundle from the client, to be pulled while its connection lasts.',
  },
  'image.register': {
    kind: 'operation',
    params: imageRegisterSchema,
    result: imageViewSchema,
    summary: 'Takes down that a file of the user is an image.',
  },
  'image.show': { kind: 'look', params: imageRefSchema, result: imageViewSchema, summary: 'One image.' },
  'kernel.delete': {
    kind: 'operation',
    params: kernelRefSchema,
    result: nothingSchema,
    summary: 'Removes a kernel that nothing uses.',
  },
  'kernel.import': {
    kind: 'operation',
    params: kernelImportSchema,
    result: kernelViewSchema,
    summary: 'Takes a kernel from a file or directory of the host.',
  },
  'kernel.list': {
    kind: 'look',
    params: kernelListSchema,
    result: z.array(kernelViewSchema),
    summary: 'Kernels of this machine, and of the catalog when asked.',
  },
  'kernel.pull': {
    kind: 'operation',
    params: kernelPullSchema,
    result: kernelViewSchema,
    summary: 'Fetches a kernel.',
  },
  'kernel.show': { kind: 'look', params: kernelRefSchema, result: kernelViewSchema, summary: 'One kernel.' },
  'operation.cancel': {
    kind: 'look',
    params: operationRefSchema,
    result: operationOutcomeSchema,
    summary: 'Has a running operation end early, waits for its undo, and tells what became of it.',
  },
  'operation.list': {
    kind: 'look',
    params: operationListSchema,
    result: z.array(operationViewSchema),
    summary: 'The operations at work, oldest first, and those of the last hour when asked.',
  },
  'operation.show': {
    kind: 'look',
    params: operationRefSchema,
    result: operationOutcomeSchema,
    summary: 'One operation.',
  },
  'operation.start': {
    kind: 'passing',
    params: operationStartSchema,
    result: operationViewSchema,
    summary: 'Begins a call that goes on when its client leaves, and answers at once.',
  },
  'operation.watch': {
    kind: 'look',
    params: operationRefSchema,
    result: operationOutcomeSchema,
    summary: 'Passes on the progress of an operation, its latest stage first, and answers at its end.',
  },
  'stream.attach': {
    kind: 'operation',
    params: streamSchema,
    result: nothingSchema,
    summary: 'Turns the connection into the byte stream of that token.',
  },
  'vm.copyIn': {
    kind: 'stream',
    params: vmCopyInSchema,
    result: streamSchema,
    summary: 'Takes a file or tree from the client into a running VM.',
  },
  'vm.copyOut': {
    kind: 'stream',
    params: vmCopyOutSchema,
    result: streamSchema,
    summary: 'Gives a file or tree of a running VM to the client.',
  },
  'vm.create': {
    kind: 'operation',
    params: vmCreateSchema,
    result: vmViewSchema,
    summary: 'Makes a VM from a resolved spec, and starts it when asked.',
  },
  'vm.delete': {
    kind: 'operation',
    params: vmCallSchema,
    result: vmDeletedSchema,
    summary: 'Stops a VM and removes all that belongs to it.',
  },
  'vm.exec': {
    kind: 'stream',
    params: vmExecSchema,
    result: execStartedSchema,
    summary: 'Starts a command in a running VM.',
  },
  'vm.kill': {
    kind: 'operation',
    params: vmKillSchema,
    result: vmViewSchema,
    summary:
      "Sends a signal to a VM's VMM and cleans up after it; a VM that is starting has its start cancelled.",
  },
  'vm.list': { kind: 'look', params: nothingSchema, result: z.array(vmViewSchema), summary: 'All VMs.' },
  'vm.logs': {
    kind: 'stream',
    params: vmLogsSchema,
    result: streamSchema,
    summary: "A VM's console, from its first boot on.",
  },
  'vm.ping': {
    kind: 'look',
    params: vmPingSchema,
    result: vmPingedSchema,
    summary: 'Asks the agent of a running VM whether it is there.',
  },
  'vm.plan': {
    kind: 'look',
    params: vmWishSchema,
    result: vmPlanSchema,
    summary: 'Resolves a wish into a spec; makes, pulls and starts nothing.',
  },
  'vm.ports': {
    kind: 'look',
    params: vmPortsSchema,
    result: z.array(vmPortSchema),
    summary: 'What programs in a running VM listen on.',
  },
  'vm.protect': {
    kind: 'operation',
    params: vmProtectSchema,
    result: vmViewSchema,
    summary: 'Has delete, reset and prune refuse a VM, or no longer.',
  },
  'vm.prunable': {
    kind: 'look',
    params: nothingSchema,
    result: z.array(vmViewSchema),
    summary: 'VMs that nobody uses: those that `vm.prune` would delete now.',
  },
  'vm.prune': {
    kind: 'operation',
    params: vmCallSchema,
    result: vmDeletedSchema,
    summary: 'Deletes a VM if nobody uses it: refuses one that runs, is protected, or is at work.',
  },
  'vm.reset': {
    kind: 'operation',
    params: vmStartSchema,
    result: vmViewSchema,
    summary:
      'Gives a VM a fresh root disk and keeps its work disk; one that runs is stopped and started again.',
  },
  'vm.restart': {
    kind: 'operation',
    params: vmStartSchema,
    result: vmViewSchema,
    summary: 'Stops a VM cleanly and starts it again.',
  },
  'vm.set': {
    kind: 'operation',
    params: vmSetSchema,
    result: vmViewSchema,
    summary:
      'Changes what a VM is made of: at once where that is possible while it runs, else only when it is stopped.',
  },
  'vm.show': { kind: 'look', params: vmCallSchema, result: vmViewSchema, summary: 'One VM.' },
  'vm.start': {
    kind: 'operation',
    params: vmStartSchema,
    result: vmViewSchema,
    summary: 'Starts a VM; one that runs is as asked already.',
  },
  'vm.stats': {
    kind: 'look',
    params: vmCallSchema,
    result: vmStatsSchema,
    summary: 'What a running VM uses, seen by the host and by itself.',
  },
  'vm.stop': {
    kind: 'operation',
    params: vmStopSchema,
    result: vmViewSchema,
    summary: 'Has the guest sync and power off, or ends it when it does not.',
  },
} as const satisfies Record<string, MethodRow>;

export type Methods = typeof methods;
export type MethodName = keyof Methods;
/** What a client sends with a method. */
export type ParamsOf<M extends MethodName> = z.input<Methods[M]['params']>;
/** What a client gets from a method. */
export type ResultOf<M extends MethodName> = z.output<Methods[M]['result']>;
