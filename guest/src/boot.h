/* From the kernel's first process to a machine that serves the host. */
#ifndef BOOT_H
#define BOOT_H

/* Every step of the boot. Returns where the agent goes on: as PID 1, or beside the image's init. */
void boot(char **argv);

/*
 * The rest of the boot, which no request of before the machine is configured needs. Without an init of the image it takes place while the
 * host makes up its mind what to ask for first, in which the machine would be idle. A second call does nothing.
 */
void boot_settle(void);
/* Does so once the answer that is being sent is sent. */
void boot_settle_soon(void);

/* The binary under another name, not as PID 1: poweroff, reboot, halt, shutdown. */
int boot_command(int argc, char **argv);

#endif
