/** What is needed of a log. */
interface BugLog {
  error(facts: object, text: string): void;
  fatal(facts: object, text: string): void;
}

/**
 * Puts bugs that nothing caught on record, until the returned function is called. An uncaught exception ends the daemon
 * by `exit`: it broke off some code midway, and what memory holds since is anyone's guess; VMs run on, and the next
 * daemon finds them. A rejection that nobody awaited does not: the work that it ended had ended, what matters is in the
 * database, and to end here would cut off the calls of all the others.
 */
export function watchForBugs(
  log: BugLog,
  exit: (status: number) => void = (status) => process.exit(status),
): () => void {
  const onRejection = (reason: unknown): void =>
    log.error({ error: String(reason), stack: stackOf(reason) }, 'bug: a rejection that nobody awaited');
  const onException = (error: unknown): void => {
    log.fatal({ error: String(error), stack: stackOf(error) }, 'bug: an uncaught exception; the daemon ends');
    exit(1);
  };
  process.on('unhandledRejection', onRejection);
  process.on('uncaughtException', onException);
  return () => {
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onException);
  };
}

function stackOf(thrown: unknown): string | undefined {
  return thrown instanceof Error ? thrown.stack : undefined;
}
