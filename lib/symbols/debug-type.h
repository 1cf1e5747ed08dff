/* debug-type.h - the types of a file's variables, by libdwarf; addresses are the file's. */
#ifndef TRACER_SYMBOLS_DEBUG_TYPE_H
#define TRACER_SYMBOLS_DEBUG_TYPE_H

#include "debug-info.h"
#include "variable.h"

/* The offset of the type of the variable that begins at `address`; 0: none is known. */
uint64_t debug_type_of(struct debug_info *info, uint64_t address);

/* A member of a structure or union (also of its base classes and nameless members):
 * its type, its distance.  0: there is none. */
uint64_t debug_type_member(struct debug_info *info, uint64_t type, const char *name, size_t len,
			   uint64_t *distance);

/* What an array has, or a pointer points to; *is_pointer says which.  0: neither. */
uint64_t debug_type_element(struct debug_info *info, uint64_t type, bool *is_pointer);

/* Kind, size, enumerators. */
void debug_type_describe(struct debug_info *info, uint64_t type, struct symbols_type *out);

#endif
