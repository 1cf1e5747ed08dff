/* exits.c - where a block leaves for another one: a jump whose displacement is
 * patched when its target is translated, and the stub that asks for it. */
#include "build.h"
#include "runtime.h"

unsigned translate_patch_bytes(void)
{
	return __builtin_cpu_is("intel") ? 64 : 8;
}

/* A nop so that a displacement `ahead` bytes on is changed by one store for all who execute it.
 * Where it need not lie within eight bytes, but within a line, nops are few, and seldom between a
 * comparison and its branch, which are one micro-operation without. */
void exit_align(const struct translator *t, struct emit *e, unsigned ahead)
{
	static const uint8_t nops[4][3] = { {0}, { 0x90 }, { 0x66, 0x90 }, { 0x0f, 0x1f, 0x00 } };
	unsigned span = t->config.patch_bytes, at = (e->at + ahead) & (span - 1);

	if (at > span - 4)
		emit_bytes(e, nops[span - at], span - at);
}

/* Where the displacement at hot offset rel_at leads: to the block at pc, or to a
 * stub that asks for it. */
uint32_t exit_target(struct build *b, uint64_t pc, uint32_t rel_at, uint32_t request)
{
	struct translator *t = b->t;
	uint32_t index = cache_exit_add(t, (struct app_pc){ pc }, rel_at);
	struct exit *exit = cache_exit(t, index);

	if (!exit || t->hot.is_full)
		return 0;
	struct xblock *target = cache_block(t, exit->target);
	exit->facts = b->facts;
	if (request == REQUEST_MISS && rel_at) {
		if (target->entry) {
			exit->is_linked = true;
			t->stats.links++;
		} else {
			cache_queue(t, target, b->block->depth + 1u);
		}
	}
	exit->stub = t->cold.at;
	build_mark(b, false, (struct where){ .pc = pc });
	emit_mov_tb_imm32(&t->cold, TB_EXIT, index);    /* mov dword gs:[exit], index */
	if (request != REQUEST_MISS) {
		emit_mov_tb_imm32(&t->cold, TB_REQUEST_KIND, request);
		emit_jmp(&t->cold, RUNTIME_OFFSET(runtime_request));
		exit->rel_at = 0;
	} else {
		emit_jmp(&t->cold, RUNTIME_OFFSET(runtime_exit_miss));
	}
	uint32_t to = exit->is_linked ? target_exit_entry(t, exit, target) : 0;
	exit->is_linked = to;
	return to ? to : exit->stub;
}

void exit_emit(struct build *b, uint64_t pc, struct where where, uint32_t request)
{
	struct emit *e = &b->t->hot;

	build_mark(b, true, where);
	exit_align(b->t, e, 1);
	emit_jmp(e, exit_target(b, pc, e->at + 1, request));   /* jmp <pc> */
}

void exit_emit_jmp(struct build *b, uint64_t pc, struct where where)
{
	exit_emit(b, pc, where, REQUEST_MISS);
}
