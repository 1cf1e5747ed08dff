#include "expression.h"

#include <errno.h>
#include <libdwarf/dwarf.h>

#include "reader.h"

#define STACK_MAX 64
#define STEPS_MAX 1024                  /* branches can loop */

struct machine {
	const struct expression_context *context;
	struct reader r;
	const uint8_t *start;
	uint64_t stack[STACK_MAX];
	unsigned depth;
	int error;
};

static void push(struct machine *m, uint64_t value)
{
	if (m->depth == STACK_MAX)
		m->error = -EINVAL;
	else
		m->stack[m->depth++] = value;
}

static uint64_t pop(struct machine *m)
{
	if (m->depth == 0) {
		m->error = -EINVAL;
		return 0;
	}
	return m->stack[--m->depth];
}

/* The entry `index` below the top, again on top. */
static void pick(struct machine *m, uint64_t index)
{
	if (index >= m->depth)
		m->error = -EINVAL;
	else
		push(m, m->stack[m->depth - 1 - index]);
}

static void push_register(struct machine *m, uint64_t number, int64_t offset)
{
	uint64_t value = 0;

	if (!m->context->get_register(m->context->context, number, &value))
		m->error = -EFAULT;
	push(m, value + offset);
}

static void dereference(struct machine *m, uint64_t size)
{
	uint64_t value = 0, address = pop(m);

	if (size < 1 || size > 8)
		m->error = -EINVAL;
	else if (!m->error && !m->context->read(m->context->context, address, size, &value))
		m->error = -EFAULT;
	push(m, value);
}

static void branch(struct machine *m, bool is_taken)
{
	int64_t distance = (int16_t)reader_fixed(&m->r, 2);

	if (!is_taken)
		return;
	if (distance < m->start - m->r.at || distance > m->r.end - m->r.at)
		m->error = -EINVAL;
	else
		m->r.at += distance;
}

/* Operations that push a constant; false: not one. */
static bool run_constant(struct machine *m, uint8_t op)
{
	struct reader *r = &m->r;

	if (op >= DW_OP_lit0 && op <= DW_OP_lit31) {
		push(m, op - DW_OP_lit0);
		return true;
	}
	switch (op) {
	case DW_OP_addr:
		push(m, reader_fixed(r, 8) + m->context->load_bias);
		return true;
	case DW_OP_const1u:
		push(m, reader_fixed(r, 1));
		return true;
	case DW_OP_const1s:
		push(m, (int8_t)reader_fixed(r, 1));
		return true;
	case DW_OP_const2u:
		push(m, reader_fixed(r, 2));
		return true;
	case DW_OP_const2s:
		push(m, (int16_t)reader_fixed(r, 2));
		return true;
	case DW_OP_const4u:
		push(m, reader_fixed(r, 4));
		return true;
	case DW_OP_const4s:
		push(m, (int32_t)reader_fixed(r, 4));
		return true;
	case DW_OP_const8u:
	case DW_OP_const8s:
		push(m, reader_fixed(r, 8));
		return true;
	case DW_OP_constu:
		push(m, reader_uleb(r));
		return true;
	case DW_OP_consts:
		push(m, reader_sleb(r));
		return true;
	}
	return false;
}

/* Operations on the stack's order; false: not one. */
static bool run_stack(struct machine *m, uint8_t op)
{
	uint64_t a, b, c;

	switch (op) {
	case DW_OP_dup:
		pick(m, 0);
		return true;
	case DW_OP_drop:
		pop(m);
		return true;
	case DW_OP_over:
		pick(m, 1);
		return true;
	case DW_OP_pick:
		pick(m, reader_fixed(&m->r, 1));
		return true;
	case DW_OP_swap:
		a = pop(m), b = pop(m);
		push(m, a), push(m, b);
		return true;
	case DW_OP_rot:
		a = pop(m), b = pop(m), c = pop(m);
		push(m, a), push(m, c), push(m, b);
		return true;
	}
	return false;
}

/* a is the top of the stack, b the one below: the result of b OP a. */
static bool binary(uint8_t op, uint64_t a, uint64_t b, uint64_t *out)
{
	int64_t sa = a, sb = b;

	switch (op) {
	case DW_OP_and:   *out = b & a; return true;
	case DW_OP_or:    *out = b | a; return true;
	case DW_OP_xor:   *out = b ^ a; return true;
	case DW_OP_plus:  *out = b + a; return true;
	case DW_OP_minus: *out = b - a; return true;
	case DW_OP_mul:   *out = b * a; return true;
	case DW_OP_div:
		*out = sa == 0 ? 0 : sa == -1 ? -b : (uint64_t)(sb / sa);
		return a != 0;
	case DW_OP_mod:
		*out = a ? b % a : 0;
		return a != 0;
	case DW_OP_shl:   *out = a < 64 ? b << a : 0; return true;
	case DW_OP_shr:   *out = a < 64 ? b >> a : 0; return true;
	case DW_OP_shra:  *out = sb >> (a < 64 ? a : 63); return true;
	case DW_OP_eq:    *out = sb == sa; return true;
	case DW_OP_ne:    *out = sb != sa; return true;
	case DW_OP_lt:    *out = sb < sa; return true;
	case DW_OP_le:    *out = sb <= sa; return true;
	case DW_OP_gt:    *out = sb > sa; return true;
	case DW_OP_ge:    *out = sb >= sa; return true;
	}
	return false;
}

static bool is_binary(uint8_t op)
{
	switch (op) {
	case DW_OP_and: case DW_OP_or: case DW_OP_xor: case DW_OP_plus: case DW_OP_minus:
	case DW_OP_mul: case DW_OP_div: case DW_OP_mod: case DW_OP_shl: case DW_OP_shr:
	case DW_OP_shra: case DW_OP_eq: case DW_OP_ne: case DW_OP_lt: case DW_OP_le:
	case DW_OP_gt: case DW_OP_ge:
		return true;
	}
	return false;
}

static void run_other(struct machine *m, uint8_t op)
{
	uint64_t number, value;

	switch (op) {
	case DW_OP_bregx:
		number = reader_uleb(&m->r);
		push_register(m, number, reader_sleb(&m->r));
		break;
	case DW_OP_deref:
		dereference(m, 8);
		break;
	case DW_OP_deref_size:
		dereference(m, reader_fixed(&m->r, 1));
		break;
	case DW_OP_plus_uconst:
		push(m, pop(m) + reader_uleb(&m->r));
		break;
	case DW_OP_neg:
		push(m, -pop(m));
		break;
	case DW_OP_not:
		push(m, ~pop(m));
		break;
	case DW_OP_abs:
		value = pop(m);
		push(m, (int64_t)value < 0 ? -value : value);
		break;
	case DW_OP_skip:
		branch(m, true);
		break;
	case DW_OP_bra:
		branch(m, pop(m) != 0);
		break;
	case DW_OP_nop:
		break;
	default:
		m->error = -EINVAL;
	}
}

static void run_one(struct machine *m)
{
	uint8_t op = reader_fixed(&m->r, 1);
	uint64_t a, b, result;

	if (op >= DW_OP_breg0 && op <= DW_OP_breg31) {
		push_register(m, op - DW_OP_breg0, reader_sleb(&m->r));
	} else if (is_binary(op)) {
		a = pop(m);
		b = pop(m);
		if (!binary(op, a, b, &result))
			m->error = -EINVAL;
		else
			push(m, result);
	} else if (!run_constant(m, op) && !run_stack(m, op)) {
		run_other(m, op);
	}
}

int expression_evaluate(const uint8_t *code, size_t size, const uint64_t *initial,
			const struct expression_context *context, uint64_t *out)
{
	struct machine m = {
		.context = context, .start = code, .r = { code, code + size, false },
	};

	if (initial)
		push(&m, *initial);
	for (unsigned steps = 0; reader_left(&m.r) && !m.error; steps++) {
		if (steps == STEPS_MAX)
			return -EINVAL;
		run_one(&m);
		if (m.r.failed)
			return -EINVAL;
	}
	*out = pop(&m);
	return m.error;
}
