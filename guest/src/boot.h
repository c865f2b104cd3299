/* From the kernel's first process to a machine that serves the host. */
#ifndef BOOT_H
#define BOOT_H

/* Every step of the boot. Returns where the agent goes on: as PID 1, or beside the image's init. */
void boot(char **argv);

/* The binary under another name, not as PID 1: poweroff, reboot, halt, shutdown. */
int boot_command(int argc, char **argv);

#endif
