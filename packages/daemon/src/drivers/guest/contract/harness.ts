import type { ExecRequest, GuestExec, GuestSession, RequestOptions } from '../driver.ts';
import type { FakeCommand } from '../fake/fake-state.ts';

/** A guest under test, and the way to it. */
export interface GuestUnderTest {
  /** Socket of its channel. */
  readonly socket: string;
  /** A directory that exists in the guest. */
  readonly directory: string;
  /** True while a process that `exec` told of runs. */
  isRunning(pid: number): boolean;
  close(): Promise<void>;
}

/** A shell script that a real guest runs, and what the fake one does instead. */
export interface Program {
  readonly script: string;
  readonly fake: FakeCommand;
}

/** Starts a shell script. What is not told is the program's own business: argv, then options of exec. */
export function runScript(
  session: GuestSession,
  program: Program,
  request: Partial<ExecRequest> = {},
  options: RequestOptions = {},
): Promise<GuestExec> {
  return session.exec(
    { ...request, argv: ['/bin/sh', '-c', program.script, ...(request.argv ?? [])] },
    options,
  );
}

/** The fake's `/bin/sh`: looks its script up in a table. */
export function fakeShell(programs: Readonly<Record<string, Program>>): FakeCommand {
  return (context) => {
    const program = Object.values(programs).find(({ script }) => script === context.argv[2]);
    return program === undefined ? { status: 127 } : program.fake(context);
  };
}
