/** What keeps a process at work that has nothing more to do, a pipe that nobody closes for instance, is not waited for longer. */
const LEFT_OPEN_MS = 500;

/**
 * Ends this process with the status once nothing is open any more, and soon all the same. Not by `process.exit` at once: that waits for
 * V8's threads, and one that compiles and then waits for the main thread's next garbage collection waits for ever (nodejs/node 64560,
 * seen once in some thousand command lines). A process that runs out of work tells its threads first.
 */
export function endProcess(status: number): void {
  process.exitCode = status;
  setTimeout(() => process.exit(status), LEFT_OPEN_MS).unref();
}
