#ifndef CPROCESS_H
#define CPROCESS_H

/// Asks the kernel to kill this process when the thread that started it ends; whether it will.
int process_die_with_parent(void);

#endif
