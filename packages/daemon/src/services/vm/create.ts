import { BangerError, toBangerError } from '@banger/contract/error';
import { sizeText } from '@banger/contract/size-text';
import type { VmSpec } from '@banger/contract/vm';
import type { StoredImage } from '../../drivers/image/driver.ts';
import { checkArtifactName } from '../../domain/artifact-name.ts';
import { noImageDefaults } from '../../domain/image-defaults.ts';
import { checkSpecLimits } from '../../domain/limits.ts';
import { sideBySide } from '../../domain/side-by-side.ts';
import { runSteps, StepFailure, type Stage, type Step } from '../../domain/steps.ts';
import { checkVmName } from '../../domain/vm-name.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { capabilities } from './capabilities/list.ts';
import { leastRootBytes } from '../image-view.ts';
import { checkEnvironment } from './environment.ts';
import type { VmDeps } from './deps.ts';
import { saidBy } from './image-defaults.ts';
import { removeResources } from './resources.ts';
import { makeVmDirectory } from './vm-directory.ts';

interface CreateContext {
  readonly deps: VmDeps;
  row: VmRow;
  image?: StoredImage;
}

/** Bytes of an id: 12 hexadecimal digits, so that a prefix of four or five tells VMs apart. */
const ID_BYTES = 6;
const MACHINE_ID_BYTES = 16;

/** Everything of a spec that can be refused without looking at the host. */
export function checkSpec(spec: VmSpec): void {
  checkVmName(spec.name);
  checkArtifactName('kernel', spec.kernel);
  checkSpecLimits(spec);
  checkEnvironment(spec.env);
  if (spec.network === 'none' && spec.outbound) {
    throw new BangerError('invalid_argument', 'A VM without a network cannot reach the outside.');
  }
}

/** Refuses, with `invalid_argument`, a root disk that is smaller than its image. */
export function checkImageFits({ rootBytes, image }: VmSpec, stored: StoredImage): void {
  const least = leastRootBytes(stored);
  if (rootBytes >= least) return;
  throw new BangerError(
    'invalid_argument',
    `A root disk of ${sizeText(rootBytes)} is too small: the image ${image} needs ${sizeText(least)}.`,
    { hint: 'Give a larger --root-size, or leave it out.' },
  );
}

/** Reserves id, name and MAC of a new VM by writing its row. A refusal leaves no row. */
export function reserve(deps: VmDeps, spec: VmSpec, ephemeral: boolean): VmRow {
  checkSpec(spec);
  deps.images.check(spec.image);
  const now = deps.clock.now();
  const row: VmRow = {
    id: hex(deps, ID_BYTES),
    spec,
    state: 'creating',
    phase: '',
    reason: '',
    hint: '',
    stateSince: now,
    createdAt: now,
    lastUsedAt: now,
    ephemeral,
    startAgain: false,
    protected: false,
    mac: macAddress(deps),
    machineId: hex(deps, MACHINE_ID_BYTES),
    init: 'agent',
    imageDefaults: noImageDefaults,
    steps: [],
    warnings: [],
  };
  deps.vms.insert(row);
  deps.log.info({ vm: row.id, name: spec.name }, 'vm reserved');
  return row;
}

/** Makes the disks of a reserved VM, whose lock the caller holds. Whatever fails, nothing is left, not even the row. */
export async function createHeld(deps: VmDeps, row: VmRow, signal: AbortSignal): Promise<VmRow> {
  const taken = deps.steps.begin(row.id);
  const context: CreateContext = { deps, row };
  try {
    await runSteps(createSteps, context, { signal, ...taken });
    const said = context.image === undefined ? {} : saidBy(context.image);
    return deps.states.go(row.id, 'stopped', {}, { steps: taken.steps, ...said });
  } catch (thrown) {
    const failure = thrown instanceof StepFailure ? thrown : undefined;
    // What the steps made whole is undone here: their own undo is over.
    const undoErrors = failure?.undoErrors ?? (await deps.ledger.remove(row.id));
    const error = failure?.error ?? toBangerError(thrown);
    if (undoErrors.length === 0) {
      deps.vms.delete(row.id);
    } else {
      const reason = undoErrors.map((undo) => `Not removed: ${undo.message}`).join('\n');
      deps.states.go(row.id, 'error', {
        phase: failure?.step ?? '',
        reason: `${error.message}\n${reason}`,
        hint: error.hint,
      });
    }
    throw error;
  } finally {
    taken.close();
  }
}

/** What a creation does before the start. */
export const createSteps: readonly Stage<CreateContext>[] = [
  {
    name: 'image',
    title: 'Looking for image and kernel',
    run: async (context, signal) => {
      const { deps, row } = context;
      const [image] = await sideBySide(signal, [
        (either) => deps.images.ensure(row.spec.image, either),
        (either) => deps.kernels.ensure(row.spec.kernel, either),
      ]);
      checkImageFits(row.spec, image);
      checkEnvironment([...saidBy(image).imageDefaults.env, ...row.spec.env]);
      context.image = image;
      // From here on by its name here: what it was pulled as may come to mean another one.
      const { name } = image.manifest;
      if (name !== row.spec.image)
        context.row = deps.vms.update(row.id, { spec: { ...row.spec, image: name } });
    },
  },
  {
    name: 'directory',
    title: 'Making the VM directory',
    run: async ({ deps, row }) => {
      const path = deps.layout.vm(row.id).directory;
      await deps.ledger.make(row.id, 'directory', { path }, () => makeVmDirectory(path));
    },
    undo: ({ deps, row }) => removeResources(deps.ledger, row.id),
  },
  capabilities.flatMap(({ name, make }) => {
    if (make === undefined) return [];
    const run: Step<CreateContext>['run'] = async ({ deps, row, image }, ...rest) => {
      if (image === undefined) throw new BangerError('internal', 'A step ran out of order.');
      await make.run({ deps, row, image }, ...rest);
    };
    return [{ name, title: make.title, run }];
  }),
];

function hex(deps: VmDeps, bytes: number): string {
  return Buffer.from(deps.randomBytes(bytes)).toString('hex');
}

/** A locally administered unicast address (IEEE 802, second-least bit of the first octet), unique by the row's constraint. */
function macAddress(deps: VmDeps): string {
  const tail = [...deps.randomBytes(5)].map((byte) => byte.toString(16).padStart(2, '0'));
  return ['02', ...tail].join(':');
}
