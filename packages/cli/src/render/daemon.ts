import type { Build } from '@banger/contract/daemon';
import { sections } from './sections.ts';
import { sinceText } from './units.ts';
import type { Renderer } from './view.ts';

/** Version, commit, build time and build id on one line. */
export function buildText({ version, commit, builtAt, build }: Build): string {
  const facts = [
    commit === '' ? '' : `commit ${commit}`,
    builtAt === '' ? '' : `built ${builtAt}`,
    `build ${build}`,
  ];
  return `${version} (${facts.filter((fact) => fact !== '').join(', ')})`;
}

/** `daemon status`. */
export const renderDaemonStatus: Renderer<'daemon.status'> = (status, screen) => {
  if (!status.running)
    return screen.quiet ? 'not running' : `not running (the next command that needs it starts it)`;
  if (screen.quiet) return 'running';
  return sections(
    [
      {
        title: '',
        rows: [
          ['State', `running for ${sinceText(status.startedAt, screen.now)}`],
          ['Process', String(status.pid)],
          ['Version', buildText(status.build)],
          ['Socket', status.socket],
          ['Log', status.log],
          ['Data', status.state],
          ['VMs', `${status.vms.total}, ${status.vms.running} running`],
          ['At work', status.busy.length === 0 ? 'nothing' : status.busy.join(', ')],
        ],
      },
    ],
    screen,
  );
};

/** `daemon stop`. */
export const renderDaemonStop: Renderer<'daemon.stop'> = ({ stopped, pid }) =>
  stopped ? `stopped (process ${pid}); VMs go on running` : 'not running';

/** `version`: of this program and of the daemon that runs. */
export const renderVersion: Renderer<'version'> = ({ cli, daemon }, screen) =>
  screen.quiet
    ? cli.version
    : [
        `banger   ${buildText(cli)}`,
        `bangerd  ${daemon === null ? 'not running' : `${buildText(daemon)}, process ${daemon.pid}`}`,
        ...(daemon !== null && daemon.build !== cli.build ? ['They are of different builds.'] : []),
      ].join('\n');
