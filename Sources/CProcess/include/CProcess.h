#ifndef CPROCESS_H
#define CPROCESS_H

#include <sys/types.h>

/// Asks the kernel to kill this process when the thread that started it ends; whether it will.
int process_die_with_parent(void);

/// The variables of this process, "NAME=value" each, ended by a null pointer.
char **process_environment(void);

/// Starts `path` in a process group of its own, with signals as they are by default. It has `channel` as its
/// descriptor 3, nothing to read on 0, writes to our 2 with both 1 and 2, and has no other descriptor of ours. Returns
/// its number, or an error number negated.
pid_t process_start(const char *path, char *const arguments[], char *const environment[], int channel);

#endif
