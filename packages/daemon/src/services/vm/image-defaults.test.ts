import { describe, expect, test } from 'vitest';
import { noImageDefaults, type ImageDefaults } from '../../domain/image-defaults.ts';
import { imageDefaultsOf, resolveCommand } from './image-defaults.ts';

const bare: ImageDefaults = { ...noImageDefaults, shell: false };
const server: ImageDefaults = {
  shell: false,
  env: ['A=b'],
  cwd: '/srv',
  user: 'web:web',
  entrypoint: ['/server', '--plain'],
  cmd: ['--port', '80'],
};

describe('what a VM keeps of its image', () => {
  const config = { ...server, exposedPorts: ['80/tcp'] };

  test('is what a configuration says, and what was found', () => {
    expect(imageDefaultsOf({ config, shell: true })).toEqual({ ...server, shell: true });
  });

  test('has no variables that could not be set', () => {
    const env = ['A=b', 'ALONE', '=x', '', 'B=\0', 'C=', 'D=e=f'];
    expect(imageDefaultsOf({ shell: true, config: { ...config, env } }).env).toEqual(['A=b', 'C=', 'D=e=f']);
  });

  test('has a directory from the root on', () => {
    expect(imageDefaultsOf({ shell: true, config: { ...config, cwd: 'app' } }).cwd).toBe('/app');
    expect(imageDefaultsOf({ shell: true, config: { ...config, cwd: '' } }).cwd).toBe('');
  });

  test('has no entry point of empty words', () => {
    expect(
      imageDefaultsOf({ shell: true, config: { ...config, entrypoint: [''], cmd: [''] } }),
    ).toMatchObject({
      entrypoint: [],
      cmd: [],
    });
  });
});

describe('what is run', () => {
  test('without a command and with a shell: the shell', () => {
    expect(resolveCommand({ ...server, shell: true }, { argv: [], orImageCommand: true })).toEqual({
      argv: [],
      plain: false,
      user: 'web:web',
      cwd: '/srv',
      makeCwd: true,
    });
  });

  test('without a command and a shell: entry point and command, as docker run puts them together', () => {
    expect(resolveCommand(server, { argv: [], orImageCommand: true }).argv).toEqual([
      ...['/server', '--plain', '--port', '80'],
    ]);
    const only = { ...bare, cmd: ['/one'] };
    expect(resolveCommand(only, { argv: [], orImageCommand: true }).argv).toEqual(['/one']);
  });

  test('a shell that was asked for as such stays one, for the guest to find or not', () => {
    expect(resolveCommand(server, { argv: [] }).argv).toEqual([]);
  });

  test('a command is never put behind an entry point', () => {
    expect(resolveCommand(server, { argv: ['ls', '/'], orImageCommand: true }).argv).toEqual(['ls', '/']);
  });

  test('no profile is read where it could undo the PATH of the image', () => {
    const image = { ...bare, shell: true, env: ['A=b', 'PATH=/go/bin:/bin'] };
    expect(resolveCommand(image, { argv: [] }).plain).toBe(true);
  });

  test('neither a shell nor a command is told', () => {
    expect(() => resolveCommand(bare, { argv: [], orImageCommand: true })).toThrow(
      expect.objectContaining({ code: 'shell_not_found' }) as Error,
    );
  });

  test("the caller's user and directory win, and a directory of theirs is not made", () => {
    expect(resolveCommand(server, { argv: ['id'], user: 'root', cwd: '/nope' })).toEqual({
      argv: ['id'],
      plain: false,
      user: 'root',
      cwd: '/nope',
      makeCwd: false,
    });
  });

  test('what nobody says is left to the guest', () => {
    expect(resolveCommand(bare, { argv: ['id'] })).toEqual({
      argv: ['id'],
      plain: false,
      user: undefined,
      cwd: undefined,
      makeCwd: false,
    });
  });
});
