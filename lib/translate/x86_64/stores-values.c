/* stores-values.c - which values registers have in a block: followed through moves,
 * additions of constants, and what pushes, pops, calls and returns do to rsp. */
#include <string.h>

#include "stores.h"

#define RSP_NUMBER X86_REG_RSP
#define MOVED_MAX  (1 << 24)

static void set(struct store_values *values, struct store_value *to, struct store_value from,
		int64_t by)
{
	int64_t moved = from.moved + by;

	if (moved > -MOVED_MAX && moved < MOVED_MAX)
		*to = (struct store_value){ from.number, (int32_t)moved };
	else
		*to = (struct store_value){ values->numbers++, 0 };
}

static bool is_leave(const struct x86_insn *insn)
{
	return insn->encoding == X86_ENCODING_LEGACY && insn->map == X86_MAP_ONE_BYTE &&
	       insn->opcode == 0xc9 && !(insn->prefixes & X86_PREFIX_OPSIZE);
}

static void follow_plain(struct store_values *values, const struct x86_insn *insn,
			 const struct store_value *now, struct store_value *next)
{
	uint16_t written = registers_may_write(insn);
	unsigned to, from;
	int64_t by;

	for (; written; written &= (uint16_t)(written - 1))
		next[__builtin_ctz(written)] = (struct store_value){ values->numbers++, 0 };
	if (registers_copy(insn, &to, &from, &by))
		set(values, &next[to], now[from], by);
	else if (registers_move_rsp(insn, &by))
		set(values, &next[RSP_NUMBER], now[RSP_NUMBER], by);
	else if (is_leave(insn))
		set(values, &next[RSP_NUMBER], now[5], 8); /* rbp */
}

void stores_values_follow(struct store_values *values, const struct x86_insn *insn, int i)
{
	const struct store_value *now = values->at[i];
	struct store_value *next = values->at[i + 1];
	int64_t by = -8;

	memcpy(next, now, sizeof values->at[0]);
	switch (insn->kind) {
	case X86_KIND_JMP:
	case X86_KIND_JCC:
	case X86_KIND_JMP_IND: return;
	case X86_KIND_RET:
		by = 8 + (insn->imm_len ? (uint16_t)insn->imm : 0);
		/* fallthrough */
	case X86_KIND_CALL:
	case X86_KIND_CALL_IND: set(values, &next[RSP_NUMBER], now[RSP_NUMBER], by); return;
	default: follow_plain(values, insn, now, next);
	}
}

unsigned stores_value_holder(const struct store_values *values, int at, uint16_t number)
{
	unsigned found = STORE_NO_REG;

	for (unsigned r = 0; r < 16; r++)
		if (values->at[at][r].number == number && (found == STORE_NO_REG || found == 1))
			found = r;
	return found;
}
