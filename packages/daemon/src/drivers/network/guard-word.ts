import { connect } from 'node:net';
import { BangerError } from '@banger/contract/error';

/** netguard answers between two frames, within milliseconds; one that has no CPU may take longer. */
const ANSWER_TIMEOUT_MS = 5_000;

/** What a running netguard can be told: control.h of netguard. */
export type GuardWord = 'open' | 'closed';

/** Says the word and resolves once netguard does as told and has repeated it; rejects with `network_failed`. */
export function tellGuard(control: string, word: GuardWord): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(control);
    const failed = (cause?: Error): void => {
      socket.destroy();
      reject(
        new BangerError('network_failed', 'The network process of the VM does not answer.', {
          cause,
          hint: 'Restart the VM to have its network again.',
        }),
      );
    };
    let heard = '';
    socket.setEncoding('utf8');
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => failed());
    socket.once('connect', () => socket.write(`${word}\n`));
    socket.on('data', (text) => (heard += text));
    socket.once('error', failed);
    socket.once('close', () => {
      if (heard === `${word}\n`) resolve();
      else failed();
    });
  });
}
