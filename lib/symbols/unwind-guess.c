/* Unwinding without rules: musl, hand-written assembly, code made at run time.
 *
 * In order of trust:
 *   1. the pc is at a place where the return address is known to be on top
 *   2. a word on the stack is the return address of a call to this very function,
 *      or in stripped code to a place a little before the pc
 *   3. rbp points at { caller's rbp, return address }
 *   4. a word on the stack is the return address of some call
 *   5. rbp is 0: the end
 */
#include <errno.h>
#include <string.h>

#include "unwind-internal.h"

#define SCAN_WORDS 2048                 /* of stack: musl's printf has 8 KiB in one frame */
#define GUESSES_MAX 4                   /* one after the other they lead into old frames */
#define SHORT_FUNCTION 64
#define NEAR_BYTES 4096
#define CALL_MAX 7                      /* bytes of the longest call we know */

static bool is_code(const struct symbols *s, uint64_t address)
{
	const struct mapping *mapping = symbols_mapping(s, address);

	return mapping && mapping->is_code;
}

/* Where the return address is in a function that has not built its frame yet, or
 * has left it already: *slot is its address.  False: the frame stands. */
static bool is_frameless(struct unwinder *u, uint64_t pc, uint64_t rsp, uint64_t *slot)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	const struct symbol *f = symbols_find(u->s, pc);
	uint64_t back = f ? pc - f->start : UINT64_MAX;
	uint8_t code[16] = {0}, at_pc = 0;

	*slot = rsp;
	if (!is_code(u->s, pc))
		return true;                            /* called, but nowhere */
	if (unwinder_read(u, pc, &at_pc, 1) && (at_pc == 0xc3 || at_pc == 0xc2))
		return true;                            /* ret */
	if (back == 0)
		return true;
	if (back > 5 || !unwinder_read(u, f->start, code, back))
		return false;
	if (back >= 4 && memcmp(code, endbr64, sizeof endbr64) == 0)
		back -= 4;
	if (back == 0)
		return true;
	*slot = rsp + 8;
	return back == 1 && code[pc - f->start - 1] == 0x55;    /* behind push rbp */
}

/* ---- return addresses --------------------------------------------------- */

/* Whether the bytes before `address` are a call; *target: where it leads, 0 when
 * only its run knows. */
static bool is_behind_call(struct unwinder *u, uint64_t address, uint64_t *target)
{
	uint8_t code[CALL_MAX];
	int32_t distance;

	*target = 0;
	if (!is_code(u->s, address - 1) ||
	    !unwinder_read(u, address - CALL_MAX, code, sizeof code))
		return false;
	if (code[2] == 0xe8) {                          /* call rel32 */
		memcpy(&distance, code + 3, sizeof distance);
		*target = address + (int64_t)distance;
		if (is_code(u->s, *target))
			return true;
		*target = 0;
	}
	/* ff /2: mod and rm decide how many bytes follow */
	return (code[5] == 0xff && (code[6] & 0xf8) == 0xd0) ||         /* call reg */
	       (code[5] == 0xff && (code[6] & 0xf8) == 0x10) ||         /* call [reg] */
	       (code[4] == 0xff && (code[5] & 0xf8) == 0x50) ||         /* call [reg + d8] */
	       (code[1] == 0xff && (code[2] & 0xf8) == 0x90) ||         /* call [reg + d32] */
	       (code[1] == 0xff && code[2] == 0x15);                    /* call [rip + d32] */
}

/* Whether a short function ends with a jump to `to`: qsort to qsort_r. */
static bool jumps_to(struct unwinder *u, const struct symbol *from, uint64_t to)
{
	uint8_t code[SHORT_FUNCTION];
	int32_t distance;

	if (from->size < 5 || from->size > sizeof code ||
	    !unwinder_read(u, from->start, code, from->size))
		return false;
	for (size_t i = 0; i + 5 <= from->size; i++) {
		memcpy(&distance, code + i + 1, sizeof distance);
		if (code[i] == 0xe9 && from->start + i + 5 + (int64_t)distance == to)
			return true;
	}
	return false;
}

/* What a PLT stub leads to, when it is bound already; else the stub. */
static const struct symbol *behind_stub(struct unwinder *u, const struct symbol *stub)
{
	const struct symbol *called;
	uint64_t address;
	uint8_t code[16];
	int32_t distance;

	if (stub->size > sizeof code || !unwinder_read(u, stub->start, code, stub->size))
		return stub;
	for (size_t i = 0; i + 6 <= stub->size; i++) {
		if (code[i] != 0xff || code[i + 1] != 0x25)     /* jmp [rip + x] */
			continue;
		memcpy(&distance, code + i + 2, sizeof distance);
		if (!unwinder_read_word(u, stub->start + i + 6 + (int64_t)distance, &address))
			return stub;
		called = symbols_find(u->s, address);
		return called && called->start == address ? called : stub;
	}
	return stub;
}

/* Whether a call of `target` gets to `function`, perhaps through its PLT stub and
 * another function's tail call. */
static bool leads_to(struct unwinder *u, uint64_t target, const struct symbol *function)
{
	const struct symbol *called;

	if (target == function->start)
		return true;
	called = target ? symbols_find(u->s, target) : NULL;
	if (!called || called->start != target)
		return false;
	if (called->is_plt)
		called = behind_stub(u, called);
	if (called == function || (called->is_plt && called->name == function->name))
		return true;
	return jumps_to(u, called, function->start);
}

/* In stripped code: a call of a nameless place a little before the pc, which is
 * most likely in that function still. */
static bool leads_near(struct unwinder *u, uint64_t target, uint64_t pc)
{
	return target && target <= pc && pc - target < NEAR_BYTES &&
	       !symbols_find(u->s, target);
}

/* The first word from rsp on that is the return address of a call: of one to
 * `function` (NULL: a nameless one around `pc`), or of any when `is_any`.  Returns
 * where it lies; 0: nowhere. */
static uint64_t scan(struct unwinder *u, uint64_t rsp, const struct symbol *function,
		     uint64_t pc, bool is_any)
{
	for (unsigned i = 0; i < SCAN_WORDS; i++) {
		uint64_t slot = rsp + i * 8, word, target;

		if (!unwinder_read_word(u, slot, &word))
			return 0;
		if (!is_code(u->s, word))
			continue;
		if (is_any && unwind_is_go_bottom(u->s, word))
			return slot;
		if (!is_behind_call(u, word, &target))
			continue;
		if (is_any || (function ? leads_to(u, target, function) :
			       leads_near(u, target, pc)))
			return slot;
	}
	return 0;
}

/* ---- ways --------------------------------------------------------------- */

static int return_to(struct step *step, uint64_t slot, struct unwind_regs *out, uint64_t *cfa)
{
	uint64_t pc;

	if (!unwinder_read_word(step->u, slot, &pc))
		return -ENOENT;
	if (pc != 0 && !is_code(step->u->s, pc))
		return -ENOENT;
	unwind_set(out, UNWIND_RIP, pc);
	unwind_set(out, UNWIND_RSP, slot + 8);
	*cfa = slot + 8;
	return 0;
}

static void keep_rbp(const struct step *step, struct unwind_regs *out)
{
	if (unwind_is_known(step->in, UNWIND_RBP))
		unwind_set(out, UNWIND_RBP, step->in->value[UNWIND_RBP]);
}

static bool has_frame_pointer(const struct step *step)
{
	const struct unwind_regs *in = step->in;

	return unwind_is_known(in, UNWIND_RBP) && in->value[UNWIND_RBP] % 8 == 0 &&
	       in->value[UNWIND_RBP] >= in->value[UNWIND_RSP];
}

static int by_frame_pointer(struct step *step, struct unwind_regs *out, uint64_t *cfa)
{
	uint64_t rbp = step->in->value[UNWIND_RBP], saved, target;
	int error;

	if (!has_frame_pointer(step) || !unwinder_read_word(step->u, rbp, &saved))
		return -ENOENT;
	error = return_to(step, rbp + 8, out, cfa);
	/* rbp may be anything; but a goroutine begins with a return address that no
	 * call has pushed */
	if (error == 0 && !is_behind_call(step->u, out->value[UNWIND_RIP], &target) &&
	    !unwind_is_go_bottom(step->u->s, out->value[UNWIND_RIP]))
		error = -ENOENT;
	if (error == 0)
		unwind_set(out, UNWIND_RBP, saved);
	return error;
}

static int by_call(struct step *step, uint64_t slot, struct unwind_regs *out, uint64_t *cfa)
{
	keep_rbp(step, out);
	out->is_chained = step->in->is_chained;
	return return_to(step, slot, out, cfa);
}

static int at_end(struct unwind_regs *out)
{
	unwind_set(out, UNWIND_RIP, 0);
	return 0;
}

static const struct symbol *function_at(struct step *step)
{
	uint64_t pc = step->in->value[UNWIND_RIP];

	return symbols_find(step->u->s, step->in->is_exact ? pc : pc - 1);
}

/* The program's or the dynamic linker's entry point: the kernel came from nowhere. */
static bool is_entry(struct unwinder *u, uint64_t function)
{
	const struct mapping *mapping = symbols_mapping(u->s, function);
	struct image *image = mapping && mapping->module ?
		module_image(u->s, mapping->module) : NULL;
	const Elf64_Ehdr *ehdr = image ? elf64_getehdr(image->file->elf) : NULL;

	return ehdr && ehdr->e_entry &&
	       mapping->module->public.base + ehdr->e_entry == function;
}

int unwind_guess(struct step *step, struct unwind_regs *out, uint64_t *cfa,
		 enum unwind_how *how)
{
	const struct unwind_regs *in = step->in;
	uint64_t rsp = in->value[UNWIND_RSP], slot;
	const struct symbol *function;
	bool is_ended;

	if (!unwind_is_known(in, UNWIND_RSP))
		return -ENOENT;
	*how = UNWIND_FRAME_POINTER;
	if (in->is_exact && is_frameless(step->u, in->value[UNWIND_RIP], rsp, &slot))
		return by_call(step, slot, out, cfa);
	/* a step before this one went wrong */
	if (!in->is_exact && !is_code(step->u->s, in->value[UNWIND_RIP] - 1))
		return -ENOENT;
	function = function_at(step);
	if (function && is_entry(step->u, function->start))
		return at_end(out);
	slot = scan(step->u, rsp, function, in->value[UNWIND_RIP], false);
	is_ended = unwind_is_known(in, UNWIND_RBP) && in->value[UNWIND_RBP] == 0;
	if (!slot && in->is_chained && is_ended)
		return at_end(out);
	if ((!slot || slot == in->value[UNWIND_RBP] + 8) &&
	    by_frame_pointer(step, out, cfa) == 0) {
		out->is_chained = slot;
		return 0;
	}
	*how = UNWIND_SCAN;
	if (!slot && in->guesses < GUESSES_MAX) {
		slot = scan(step->u, rsp, function, 0, true);
		out->guesses = in->guesses + 1;
	}
	if (slot)
		return by_call(step, slot, out, cfa);
	/* the ABI's mark of the end, which the first function of a thread sets */
	return is_ended ? at_end(out) : -ENOENT;
}
