/* watch-value.h - values of watched memory: as text, and as what --when asks. */
#ifndef TRACER_WATCH_VALUE_H
#define TRACER_WATCH_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "options.h"
#include "variable.h"

#define WATCH_VALUE_ROOM 512

/* "== 42", "!= -1", "< 0x10", "& 0x80", "& 0xf0 == 0x10", "changed", ">= 1.5".
 * -EINVAL: not of the form. */
int watch_when_parse(const char *text, struct watch_when *out, struct err *err) must_check;

/* Does what --when says (if it is given) hold?  A value whose width is not that of
 * the type is an unsigned number; without a type numbers are signed. */
bool watch_value_wanted(const struct options *options, const struct symbols_type *type,
			unsigned len, const uint8_t *old, const uint8_t *new);

/* As text, or as JSON.  Numbers of 1, 2, 4 and 8 bytes by the type, without one as signed
 * decimals; pointers with the symbol at their target, enumerators by name; else
 * the bytes in hexadecimal. */
void watch_value_text(struct symbols *symbols, const struct symbols_type *type, unsigned len,
		      const uint8_t *value, bool json, char *out, size_t room);

#endif
