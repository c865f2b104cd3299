/* Reading, while the machine boots, what its first program needs. */
#ifndef WARM_H
#define WARM_H

/* Goes on behind; what is not there, or cannot be read, is no loss. */
void warm_first_program(void);

#endif
