import { BangerError } from '@banger/contract/error';
import type { HostSize } from '../domain/vm-defaults.ts';
import { readConfigFile } from './config-file.ts';
import { fillIn, LOG_LEVEL_VARIABLE, type EffectiveConfig } from './effective.ts';
import { configKeys, type LogLevel } from './keys.ts';
import { readToml, TomlError, type Entry, type Problem } from './toml-document.ts';
import type { WrittenRegistry } from './registry-keys.ts';
import { validate } from './validate.ts';

/** Problems that a message lists; who has more mends these first. */
const MOST_SHOWN = 5;

/** What the configuration is made from. */
export interface ConfigInput {
  /** Absolute path of `config.toml`. */
  readonly file: string;
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly host: HostSize;
}

/** The configuration as it was read at one moment. */
export interface LoadedConfig {
  readonly input: ConfigInput;
  /** What the file says, byte for byte; undefined when there was none. */
  readonly text: string | undefined;
  readonly effective: EffectiveConfig;
  /** What it says of registries, by host. */
  readonly registries: ReadonlyMap<string, WrittenRegistry>;
}

/**
 * Reads the configuration; a missing file is an empty one. Rejects with `config_invalid`, naming file, line, column and key of
 * all that is wrong, or with `path_unsafe`.
 */
export async function loadConfig(input: ConfigInput): Promise<LoadedConfig> {
  const { file, uid, env, host } = input;
  const logLevel = readLogLevel(env[LOG_LEVEL_VARIABLE]);
  const text = await readConfigFile(file, uid);
  const { config, registries, problems } = validate(entriesOf(file, text ?? ''));
  if (problems.length > 0) throw invalid(file, problems);
  return { input, text, effective: fillIn(config, { file, host, logLevel }), registries };
}

/** What holds where there is no file, and no variable of the environment either. */
export function withoutFile(input: ConfigInput): LoadedConfig {
  const { config, registries } = validate([]);
  const effective = fillIn(config, { ...input, logLevel: undefined });
  return { input, text: undefined, effective, registries };
}

function entriesOf(file: string, text: string): Entry[] {
  try {
    return readToml(text);
  } catch (thrown) {
    throw thrown instanceof TomlError ? invalid(file, [thrown.problem]) : thrown;
  }
}

/** The level that the environment asks for; an empty variable asks for none. */
function readLogLevel(text: string | undefined): LogLevel | undefined {
  if (text === undefined || text === '') return undefined;
  const { read, must } = configKeys.log_level;
  const level = read({ kind: 'string', text });
  if (level !== undefined) return level;
  throw new BangerError(
    'config_invalid',
    `The environment variable ${LOG_LEVEL_VARIABLE} must ${must}, and is ${JSON.stringify(text.slice(0, 60))}.`,
    { hint: `Correct it, or unset it.`, details: { variable: LOG_LEVEL_VARIABLE } },
  );
}

function invalid(file: string, problems: readonly Problem[]): BangerError {
  const shown = problems.slice(0, MOST_SHOWN);
  const lines = shown.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`);
  const more = problems.length - shown.length;
  return new BangerError(
    'config_invalid',
    [...lines, ...(more === 0 ? [] : [`… and ${more} more`])].join('\n'),
    {
      hint: 'Correct the file; docs/configuration.md lists its keys. Without it the defaults hold.',
      details: { file, problems: shown },
    },
  );
}
