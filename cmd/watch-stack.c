#include "watch-stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "line.h"
#include "source.h"

static struct watch_stack *unwind(struct unwinder *u, const struct unwind_regs *regs, uint64_t pc)
{
	struct unwind_frame frames[WATCH_FRAMES_MAX];
	struct watch_stack *stack = calloc(1, sizeof *stack);

	if (!stack || !u)
		return stack;
	unwinder_forget(u);
	stack->count = unwind_stack(u, regs, frames, WATCH_FRAMES_MAX, NULL);
	for (size_t i = 0; i < stack->count; i++) {
		stack->frames[i].pc = frames[i].pc;
		stack->frames[i].lookup_pc = frames[i].lookup_pc;
	}
	if (stack->count)
		stack->frames[0].pc = stack->frames[0].lookup_pc = pc;
	return stack;
}

struct watch_stack *watch_stack_of(struct thread *thread, uint64_t pc)
{
	/* as DWARF counts registers */
	static const uint8_t order[16] = { 0, 2, 1, 3, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15 };
	const struct thread_block *tb = thread->tb;
	struct target *target = thread->target;
	struct unwind_regs regs = { .known = UNWIND_ALL, .is_exact = true };
	const struct translate_store *store = NULL;

	if (tb->request_kind == REQUEST_WATCHED)
		store = translator_store(target->translator, tb->exit);
	for (int i = 0; i < 16; i++)
		regs.value[i] = tb->gpr[order[i]];
	regs.value[UNWIND_RIP] = pc;
	if (store && store->is_call)
		regs.value[UNWIND_RSP] += 8;
	else if (store)
		regs.value[UNWIND_RIP] += store->len;
	target_symbols_lock(target);
	if (!target->unwinder)
		target->unwinder = unwinder_create(target->symbols);
	struct watch_stack *stack = unwind(target->unwinder, &regs, pc);
	target_symbols_unlock(target);
	return stack;
}

struct watch_stack *watch_stack_native(struct unwinder *u, const struct user_regs_struct *r,
				       uint64_t pc)
{
	struct unwind_regs regs = {
		.value = { r->rax, r->rdx, r->rcx, r->rbx, r->rsi, r->rdi, r->rbp, r->rsp, r->r8,
			   r->r9, r->r10, r->r11, r->r12, r->r13, r->r14, r->r15, r->rip },
		.known = UNWIND_ALL, .is_exact = true,
	};

	return unwind(u, &regs, pc);
}

/* ---- shown ------------------------------------------------------------------------------ */

static void show_frame_text(struct writer *w, struct symbols *symbols, unsigned number, uint64_t pc,
			    uint64_t lookup_pc)
{
	struct source_line line;
	char where[1024];
	char *at = writer_room(w, 4096);
	const struct symbol *symbol = symbols_find(symbols, lookup_pc);

	/* a return address behind a last call belongs to the next function by itself */
	if (symbol && symbol != symbols_find(symbols, pc))
		snprintf(where, sizeof where, "%s!%s+0x%lx", symbol->module->name, symbol->name,
			 pc - symbol->start);
	else
		symbols_format(symbols, pc, where, sizeof where);
	at += sprintf(at, "    #%-2u ", number);
	at = put_string(at, where);
	if (symbols_line(symbols, lookup_pc, &line) && line.line) {
		const char *slash = strrchr(line.file, '/');

		at += snprintf(at, 1024, " (%.900s:%u)", slash ? slash + 1 : line.file, line.line);
	}
	writer_done(w, put_literal(at, "\n"));
}

static void show_frame_json(struct writer *w, struct symbols *symbols, unsigned number, uint64_t pc,
			    uint64_t lookup_pc)
{
	const struct symbol *symbol = symbols_find(symbols, lookup_pc);
	const struct symbols_module *module = symbols_module_find(symbols, lookup_pc);
	struct source_line line = { 0 };
	bool has_line = symbols_line(symbols, lookup_pc, &line) && line.line;
	size_t names = (symbol ? strlen(symbol->name) : 0) + (module ? strlen(module->name) : 0) +
		       (has_line ? strlen(line.file) : 0);
	char *at = writer_room(w, JSON_STRING_ROOM(names) + LINE_SLACK);

	at = put_literal(put_hex(put_string(at, number ? ",{\"pc\":\"" : "{\"pc\":\""), pc), "\"");
	if (symbol && *symbol->name)
		at = json_string(put_literal(at, ",\"function\":"), symbol->name);
	if (module) {
		at = json_string(put_literal(at, ",\"module\":"), module->name);
		at = put_u64(put_literal(at, ",\"offset\":"), pc - (symbol ? symbol->start : module->base));
	}
	if (has_line) {
		at = json_string(put_literal(at, ",\"file\":"), line.file);
		at = put_u64(put_literal(at, ",\"line\":"), line.line);
	}
	writer_done(w, put_literal(at, "}"));
}

void watch_stack_show(struct writer *w, struct symbols *symbols, const struct watch_stack *stack,
		      bool json)
{
	if (json)
		writer_write(w, ",\"stack\":[", 10);
	for (size_t i = 0; i < stack->count; i++)
		(json ? show_frame_json : show_frame_text)(w, symbols, (unsigned)i,
			stack->frames[i].pc, stack->frames[i].lookup_pc);
	if (json)
		writer_write(w, "]", 1);
}
