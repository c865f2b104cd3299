/* The kernel modules that the initramfs carries. */
#ifndef MODULES_H
#define MODULES_H

/* Loads those that /modules/order names, in its order. One that does not load is logged and passed over. */
void modules_load(void);
/* Deletes them: an initramfs is memory. */
void modules_delete(void);

#endif
