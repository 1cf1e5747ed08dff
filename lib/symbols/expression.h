/* expression.h - DWARF expressions, as unwind rules use them. */
#ifndef TRACER_SYMBOLS_EXPRESSION_H
#define TRACER_SYMBOLS_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct expression_context {
	/* false: not known */
	bool (*get_register)(void *context, uint64_t number, uint64_t *out);
	/* `size` bytes (1 to 8) at `address`, zero-extended; false: unreadable */
	bool (*read)(void *context, uint64_t address, size_t size, uint64_t *out);
	void *context;
	uint64_t load_bias;             /* for DW_OP_addr */
};

/* Computes what `code` leaves on top of a stack that begins with *initial (NULL:
 * empty).  Returns 0; -EINVAL: damaged, or an operation that has no place in
 * unwind rules; -EFAULT: needs memory or a register that is not there. */
int expression_evaluate(const uint8_t *code, size_t size, const uint64_t *initial,
			const struct expression_context *context, uint64_t *out);

#endif
