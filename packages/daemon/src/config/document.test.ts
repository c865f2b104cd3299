import { expectSection, table } from '@banger/contract/document.suite';
import { expect, test } from 'vitest';
import { fillIn } from './effective.ts';
import { configKeys, keyNames } from './keys.ts';
import { REGISTRIES, registryKeyNames, registryKeys } from './registry-keys.ts';

test('docs/configuration.md has every key', async () => {
  const keys = [
    ...keyNames.map((name) => [name, configKeys[name]] as const),
    ...registryKeyNames.map((name) => [`${REGISTRIES}."HOST".${name}`, registryKeys[name]] as const),
  ];
  const rows = keys.map(([name, { summary, must, otherwise }]) => [
    `\`${name}\``,
    must.replace(/^be /, ''),
    otherwise,
    summary,
  ]);
  await expectSection(
    'configuration.md',
    'keys',
    table(['key', 'value', 'without it', 'what it decides'], rows),
  );
});

test('what is said to hold without a key does', () => {
  const host = { cpus: 8, memoryMib: 16_384 };
  const effective = fillIn({}, { file: '', host, logLevel: undefined });
  for (const name of keyNames) {
    const { value, origin } = effective[name];
    const { otherwise, write } = configKeys[name];
    const told = value === undefined ? 'off' : String((write as (value: unknown) => string | number)(value));
    if (origin === 'default') expect(`${name} ${otherwise}`).toBe(`${name} ${told}`);
  }
});
