import { execFileSync, type ExecFileSyncOptions } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import type { Build } from '../../packages/contract/src/daemon.ts';
import { headCommit } from '../../packages/contract/src/head-commit.ts';
import { bundle } from './bundle.ts';
import { buildId } from './sources.ts';
import { modulesAtStart, packagesTooEarly } from './start-up.ts';

/** Makes the artifact in dist/: the bundles of command line and daemon, and beside them what is made from C. */
const root = join(import.meta.dirname, '../..');
/** Made beside the last artifact and put in its place when whole: a build that fails, or two at once, break neither. */
const dist = join(root, 'build', `dist-${process.pid}`);
/** What is made from C and shipped; build/ also has what only tests use. */
const ASSETS = ['guest/agent', 'netguard/netguard'];

const info: Build = {
  version: (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
  commit: headCommit(root) ?? 'unknown',
  builtAt: buildTime().toISOString(),
  build: buildId(root),
};

const QUIET = { stdio: ['ignore', 'ignore', 'inherit'] } satisfies ExecFileSyncOptions;

try {
  await makeArtifact();
  publish();
} finally {
  rmSync(dist, { recursive: true, force: true });
}
console.log(`dist: version ${info.version}, commit ${info.commit.slice(0, 12)}, build ${info.build}`);

async function makeArtifact(): Promise<void> {
  const metafiles = await bundle(root, dist, info);
  copyFileSync(join(import.meta.dirname, 'launcher.mjs'), join(dist, 'banger.mjs'));
  chmodSync(join(dist, 'banger.mjs'), 0o755);
  for (const asset of ASSETS) copyAsset(asset);

  const commandLine = metafiles.get('banger-main');
  if (commandLine === undefined) throw new Error('the command line was not bundled');
  const early = packagesTooEarly(modulesAtStart(commandLine, 'packages/cli/src/main.ts'));
  if (early.length > 0) {
    throw new Error(`every command loads ${early.join(', ')} at its start; import it where it is used`);
  }
  keepCompiled();
  // Proves that it starts.
  execFileSync(process.execPath, [join(dist, 'banger.mjs'), '--help'], QUIET);
}

/** Runs a command that needs no daemon and no host but goes far enough to have most of what every command needs compiled. */
function keepCompiled(): void {
  const home = mkdtempSync(join(tmpdir(), 'banger-build-'));
  try {
    const argv = [join(import.meta.dirname, 'code-cache.mjs'), dist, 'daemon', 'stop'];
    execFileSync(process.execPath, argv, { ...QUIET, env: { ...process.env, BANGER_HOME: home } });
  } finally {
    rmSync(home, { recursive: true });
  }
  const bundle = join(dist, 'banger-main.cjs');
  const cachedData = readFileSync(`${bundle}.v8`);
  if (new Script(readFileSync(bundle, 'utf8'), { cachedData }).cachedDataRejected !== false) {
    throw new Error('V8 refuses what it compiled itself');
  }
}

function publish(): void {
  const old = `${dist}-old`;
  if (existsSync(join(root, 'dist'))) renameSync(join(root, 'dist'), old);
  renameSync(dist, join(root, 'dist'));
  rmSync(old, { recursive: true, force: true });
}

function copyAsset(asset: string): void {
  const from = join(root, 'build', asset);
  if (!existsSync(from)) throw new Error(`build/${asset} is missing; run make setup`);
  mkdirSync(dirname(join(dist, asset)), { recursive: true });
  copyFileSync(from, join(dist, asset));
}

/** Now, or what SOURCE_DATE_EPOCH says (reproducible-builds.org, seconds since 1970). */
function buildTime(): Date {
  const epoch = process.env['SOURCE_DATE_EPOCH'];
  if (epoch === undefined || epoch === '') return new Date();
  if (!/^\d+$/.test(epoch)) throw new Error(`SOURCE_DATE_EPOCH is no number of seconds: ${epoch}`);
  return new Date(Number(epoch) * 1_000);
}
