/* Call stacks.
 *
 * The rules for a pc are looked up once and kept in `rules`, a direct-mapped table;
 * memory is read in pages and kept in `pages` until unwinder_forget().  A step in
 * well-trodden code is then a table access and two or three loads. */
#include "unwind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cfi.h"
#include "expression.h"
#include "internal.h"

#define PAGE_BYTES 4096u
#define PAGES 32                        /* powers of two */
#define RULES 2048

enum source {
	SOURCE_UNKNOWN,         /* nothing covers the pc: frame pointer */
	SOURCE_CFI,
	SOURCE_SIGRETURN,       /* a signal trampoline without rules */
};

struct rule_entry {
	uint64_t pc;
	bool is_used, is_exact;
	enum source source;
	uint64_t bias;
	struct cfi_row row;
};

struct page {
	uint64_t address;
	bool is_used;
	size_t size;                    /* bytes read; fewer than a page at its end */
	uint8_t bytes[PAGE_BYTES];
};

struct unwinder {
	struct symbols *s;
	unsigned generation;            /* of the modules that `rules` are for */
	struct rule_entry *rules;
	struct page pages[PAGES];
};

struct unwinder *unwinder_create(struct symbols *s)
{
	struct unwinder *u = calloc(1, sizeof *u);

	if (!u)
		return NULL;
	u->s = s;
	u->generation = s->generation;
	u->rules = calloc(RULES, sizeof *u->rules);
	if (!u->rules) {
		free(u);
		return NULL;
	}
	return u;
}

void unwinder_destroy(struct unwinder *u)
{
	if (!u)
		return;
	free(u->rules);
	free(u);
}

void unwinder_forget(struct unwinder *u)
{
	for (size_t i = 0; i < PAGES; i++)
		u->pages[i].is_used = false;
}

/* ---- memory ------------------------------------------------------------------------------ */

static const struct page *find_page(struct unwinder *u, uint64_t address)
{
	struct page *page = &u->pages[address / PAGE_BYTES % PAGES];
	const struct symbols_memory *memory = &u->s->memory;
	ssize_t n;

	if (page->is_used && page->address == address)
		return page;
	n = memory->read(memory->context, address, page->bytes, sizeof page->bytes);
	page->address = address;
	page->size = n > 0 ? n : 0;
	page->is_used = true;
	return page;
}

static bool read_bytes(struct unwinder *u, uint64_t address, void *buf, size_t len)
{
	uint8_t *out = buf;

	while (len) {
		uint64_t offset = address % PAGE_BYTES;
		const struct page *page = find_page(u, address - offset);
		size_t part = len < PAGE_BYTES - offset ? len : PAGE_BYTES - offset;

		if (offset + part > page->size)
			return false;
		memcpy(out, page->bytes + offset, part);
		out += part;
		address += part;
		len -= part;
	}
	return true;
}

static bool read_word(struct unwinder *u, uint64_t address, uint64_t *out)
{
	return read_bytes(u, address, out, sizeof *out);
}

/* ---- rules for a pc ------------------------------------------------------------------------- */

static bool find_row(struct symbols *s, uint64_t pc, struct rule_entry *out)
{
	const struct mapping *mapping = symbols_mapping(s, pc);
	struct image *image = mapping && mapping->module ?
		module_image(s, mapping->module) : NULL;
	const struct cfi *cfi = image ? image_cfi(image) : NULL;
	const struct cfi_fde *fde;

	if (!cfi)
		return false;
	out->bias = mapping->module->public.base;
	fde = cfi_find(cfi, pc - out->bias);
	return fde && cfi_row(cfi, fde, pc - out->bias, &out->row) == 0;
}

/* mov eax, __NR_rt_sigreturn; syscall: what every libc returns through, though
 * not every libc (musl, Go) writes rules for it. */
static bool is_sigreturn(struct unwinder *u, uint64_t pc)
{
	static const uint8_t with_rax[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };
	static const uint8_t with_eax[] = { 0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05 };
	uint8_t code[sizeof with_rax];

	return read_bytes(u, pc, code, sizeof code) &&
	       (memcmp(code, with_rax, sizeof with_rax) == 0 ||
		memcmp(code, with_eax, sizeof with_eax) == 0);
}

static void fill_entry(struct unwinder *u, uint64_t pc, bool is_exact, struct rule_entry *entry)
{
	*entry = (struct rule_entry){ .pc = pc, .is_exact = is_exact, .is_used = true };
	/* A handler returns to the first byte of its trampoline, which is called
	 * by nobody: pc - 1 is some other function there. */
	if (!is_exact && find_row(u->s, pc, entry) && entry->row.is_signal)
		entry->source = SOURCE_CFI;
	else if (find_row(u->s, is_exact ? pc : pc - 1, entry))
		entry->source = SOURCE_CFI;
	else if (is_sigreturn(u, pc))
		entry->source = SOURCE_SIGRETURN;
}

static const struct rule_entry *find_rules(struct unwinder *u, uint64_t pc, bool is_exact)
{
	struct rule_entry *entry = &u->rules[(pc * 2 + is_exact) % RULES];

	if (u->generation != u->s->generation) {
		memset(u->rules, 0, RULES * sizeof *u->rules);
		u->generation = u->s->generation;
	}
	if (!entry->is_used || entry->pc != pc || entry->is_exact != is_exact)
		fill_entry(u, pc, is_exact, entry);
	return entry;
}

/* ---- one step by rules ------------------------------------------------------------------------ */

struct step {
	struct unwinder *u;
	const struct unwind_regs *in;
};

static bool is_known(const struct unwind_regs *regs, uint64_t number)
{
	return number < UNWIND_REGS && (regs->known & 1u << number);
}

static bool get_register(void *context, uint64_t number, uint64_t *out)
{
	struct step *step = context;

	if (!is_known(step->in, number))
		return false;
	*out = step->in->value[number];
	return true;
}

static bool read_memory(void *context, uint64_t address, size_t size, uint64_t *out)
{
	struct step *step = context;

	*out = 0;
	return read_bytes(step->u, address, out, size);
}

static int evaluate(struct step *step, const struct rule_entry *entry,
		    const struct cfi_rule *rule, const uint64_t *cfa, uint64_t *out)
{
	const struct expression_context context = {
		get_register, read_memory, step, entry->bias,
	};

	return expression_evaluate(rule->expression, rule->size, cfa, &context, out);
}

static int find_cfa(struct step *step, const struct rule_entry *entry, uint64_t *cfa)
{
	const struct cfi_row *row = &entry->row;

	if (row->cfa.kind == CFI_VAL_EXPRESSION)
		return evaluate(step, entry, &row->cfa, NULL, cfa);
	if (!get_register(step, row->cfa_register, cfa))
		return -EFAULT;
	*cfa += row->cfa.offset;
	return 0;
}

/* What calls preserve: rbx, rbp, r12 to r15. */
#define CALLEE_SAVED (1u << UNWIND_RBX | 1u << UNWIND_RBP | 1u << UNWIND_R12 | \
		      1u << UNWIND_R13 | 1u << UNWIND_R14 | 1u << UNWIND_R15)

static void set(struct unwind_regs *regs, unsigned number, uint64_t value)
{
	regs->value[number] = value;
	regs->known |= 1u << number;
}

/* The caller's value of one register; 0 also when it is simply not known. */
static int recover(struct step *step, const struct rule_entry *entry, uint64_t cfa,
		   unsigned number, struct unwind_regs *out)
{
	const struct cfi_rule *rule = &entry->row.registers[number];
	uint64_t value = cfa + rule->offset;
	int error = 0;

	switch (rule->kind) {
	case CFI_UNSPECIFIED:
		if (!(CALLEE_SAVED & 1u << number))
			return 0;
		/* fall through */
	case CFI_SAME:
		if (is_known(step->in, number))
			set(out, number, step->in->value[number]);
		return 0;
	case CFI_UNDEFINED:
		return 0;
	case CFI_REGISTER:
		if (get_register(step, rule->offset, &value))
			set(out, number, value);
		return 0;
	case CFI_EXPRESSION:
	case CFI_VAL_EXPRESSION:
		error = evaluate(step, entry, rule, &cfa, &value);
		break;
	}
	if (error == 0 && (rule->kind == CFI_OFFSET || rule->kind == CFI_EXPRESSION) &&
	    !read_word(step->u, value, &value))
		error = -EFAULT;
	if (error == 0)
		set(out, number, value);
	return error;
}

static int step_by_rules(struct step *step, const struct rule_entry *entry,
			 struct unwind_regs *out, uint64_t *cfa)
{
	const struct cfi_row *row = &entry->row;
	int error = find_cfa(step, entry, cfa);

	if (error < 0)
		return error;
	out->is_exact = row->is_signal;
	set(out, UNWIND_RSP, *cfa);
	for (unsigned i = 0; i < UNWIND_REGS; i++) {
		error = recover(step, entry, *cfa, i, out);
		/* only what leads on must be there */
		if (error < 0 && (i == UNWIND_RIP || i == UNWIND_RSP))
			return error;
	}
	return 0;
}

/* ---- other ways ----------------------------------------------------------------------------------- */

/* struct rt_sigframe as the handler's return leaves rsp on it, in words:
 * uc_flags, uc_link, uc_stack (3), then gregs in the order of struct sigcontext. */
static int step_by_sigframe(struct step *step, struct unwind_regs *out, uint64_t *cfa)
{
	static const uint8_t order[] = {
		UNWIND_R8, UNWIND_R9, UNWIND_R10, UNWIND_R11,
		UNWIND_R12, UNWIND_R13, UNWIND_R14, UNWIND_R15,
		UNWIND_RDI, UNWIND_RSI, UNWIND_RBP, UNWIND_RBX,
		UNWIND_RDX, UNWIND_RAX, UNWIND_RCX, UNWIND_RSP, UNWIND_RIP,
	};
	uint64_t words[sizeof order], frame;

	if (!get_register(step, UNWIND_RSP, &frame) ||
	    !read_bytes(step->u, frame + 5 * 8, words, sizeof words))
		return -EFAULT;
	for (size_t i = 0; i < sizeof order; i++)
		set(out, order[i], words[i]);
	out->is_exact = true;
	*cfa = out->value[UNWIND_RSP];
	return 0;
}

static bool is_code(const struct symbols *s, uint64_t address)
{
	const struct mapping *mapping = symbols_mapping(s, address);

	return mapping && mapping->is_code;
}

/* Where the return address is in a function that has not built its frame yet, or
 * has left it already: *slot is its address.  False: the frame stands. */
static bool is_frameless(struct unwinder *u, uint64_t pc, uint64_t rsp, uint64_t *slot)
{
	const struct symbol *f = symbols_find(u->s, pc);
	uint8_t code[16] = {0};
	uint64_t back = f ? pc - f->start : UINT64_MAX;
	uint8_t at_pc = 0;

	*slot = rsp;
	if (!is_code(u->s, pc))
		return true;                            /* called, but nowhere */
	if (read_bytes(u, pc, &at_pc, 1) && (at_pc == 0xc3 || at_pc == 0xc2))
		return true;                            /* ret */
	if (back == 0)
		return true;
	if (back > 7 || !read_bytes(u, f->start, code, back))
		return false;
	if (back == 4 && memcmp(code, "\xf3\x0f\x1e\xfa", 4) == 0)
		return true;                            /* behind endbr64 */
	if (code[back - 1] == 0x55 && (back == 1 || back == 5)) {
		*slot = rsp + 8;                        /* behind push rbp */
		return true;
	}
	return false;
}

/* Nothing is known about the code: rbp may still point at { rbp, return address }. */
static int step_by_frame_pointer(struct step *step, struct unwind_regs *out, uint64_t *cfa)
{
	const struct unwind_regs *in = step->in;
	uint64_t rbp = in->value[UNWIND_RBP], rsp = in->value[UNWIND_RSP], slot, pc;

	if (!is_known(in, UNWIND_RBP) || !is_known(in, UNWIND_RSP))
		return -ENOENT;
	if (in->is_exact && is_frameless(step->u, in->value[UNWIND_RIP], rsp, &slot)) {
		set(out, UNWIND_RBP, rbp);
	} else {
		if (rbp == 0) {                         /* the ABI's mark of the end */
			set(out, UNWIND_RIP, 0);
			return 0;
		}
		slot = rbp + 8;
		if (rbp % 8 || rbp < rsp || !read_word(step->u, rbp, &out->value[UNWIND_RBP]))
			return -ENOENT;
		set(out, UNWIND_RBP, out->value[UNWIND_RBP]);
	}
	if (!read_word(step->u, slot, &pc))
		return -ENOENT;
	if (pc != 0 && !is_code(step->u->s, pc))
		return -ENOENT;
	set(out, UNWIND_RIP, pc);
	set(out, UNWIND_RSP, slot + 8);
	*cfa = slot + 8;
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static int step_once(struct step *step, const struct rule_entry *entry,
		     struct unwind_regs *out, uint64_t *cfa)
{
	switch (entry->source) {
	case SOURCE_CFI:
		return step_by_rules(step, entry, out, cfa);
	case SOURCE_SIGRETURN:
		return step_by_sigframe(step, out, cfa);
	default:
		return step_by_frame_pointer(step, out, cfa);
	}
}

int unwind_step(struct unwinder *u, struct unwind_regs *regs, struct unwind_frame *frame)
{
	struct step step = { u, regs };
	struct unwind_regs out = {0};
	struct unwind_frame ignored;
	const struct rule_entry *entry;
	uint64_t pc = regs->value[UNWIND_RIP];
	int error;

	frame = frame ? frame : &ignored;
	*frame = (struct unwind_frame){ .pc = pc, .how = UNWIND_END };
	entry = find_rules(u, pc, regs->is_exact);
	frame->is_signal = entry->source == SOURCE_SIGRETURN ||
			   (entry->source == SOURCE_CFI && entry->row.is_signal);
	frame->lookup_pc = regs->is_exact || frame->is_signal ? pc : pc - 1;
	error = step_once(&step, entry, &out, &frame->cfa);
	if (error < 0)
		return error;
	if (!is_known(&out, UNWIND_RIP) || out.value[UNWIND_RIP] == 0)
		return 0;
	frame->how = entry->source == SOURCE_UNKNOWN ? UNWIND_FRAME_POINTER : UNWIND_CFI;
	/* an alternate signal stack may lie anywhere */
	if (!frame->is_signal && out.value[UNWIND_RSP] <= regs->value[UNWIND_RSP])
		return -ELOOP;
	*regs = out;
	return 1;
}

size_t unwind_stack(struct unwinder *u, const struct unwind_regs *regs,
		    struct unwind_frame *frames, size_t room, int *end)
{
	struct unwind_regs now = *regs;
	size_t count = 0;
	int result = -ENOBUFS;

	while (count < room) {
		result = unwind_step(u, &now, &frames[count++]);
		if (result <= 0)
			break;
		result = -ENOBUFS;
	}
	if (end)
		*end = result;
	return count;
}
