/**
 * How long calls at work get to end or to undo what they began, before a daemon that was asked to end does so all the same,
 * in milliseconds. Stopping a VM may take 50 s, and is not cut off. Clients that wait for the end wait longer.
 */
export const SHUTDOWN_DEADLINE_MS = 60_000;
