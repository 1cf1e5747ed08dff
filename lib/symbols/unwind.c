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
#include "unwind-internal.h"

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

/* ---- memory ------------------------------------------------------------- */

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

bool unwinder_read(struct unwinder *u, uint64_t address, void *buf, size_t len)
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

bool unwinder_read_word(struct unwinder *u, uint64_t address, uint64_t *out)
{
	return unwinder_read(u, address, out, sizeof *out);
}

/* ---- rules for a pc ----------------------------------------------------- */

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

	return unwinder_read(u, pc, code, sizeof code) &&
	       (memcmp(code, with_rax, sizeof with_rax) == 0 ||
		memcmp(code, with_eax, sizeof with_eax) == 0);
}

/* Where Go's runtime has switched stacks, what lies above is of an earlier life. */
bool unwind_is_go_bottom(struct symbols *s, uint64_t pc)
{
	static const char *const names[] = {
		"runtime.goexit", "runtime.mstart", "runtime.mcall", "runtime.morestack",
		"runtime.rt0_go", "runtime.clone",
	};
	const struct mapping *mapping = symbols_mapping(s, pc);
	struct image *image = mapping && mapping->module ?
		module_image(s, mapping->module) : NULL;
	const struct symbol *f = image && image->is_go ? symbols_find(s, pc) : NULL;

	for (size_t i = 0; f && i < sizeof names / sizeof *names; i++) {
		size_t len = strlen(names[i]);

		if (strncmp(f->name, names[i], len) == 0 &&
		    (!f->name[len] || strcmp(f->name + len, ".abi0") == 0))
			return true;
	}
	return false;
}

static void fill_entry(struct unwinder *u, uint64_t pc, bool is_exact, struct rule_entry *entry)
{
	*entry = (struct rule_entry){ .pc = pc, .is_exact = is_exact, .is_used = true };
	/* A handler returns to the first byte of its trampoline, which is called
	 * by nobody: pc - 1 is some other function there. */
	if (!is_exact && find_row(u->s, pc, entry) && entry->row.is_signal)
		entry->source = SOURCE_CFI;
	else if (unwind_is_go_bottom(u->s, is_exact ? pc : pc - 1))
		entry->source = SOURCE_END;
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

/* ---- one step by rules -------------------------------------------------- */

static bool get_register(void *context, uint64_t number, uint64_t *out)
{
	struct step *step = context;

	if (!unwind_is_known(step->in, number))
		return false;
	*out = step->in->value[number];
	return true;
}

static bool read_memory(void *context, uint64_t address, size_t size, uint64_t *out)
{
	struct step *step = context;

	*out = 0;
	return unwinder_read(step->u, address, out, size);
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
		if (unwind_is_known(step->in, number))
			unwind_set(out, number, step->in->value[number]);
		return 0;
	case CFI_UNDEFINED:
		return 0;
	case CFI_REGISTER:
		if (get_register(step, rule->offset, &value))
			unwind_set(out, number, value);
		return 0;
	case CFI_EXPRESSION:
	case CFI_VAL_EXPRESSION:
		error = evaluate(step, entry, rule, &cfa, &value);
		break;
	}
	if (error == 0 && (rule->kind == CFI_OFFSET || rule->kind == CFI_EXPRESSION) &&
	    !unwinder_read_word(step->u, value, &value))
		error = -EFAULT;
	if (error == 0)
		unwind_set(out, number, value);
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
	unwind_set(out, UNWIND_RSP, *cfa);
	for (unsigned i = 0; i < UNWIND_REGS; i++) {
		error = recover(step, entry, *cfa, i, out);
		/* only what leads on must be there */
		if (error < 0 && (i == UNWIND_RIP || i == UNWIND_RSP))
			return error;
	}
	return 0;
}

/* ---- by a signal's frame ------------------------------------------------ */

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
	    !unwinder_read(step->u, frame + 5 * 8, words, sizeof words))
		return -EFAULT;
	for (size_t i = 0; i < sizeof order; i++)
		unwind_set(out, order[i], words[i]);
	out->is_exact = true;
	*cfa = out->value[UNWIND_RSP];
	return 0;
}

/* ---- the whole ---------------------------------------------------------- */

static int step_once(struct step *step, const struct rule_entry *entry,
		     struct unwind_regs *out, uint64_t *cfa, enum unwind_how *how)
{
	*how = UNWIND_CFI;
	switch (entry->source) {
	case SOURCE_CFI:
		return step_by_rules(step, entry, out, cfa);
	case SOURCE_SIGRETURN:
		return step_by_sigframe(step, out, cfa);
	case SOURCE_END:
		return 0;
	default:
		return unwind_guess(step, out, cfa, how);
	}
}

int unwind_step(struct unwinder *u, struct unwind_regs *regs, struct unwind_frame *frame)
{
	struct step step = { u, regs };
	struct unwind_regs out = {0};
	struct unwind_frame ignored;
	const struct rule_entry *entry;
	enum unwind_how how;
	uint64_t pc = regs->value[UNWIND_RIP];
	int error;

	frame = frame ? frame : &ignored;
	*frame = (struct unwind_frame){ .pc = pc, .how = UNWIND_END };
	entry = find_rules(u, pc, regs->is_exact);
	frame->is_signal = entry->source == SOURCE_SIGRETURN ||
			   (entry->source == SOURCE_CFI && entry->row.is_signal);
	frame->lookup_pc = regs->is_exact || frame->is_signal ? pc : pc - 1;
	error = step_once(&step, entry, &out, &frame->cfa, &how);
	if (error < 0)
		return error;
	if (!unwind_is_known(&out, UNWIND_RIP) || out.value[UNWIND_RIP] == 0)
		return 0;
	/* data is never called; what no refresh has seen yet may be new code */
	const struct mapping *caller = symbols_mapping(u->s, out.value[UNWIND_RIP] - 1);
	if (caller && !caller->is_code)
		return -ENOENT;
	frame->how = how;
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
