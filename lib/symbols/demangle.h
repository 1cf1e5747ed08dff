/* demangle.h - C++ and Rust names as they stand in the source. */
#ifndef TRACER_SYMBOLS_DEMANGLE_H
#define TRACER_SYMBOLS_DEMANGLE_H

#include <stdbool.h>

/* The source name of `mangled`, from malloc; with its parameter list, or (better
 * in a call tree) without.  Rust's hash is left out.  What a compiler split off
 * keeps its suffix: "ns::f.cold".  NULL: not mangled, or out of memory. */
char *demangle_name(const char *mangled, bool with_parameters);

/* Whether demangle_name() would try at all: cheap. */
bool demangle_is_mangled(const char *name);

#endif
