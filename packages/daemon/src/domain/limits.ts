import { BangerError } from '@banger/contract/error';
import type { VmSpec } from '@banger/contract/vm';
import { allowedText, isAllowed, vmLimits, type Limited } from '@banger/contract/vm-limits';

/** Refuses a spec with a value out of its limits with `invalid_argument`, naming the field and what is allowed. */
export function checkSpecLimits(spec: Partial<Pick<VmSpec, Limited>>): void {
  for (const key of Object.keys(vmLimits) as Limited[]) {
    const value = spec[key];
    if (value === undefined || isAllowed(key, value)) continue;
    const { least, most, text } = vmLimits[key];
    throw new BangerError('invalid_argument', `${key} is ${text(value)}: it must be ${allowedText(key)}.`, {
      details: { key, value, least, most },
    });
  }
}
