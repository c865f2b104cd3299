/* Files of the image, of which nothing can be believed: neither that they are files, nor that they end. */
#ifndef TEXT_H
#define TEXT_H

/* Opens a plain file for reading; -1 for whatever else has that name: a fifo would be waited for. */
int open_plain(const char *path);

/* The text of a plain file, up to its first NUL and its first megabyte; NULL when there is none. To be freed. */
char *read_text(const char *path);

#endif
