import type { ConfigView } from '@banger/contract/config';
import { toBangerError } from '@banger/contract/error';
import type { EffectiveConfig } from '../config/effective.ts';
import { dotted } from '../config/dotted.ts';
import { configKeys, keyNames, type ConfigKey } from '../config/keys.ts';
import type { LoadedConfig } from '../config/load.ts';
import { REGISTRIES, registryKeyNames, registryKeys } from '../config/registry-keys.ts';

type Values = ConfigView['values'];
type Value = Values[number]['value'];

/** Tells what the daemon works with, and whether a new one would work with something else. */
export class ConfigService {
  readonly #loaded: LoadedConfig;
  readonly #reload: () => Promise<LoadedConfig>;

  /** `loaded` is what the daemon works with; `reload` reads the file once more. */
  constructor(loaded: LoadedConfig, reload: () => Promise<LoadedConfig>) {
    this.#loaded = loaded;
    this.#reload = reload;
  }

  async show(): Promise<ConfigView> {
    const { input, text } = this.#loaded;
    return {
      file: input.file,
      found: text !== undefined,
      values: valuesOf(this.#loaded),
      now: await this.#now(),
    };
  }

  async #now(): Promise<ConfigView['now']> {
    let now: LoadedConfig;
    try {
      now = await this.#reload();
    } catch (thrown) {
      const { code, message, hint } = toBangerError(thrown);
      return { state: 'invalid', code, message, hint };
    }
    if (now.text === this.#loaded.text) return { state: 'unchanged' };
    const [before, after] = [valuesOf(this.#loaded), valuesOf(now)];
    const differences = [...new Set([...before, ...after].map(({ key }) => key))]
      .map((key) => ({ key, from: valueIn(before, key), to: valueIn(after, key) }))
      .filter(({ from, to }) => from !== to);
    return { state: 'changed', differences };
  }
}

/** All that holds: every key, and of registries those that the file has something to say of. */
function valuesOf({ input, effective, registries }: LoadedConfig): Values {
  const keys = keyNames.map((key) => {
    const { origin, source } = effective[key];
    return { key, value: written(effective, key), origin, source };
  });
  const said = [...registries].flatMap(([host, registry]) =>
    registryKeyNames.flatMap((name) => {
      const found = registry[name];
      if (found === undefined) return [];
      const write = registryKeys[name].write as (value: unknown) => string | number;
      const key = dotted([REGISTRIES, host, name]);
      return [
        { key, value: write(found.value), origin: 'config' as const, source: `${input.file}:${found.line}` },
      ];
    }),
  );
  return [...keys, ...said];
}

function valueIn(values: Values, key: string): Value {
  return values.find((each) => each.key === key)?.value ?? null;
}

/** A value as one would write it in the file; null when it is off. */
function written(effective: EffectiveConfig, key: ConfigKey): Value {
  const { value } = effective[key];
  const write = configKeys[key].write as (value: unknown) => string | number;
  return value === undefined ? null : write(value);
}
