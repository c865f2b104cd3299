import type { ConfigView } from '@banger/contract/config';
import { toBangerError } from '@banger/contract/error';
import type { EffectiveConfig } from '../config/effective.ts';
import { configKeys, keyNames, type ConfigKey } from '../config/keys.ts';
import type { LoadedConfig } from '../config/load.ts';

type Value = ConfigView['values'][number]['value'];

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
    const { input, text, effective } = this.#loaded;
    return {
      file: input.file,
      found: text !== undefined,
      values: keyNames.map((key) => {
        const { origin, source } = effective[key];
        return { key, value: written(effective, key), origin, source };
      }),
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
    const { text, effective } = this.#loaded;
    if (now.text === text) return { state: 'unchanged' };
    const differences = keyNames
      .map((key) => ({ key, from: written(effective, key), to: written(now.effective, key) }))
      .filter(({ from, to }) => from !== to);
    return { state: 'changed', differences };
  }
}

/** A value as one would write it in the file; null when it is off. */
function written(effective: EffectiveConfig, key: ConfigKey): Value {
  const { value } = effective[key];
  const write = configKeys[key].write as (value: unknown) => string | number;
  return value === undefined ? null : write(value);
}
