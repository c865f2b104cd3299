import { Transform } from 'node:stream';

const ESCAPE = '~'.charCodeAt(0);
const LEAVE = '.'.charCodeAt(0);
/** Enter in raw mode, and what is pasted. */
const LINE_ENDS = new Set(['\r', '\n'].map((end) => end.charCodeAt(0)));

/**
 * Passes keys on, all but those that leave a session: `~.` at the beginning of a line, as in ssh(1). Then `onLeave` is called, and nothing
 * more is passed on. `~~` there is one tilde; one before any other key waits for that key.
 */
export function leaveKeys(onLeave: () => void): Transform {
  let lineBegins = true;
  let escaped = false;
  let left = false;
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      const passed: number[] = [];
      for (const key of chunk) {
        if (left) break;
        if (escaped && key === LEAVE) {
          left = true;
          onLeave();
          break;
        }
        if (lineBegins && !escaped && key === ESCAPE) {
          escaped = true;
          continue;
        }
        if (escaped && key !== ESCAPE) passed.push(ESCAPE);
        escaped = false;
        passed.push(key);
        lineBegins = LINE_ENDS.has(key);
      }
      done(null, Buffer.from(passed));
    },
    flush: (done) => done(null, escaped && !left ? Buffer.from([ESCAPE]) : null),
  });
}
