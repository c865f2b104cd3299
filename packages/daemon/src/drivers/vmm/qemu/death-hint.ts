/** What QEMU says when it cannot start, and what to do about it; looked at in this order. */
const hints: readonly (readonly [RegExp, string])[] = [
  [
    /cannot allocate memory|cannot set up guest memory/i,
    'The host has too little free memory: give the VM less with --memory, or stop another VM.',
  ],
  [
    /failed to get "(write|shared "write")" lock|is another process using the image/i,
    'Another program has a disk of this VM open; end it and start the VM again.',
  ],
  [/no space left on device/i, 'Free some space and start the VM again.'],
  [
    /could not access kvm|failed to initialize kvm|failed to set msr/i,
    'KVM does not work on this host; see `banger doctor`.',
  ],
  [
    /could not open .*: permission denied|permission denied/i,
    'Check the owner and mode of the file that the message names.',
  ],
  [
    /invalid (parameter|option)|is not a valid (option|device)|unsupported machine|not supported/i,
    'This QEMU does not know an option that banger needs; see `banger doctor` for the supported versions.',
  ],
];

/** What to do about QEMU's last words; undefined when they are of no known kind. */
export function deathHint(words: string): string | undefined {
  return hints.find(([pattern]) => pattern.test(words))?.[1];
}
