/* syscall-names.h - system calls by number. */
#ifndef TRACER_SYSCALL_NAMES_H
#define TRACER_SYSCALL_NAMES_H

/* "read"; NULL: a number without a name. */
const char *syscall_name(unsigned number);

#endif
