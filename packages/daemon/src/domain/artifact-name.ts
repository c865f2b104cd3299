import { BangerError } from '@banger/contract/error';

/** Letters, digits, `.`, `-`, `_`; a leading dot is kept for what is being made. 128 as in OCI tags. */
const ARTIFACT_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** True for a name that an image or a kernel may have. */
export function isArtifactName(name: string): boolean {
  return ARTIFACT_NAME.test(name);
}

/** Refuses a name that no image or kernel may have with `name_invalid`; a name is never rewritten. */
export function checkArtifactName(kind: 'image' | 'kernel', name: string): string {
  if (isArtifactName(name)) return name;
  const shown = name.replace(/\p{C}/gu, '?').slice(0, 80);
  throw new BangerError(
    'name_invalid',
    `"${shown}" is not a name for ${kind === 'image' ? 'an' : 'a'} ${kind}.`,
    {
      hint: 'Use 1-128 letters, digits, ".", "-" and "_", beginning with a letter, a digit or "_".',
      details: { name },
    },
  );
}
