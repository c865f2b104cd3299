/** One row of the error table: what the code means and what to do next. */
export interface ErrorCodeRow {
  /** `user`: the caller can mend it. `system`: the machine is at fault. `bug`: we are. */
  readonly kind: 'user' | 'system' | 'bug';
  /** What the code means, in one sentence; the text of `docs/errors.md`. */
  readonly summary: string;
  /** What to do next when the error itself says nothing more precise. */
  readonly hint: string;
}

const table = {
  agent_limit: {
    kind: 'system',
    summary: 'The guest agent serves as many requests as it can.',
    hint: 'End some of the commands that run in the VM, then try again.',
  },
  agent_lost: {
    kind: 'system',
    summary: 'The channel to the guest agent ended.',
    hint: 'The VM may have stopped: see `banger vm show NAME` and `banger vm logs NAME`.',
  },
  agent_not_ready: {
    kind: 'system',
    summary: 'The guest agent did not answer in time.',
    hint: 'Read the console with `banger vm logs NAME`.',
  },
  agent_protocol: {
    kind: 'system',
    summary: 'The guest sent something that is not the agent protocol.',
    hint: 'The guest may be hostile or broken; delete the VM with `banger vm delete NAME`.',
  },
  cancelled: {
    kind: 'user',
    summary: 'The call was cancelled.',
    hint: 'Run the command again when you want it.',
  },
  command_ended: {
    kind: 'user',
    summary: 'The command in the guest has ended already.',
    hint: 'How it ended is told where it was started.',
  },
  command_failed: {
    kind: 'system',
    summary: 'A program of the host that banger needs failed.',
    hint: 'Run `banger doctor`; the message shows what the program said.',
  },
  command_not_executable: {
    kind: 'user',
    summary: 'The command exists in the guest but cannot be executed.',
    hint: 'Check its mode and its interpreter inside the VM.',
  },
  command_not_found: {
    kind: 'user',
    summary: 'The command does not exist in the guest.',
    hint: 'Check its name, or install it in the VM.',
  },
  config_invalid: {
    kind: 'user',
    summary: 'The configuration cannot be used.',
    hint: 'Correct the key that the message names.',
  },
  copy_failed: {
    kind: 'user',
    summary: 'A copy could not read or write all that it was to.',
    hint: 'The message says which; what was copied before is there.',
  },
  daemon_build_mismatch: {
    kind: 'user',
    summary: 'The daemon is of another build and is busy.',
    hint: 'Let its work end, or stop it with `banger daemon stop`.',
  },
  daemon_held: {
    kind: 'user',
    summary: 'Another daemon holds this state directory.',
    hint: 'Use that daemon, or stop it with `banger daemon stop`.',
  },
  daemon_unreachable: {
    kind: 'system',
    summary: 'The daemon did not start or does not answer.',
    hint: 'Read its log with `banger daemon logs`.',
  },
  database_corrupt: {
    kind: 'system',
    summary: 'The state database cannot be read; it was left as it is.',
    hint: 'Move the file aside to start afresh; its VMs will then be unknown.',
  },
  database_newer: {
    kind: 'user',
    summary: 'The state database was written by a newer banger; it was left as it is.',
    hint: 'Use the newer program, or another BANGER_HOME.',
  },
  disk_full: {
    kind: 'system',
    summary: 'There is no room left on the disk.',
    hint: 'Free some space and run the command again.',
  },
  download_failed: {
    kind: 'system',
    summary: 'A file could not be fetched, or is not the one that it should be.',
    hint: 'The message says what happened; try again later, or correct the catalog.',
  },
  file_damaged: {
    kind: 'system',
    summary: 'A file that banger keeps cannot be read or is damaged; it was left as it is.',
    hint: 'Move the file that the message names aside, then run the command again.',
  },
  guest_failed: {
    kind: 'user',
    summary: 'The guest could not do what was asked.',
    hint: 'The message says what the guest answered; look at it with `banger vm shell NAME`.',
  },
  image_in_use: {
    kind: 'user',
    summary: 'A VM uses this image.',
    hint: 'Delete the VMs that the message names first.',
  },
  image_invalid: {
    kind: 'system',
    summary: 'An image is damaged, incomplete or made against the rules.',
    hint: 'Delete it with `banger image delete NAME` and pull it again.',
  },
  image_not_found: {
    kind: 'user',
    summary: 'No such image.',
    hint: 'See `banger image list --available`.',
  },
  image_unsupported: {
    kind: 'user',
    summary: 'The image is of a kind that a VM cannot run.',
    hint: 'Use an image for linux/amd64, as OCI and Docker (schema 2) have them.',
  },
  internal: {
    kind: 'bug',
    summary: 'A bug in banger.',
    hint: 'Please report it with the end of `banger daemon logs`.',
  },
  invalid_argument: {
    kind: 'user',
    summary: 'A value is not allowed.',
    hint: 'See the command with `--help`.',
  },
  kernel_exists: {
    kind: 'user',
    summary: 'A kernel of that name exists.',
    hint: 'Use `--force` to replace it.',
  },
  kernel_in_use: {
    kind: 'user',
    summary: 'An image or a VM uses this kernel.',
    hint: 'Delete those that the message names first.',
  },
  kernel_invalid: {
    kind: 'user',
    summary: 'This is not a kernel that banger can boot.',
    hint: 'Import an x86-64 bzImage or vmlinux with PVH support.',
  },
  kernel_not_found: {
    kind: 'user',
    summary: 'No such kernel.',
    hint: 'See `banger kernel list --available`.',
  },
  method_not_found: {
    kind: 'user',
    summary: 'The daemon does not know this method.',
    hint: 'CLI and daemon may be of different builds; see `banger version`.',
  },
  missing_tool: {
    kind: 'system',
    summary: 'Programs that banger needs are not installed.',
    hint: 'Run `banger doctor` for the commands that install them.',
  },
  name_ambiguous: {
    kind: 'user',
    summary: 'The prefix matches more than one.',
    hint: 'Write more of the name or id.',
  },
  name_invalid: {
    kind: 'user',
    summary: 'The name is not allowed.',
    hint: 'A VM name is 1-63 of a-z, 0-9 and -, with no hyphen at either end.',
  },
  name_taken: {
    kind: 'user',
    summary: 'The name is in use.',
    hint: 'Choose another name.',
  },
  network_failed: {
    kind: 'system',
    summary: 'The network of a VM could not be set up.',
    hint: 'Run `banger doctor`; a VM also starts with `--network none`.',
  },
  not_supported: {
    kind: 'user',
    summary: 'The chosen driver cannot do this.',
    hint: 'See `banger doctor` for what this host can do.',
  },
  operation_ended: {
    kind: 'user',
    summary: 'The operation has ended already.',
    hint: 'See what became of it with `banger operation show ID`.',
  },
  operation_not_found: {
    kind: 'user',
    summary: 'No such operation, or one of too long ago.',
    hint: 'See `banger operation list --all`, and `banger daemon logs` for those of before.',
  },
  output_failed: {
    kind: 'user',
    summary: 'The output of the command line could not be written where it was to go.',
    hint: 'Check the file or device that the output was sent to, and the room on its disk.',
  },
  path_unsafe: {
    kind: 'system',
    summary: 'A path is owned by someone else, is a symbolic link, or cannot be used.',
    hint: 'Check the path that the message names; set BANGER_HOME to use another.',
  },
  protocol_error: {
    kind: 'bug',
    summary: 'A message was not valid JSON-RPC.',
    hint: 'CLI and daemon may be of different builds; see `banger version`.',
  },
  registry_auth: {
    kind: 'user',
    summary: 'A registry wants a login that is not there, or refused it.',
    hint: 'Log in with `docker login` or `podman login`; the message says where a login was looked for.',
  },
  registry_failed: {
    kind: 'system',
    summary: 'A registry could not be reached, or did not answer as it should.',
    hint: 'The message says what it did; try again later, or use a mirror (docs/configuration.md).',
  },
  shell_not_found: {
    kind: 'user',
    summary: 'There is no shell in the VM.',
    hint: 'Run a program that is there with `banger vm exec NAME -- PROGRAM`.',
  },
  state_lost: {
    kind: 'user',
    summary: 'The state was deleted or replaced under its daemon, which ends.',
    hint: 'Run the command again: a daemon of what is there now answers it.',
  },
  usage: {
    kind: 'user',
    summary: 'The command line is not valid.',
    hint: 'See the command with `--help`.',
  },
  vm_busy: {
    kind: 'user',
    summary: 'Another call is changing this VM.',
    hint: 'Wait for it to end and try again.',
  },
  vm_not_found: {
    kind: 'user',
    summary: 'No such VM.',
    hint: 'See `banger ps`.',
  },
  vm_not_running: {
    kind: 'user',
    summary: 'The VM is not running.',
    hint: 'Start it with `banger vm start NAME`.',
  },
  vm_protected: {
    kind: 'user',
    summary: 'The VM is protected: it is not deleted, reset or pruned.',
    hint: 'Take the protection away with `banger vm unprotect NAME`.',
  },
  vm_state: {
    kind: 'user',
    summary: 'The VM is in a state that does not allow this.',
    hint: 'See `banger vm show NAME`.',
  },
  vmm_failed: {
    kind: 'system',
    summary: 'The virtual machine monitor failed.',
    hint: 'The message shows its last lines; see also `banger doctor`.',
  },
  vmm_gone: {
    kind: 'system',
    summary: 'The virtual machine monitor of this VM has ended.',
    hint: 'See `banger vm show NAME` for the reason, and start the VM again.',
  },
} as const satisfies Record<string, ErrorCodeRow>;

/** Every error code there is. */
export type ErrorCode = keyof typeof table;

/** The one table of error codes; `docs/errors.md` is kept equal by a test. */
export const errorCodes: Readonly<Record<ErrorCode, ErrorCodeRow>> = table;

/** True for a code of this build. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}
