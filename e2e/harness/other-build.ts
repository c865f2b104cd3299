import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BANGER_BIN } from './banger.ts';

/** The artifact under test as another build of it: the same program, with another id. */
export interface OtherBuild {
  /** Its id. */
  readonly build: string;
  /** Its command line. */
  readonly bin: string;
  remove(): void;
}

/** Makes another build out of the one whose id is given. */
export function makeOtherBuild(build: string): OtherBuild {
  const directory = mkdtempSync(join(tmpdir(), 'banger-other-build-'));
  cpSync(dirname(BANGER_BIN), directory, { recursive: true });
  // Another id of the same length: the bundles stay what they are otherwise.
  const another = 'f'.repeat(build.length);
  // V8 knows a script by its length alone: what it compiled of the first build would be taken for this one.
  writeFileSync(join(directory, 'banger-main.cjs.v8'), '');
  for (const file of readdirSync(directory).filter((name) => /\.[cm]js$/.test(name))) {
    const path = join(directory, file);
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(build, another));
  }
  return {
    build: another,
    bin: join(directory, 'banger.mjs'),
    remove: () => rmSync(directory, { recursive: true }),
  };
}
