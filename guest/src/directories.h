/* Directories that must be there, whatever the image has in their place. */
#ifndef DIRECTORIES_H
#define DIRECTORIES_H

/* Makes the directories above `path`, 0755 and root's; what cannot be made is told by whoever needs it. */
void make_parents(const char *path);

/*
 * Makes `path` a directory of its own: a link or file of that name is kept beside it, as `path.image`. Only its last component is
 * looked at, and no link is followed, so nothing is mounted where a link leads.
 */
void own_directory(const char *path);

/*
 * Makes in `to` the directories that are in `from`, with their owners and modes: some levels deep, and only so many. Other files are left
 * out, and no link is followed. Both are paths of directories.
 */
void copy_directories(const char *from, const char *to);

#endif
