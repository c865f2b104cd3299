/* Device nodes of drivers that are not there yet. */
#ifndef NODES_H
#define NODES_H

/*
 * Makes below `dev` a node for each line of a modules.devname (kmod(8)): who opens one has the kernel load its driver, as with udev and
 * systemd. What is there stays as it is; a line that is none is passed over.
 */
void make_nodes(const char *list, const char *dev);

#endif
