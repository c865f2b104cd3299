import type { Input } from '../machine.ts';

/** What is typed ahead is kept up to this; the rest waits in the kernel, whose own buffer holds 4 KiB (n_tty). */
const MOST_TYPED_AHEAD = 65_536;
const CTRL_C = 0x03;

/** A terminal's keyboard in raw mode, so that keys typed before the session begins are not lost. */
export interface Keyboard {
  /** From now on the keys are read by somebody else: those typed ahead come first, Ctrl-C is a key like any other. */
  handOver(): void;
  /** Puts the terminal back as it was. Harmless twice. */
  close(): void;
}

/**
 * Takes the keyboard: raw mode, without echo, which leaves the display to progress. Until it is handed over, Ctrl-C
 * calls `onInterrupt`, and drops what was typed before it.
 */
export function openKeyboard(stdin: Input, onInterrupt: () => void): Keyboard {
  let kept: Buffer[] = [];
  let size = 0;
  let open = true;
  const onData = (chunk: Buffer): void => {
    const interrupt = chunk.lastIndexOf(CTRL_C);
    if (interrupt >= 0) {
      kept = [];
      size = 0;
      onInterrupt();
    }
    const rest = chunk.subarray(interrupt + 1);
    kept.push(rest);
    size += rest.length;
    if (size >= MOST_TYPED_AHEAD) stdin.pause();
  };
  stdin.setRawMode?.(true);
  stdin.on('data', onData);
  return {
    handOver: () => {
      stdin.pause();
      stdin.off('data', onData);
      if (size > 0 && !stdin.readableEnded) stdin.unshift(Buffer.concat(kept));
    },
    close: () => {
      if (!open) return;
      open = false;
      stdin.off('data', onData);
      stdin.pause();
      stdin.setRawMode?.(false);
    },
  };
}
