/**
 * The schema, one numbered step each: entry N brings a database of version N to N + 1, in one transaction.
 * Entries are never changed once released; a new one is added.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE vms (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    image       TEXT NOT NULL,
    kernel      TEXT NOT NULL,
    spec        TEXT NOT NULL,                 -- VmSpec as JSON
    state       TEXT NOT NULL CHECK (state IN ('creating','stopped','starting','running','paused','stopping','error')),
    phase       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    hint        TEXT NOT NULL,
    state_since INTEGER NOT NULL,              -- milliseconds since 1970
    created_at  INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    ephemeral   INTEGER NOT NULL CHECK (ephemeral IN (0, 1)),
    protected   INTEGER NOT NULL CHECK (protected IN (0, 1)),
    mac         TEXT NOT NULL UNIQUE,
    machine_id  TEXT NOT NULL UNIQUE,
    init        TEXT NOT NULL,
    steps       TEXT NOT NULL,                 -- VmStep[] as JSON
    warnings    TEXT NOT NULL                  -- string[] as JSON
  ) STRICT;

  -- What is seen of a running VM, so that a new daemon finds it again.
  CREATE TABLE vm_runtimes (
    vm_id       TEXT PRIMARY KEY REFERENCES vms (id) ON DELETE CASCADE,
    runtime     TEXT NOT NULL                  -- VmRuntimeRow as JSON
  ) STRICT;

  -- Every resource of the host: written before it is made, struck out after it is gone.
  CREATE TABLE ledger (
    id          INTEGER PRIMARY KEY,
    vm_id       TEXT NOT NULL,                 -- no reference: it outlives the row of its VM
    kind        TEXT NOT NULL,
    resource    TEXT NOT NULL,                 -- what is needed to remove it, as JSON
    made_at     INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX ledger_by_vm ON ledger (vm_id);
  `,
  `
  -- The VM ran when a restart or a reset began, which has not started it yet.
  ALTER TABLE vms ADD COLUMN start_again INTEGER NOT NULL DEFAULT 0 CHECK (start_again IN (0, 1));
  `,
  `
  -- ImageDefaults as JSON. Images before this said nothing.
  ALTER TABLE vms ADD COLUMN image_defaults TEXT NOT NULL
    DEFAULT '{"shell":true,"env":[],"cwd":"","user":"","entrypoint":[],"cmd":[]}';
  `,
];
