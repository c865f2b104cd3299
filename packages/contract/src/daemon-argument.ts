/**
 * With this argument the daemon's program serves nobody: it looks at the host, makes and changes nothing, prints a `DoctorReport` as JSON
 * on standard output and ends.
 */
export const DOCTOR_ARGUMENT = 'doctor';
