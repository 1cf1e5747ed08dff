/* state.c - the program's state at an address of the cache.
 *
 * In translated code a record says it (struct state, appended while the code was
 * emitted); in the runtime the labels do.  Nothing is guessed: each range below
 * is one line of the table of what runtime.S has done by then.
 */
#include <errno.h>
#include <stdlib.h>
#include <x86intrin.h>

#include "build.h"
#include "runtime.h"

/* ---- from a record --------------------------------------------------------------------- */

static void fill_owed(struct translator *t, uint32_t index, const struct thread_block *tb,
		      struct translate_state *out)
{
	const struct site *site = translator_site(t, index);
	const uint64_t *word = t->config.clock_local;
	uint64_t tsc = word ? __atomic_load_n(word, __ATOMIC_RELAXED) : __rdtsc();
	uint32_t *payload = out->owed[out->owed_count].payload;
	unsigned n = 0;

	out->owed[out->owed_count++].id = event_id(index, site->words);
	if (site->flags & SITE_HAS_SP)
		payload[n++] = (uint32_t)out->regs.gpr[4];
	if (site->flags & SITE_HAS_FROM)
		payload[n++] = tb->jump_from;
	if (site->flags & SITE_HAS_TARGET) {
		payload[n++] = (uint32_t)out->regs.pc;
		payload[n++] = (uint32_t)(out->regs.pc >> 32);
	}
	if (site->flags & SITE_HAS_TSC) {
		payload[n++] = (uint32_t)tsc;
		payload[n++] = (uint32_t)(tsc >> 32);
	}
}

/* An indirect branch has been done, and its way in, which reports it, not yet. */
static void owe_arrival(struct translator *t, int lookup, const struct thread_block *tb,
			struct translate_state *out)
{
	struct xblock *to = cache_block_get(t, (struct app_pc){ out->regs.pc });
	struct site site;

	if (to && target_arrival(t, to, lookup, &site))
		fill_owed(t, cache_site_add(t, &site), tb, out);
}

static void tell_part(const struct translator *t, const struct state *s,
		      struct translate_state *out)
{
	out->block = translator_block(t, s->block);
	out->in_block = s->in_block == BLOCK_TOLD;
	out->in_part = s->in_block == BLOCK_BEGUN;
}

static bool from_record(struct translator *t, uint32_t offset, const struct translate_regs *raw,
			struct thread_block *tb, struct translate_state *out)
{
	const struct state *s = target_state_at(t, offset);

	if (!s)
		return false;
	out->regs = *raw;
	out->regs.pc = s->kind == STATE_AT_RDX ? raw->gpr[2] :
		       s->kind == STATE_AT_TARGET ? tb->target :
		       s->kind == STATE_ALONG ? s->pc + (offset - s->at) : s->pc;
	for (int r = 0; r < 16; r++)
		if (s->saved >> r & 1)
			out->regs.gpr[r] = tb->slots[r];
	if (s->rcx_in)
		out->regs.gpr[1] = raw->gpr[s->rcx_in - 1];
	tell_part(t, s, out);
	if (s->section && tb->rseq) {
		out->has_frame_edit = true;
		out->edit_address = tb->rseq + RSEQ_DESCRIPTOR;
		out->edit_value = t->sections[s->section - 1].descriptor;
	}
	if (s->is_owed)
		fill_owed(t, s->site, tb, out);
	if (s->arrives) {
		tb->jump_from = s->block;
		owe_arrival(t, s->arrives - 1, tb, out);
	}
	return true;
}

/* ---- in the runtime ---------------------------------------------------------------------- */

static void load_gpr(struct translate_regs *regs, const struct thread_block *tb)
{
	memcpy(regs->gpr, tb->gpr, sizeof regs->gpr);
}

/* Before a watched access, or behind it: a call is undone, its push with it. */
static void at_store(struct translator *t, struct thread_block *tb, struct translate_state *out)
{
	const struct translate_store *store = translator_store(t, tb->exit);
	bool is_done = tb->request_kind == REQUEST_WATCHED;

	if (!store)
		return;
	out->regs.pc = store->pc.address;
	if (store->rdx_in_slot)
		out->regs.gpr[2] = tb->slots[2];
	if (is_done && store->is_call)
		out->regs.gpr[4] += 8;
	else if (is_done)
		out->regs.pc += store->len;
}

/* Not made yet: the block whose last instruction it is, is cut before it. */
static void cut_before_syscall(struct translator *t, const struct thread_block *tb,
			       struct translate_state *out)
{
	uint64_t base = t->config.base;
	bool remembered = tb->sys_resume == base + RUNTIME_OFFSET(runtime_syscall_post) ||
			  tb->sys_resume == base + RUNTIME_OFFSET(runtime_syscall_noted);
	uint64_t resume = (remembered ? tb->sys_resume_saved : tb->sys_resume) - base;
	const struct state *s;

	if (resume < RUNTIME_OFFSET(runtime_end) || resume >= t->config.size_bytes)
		return;
	s = target_state_at(t, (uint32_t)resume - 1);
	if (!s || s->pc != out->regs.pc)
		return;
	tell_part(t, s, out);
}

/* Where the program is during a request, before it is answered. */
static void at_request(struct translator *t, struct thread_block *tb, struct translate_state *out)
{
	out->in_request = true;
	switch (tb->request_kind) {
	case REQUEST_MISS:
	case REQUEST_STEP:
	case REQUEST_STALE:
	case REQUEST_TRUSTED:
		out->regs.pc = translator_exit_target(t, tb->exit).address;
		break;
	case REQUEST_MISS_CALL:
	case REQUEST_MISS_JMP:
	case REQUEST_MISS_RET:
		out->regs.pc = tb->target;
		owe_arrival(t, (int)tb->request_kind - REQUEST_MISS_CALL, tb, out);
		break;
	case REQUEST_HOT_CALL:
	case REQUEST_HOT_JMP:
	case REQUEST_HOT_RET:
		out->regs.pc = tb->target;
		owe_arrival(t, (int)tb->request_kind - REQUEST_HOT_CALL, tb, out);
		break;
	case REQUEST_SIGRETURN:
		out->regs.pc = tb->target;
		break;
	case REQUEST_WATCH:
	case REQUEST_WATCHED:
		at_store(t, tb, out);
		break;
	case REQUEST_SYSCALL_PRE:
		out->regs.pc = tb->sys_next - 2;        /* not made yet: make it again */
		cut_before_syscall(t, tb, out);
		break;
	case REQUEST_SYSCALL_POST:
	case REQUEST_RESUME:
		out->regs.pc = tb->sys_next;
		break;
	}
}

/* Inside or just behind the ring's bookkeeping the program is where it was when
 * the ring ran full; rcx is in its slot there by construction. */
static void at_ring(struct translator *t, struct thread_block *tb, struct translate_state *out)
{
	uint32_t back = (uint32_t)(tb->ring_back - t->config.base);
	struct translate_regs regs = out->regs;
	bool in_request = out->in_request;

	if (tb->ring_back < t->config.base || back >= t->config.size_bytes)
		return;
	from_record(t, back, &regs, tb, out);
	out->in_request = in_request;
}

static bool in(uint32_t at, const uint8_t *from, const uint8_t *to)
{
	return at >= RUNTIME_OFFSET(from) && at < RUNTIME_OFFSET(to);
}

static void from_request(struct translator *t, uint32_t at, struct thread_block *tb,
			 struct translate_state *out)
{
	if (at >= RUNTIME_OFFSET(runtime_request_saved))
		load_gpr(&out->regs, tb);
	if (at >= RUNTIME_OFFSET(runtime_request_flags_saved))
		out->regs.flags = tb->rflags;
	/* Before its first instruction the kind may be an older one. */
	if (at == RUNTIME_OFFSET(runtime_exit_miss))
		tb->request_kind = REQUEST_MISS;
	if (tb->request_kind == REQUEST_RING) {
		out->in_request = true;
		at_ring(t, tb, out);
	} else {
		at_request(t, tb, out);
	}
}

static void from_lookup(struct translator *t, uint32_t at, struct thread_block *tb, const struct translate_regs *raw,
			struct translate_state *out)
{
	static const struct {
		const uint8_t *start, *missed;
	} lookups[] = {
		{ runtime_lookup_call, runtime_lookup_call_missed },
		{ runtime_lookup_jmp, runtime_lookup_jmp_missed },
		{ runtime_return, runtime_lookup_ret_missed },
	};

	for (int i = 0; i < LOOKUP_KINDS; i++) {
		const uint8_t *end = i + 1 < LOOKUP_KINDS ? lookups[i + 1].start : runtime_lookups_end;

		if (!in(at, lookups[i].start, end))
			continue;
		/* Before `missed` stand three loads of 9 bytes, rax, rcx, rdx; behind
		 * the first of them rdx may be the program's already. */
		bool restoring = at > RUNTIME_OFFSET(lookups[i].missed) - 27;

		out->regs.pc = at >= RUNTIME_OFFSET(lookups[i].missed) || restoring ? tb->target
										    : raw->gpr[2];
		int first = at == RUNTIME_OFFSET(runtime_return) || at == RUNTIME_OFFSET(runtime_return_plain);

		for (int r = first; r < 3 && at < RUNTIME_OFFSET(lookups[i].missed); r++)
			out->regs.gpr[r] = tb->slots[r];
		owe_arrival(t, i, tb, out);
	}
}

/* The call was made again on the program's behalf (runtime_syscall_again): its
 * registers are in the slots, and its first try has ended with EINTR. */
static void from_syscall_again(struct translator *t, uint32_t at, struct thread_block *tb,
			       struct translate_state *out)
{
	if (tb->sys_resume != t->config.base + RUNTIME_OFFSET(runtime_syscall_again))
		return;
	out->regs.gpr[2] = tb->slots[2];
	out->regs.gpr[10] = tb->slots[10];
	if (at == RUNTIME_OFFSET(runtime_syscall_insn)) {
		out->regs.gpr[0] = (uint64_t)-EINTR;
		out->regs.pc = tb->sys_next;
	}
}

#define CHECK_SAVES (BIT(0) | BIT(3) | BIT(4) | BIT(5) | BIT(12))        /* runtime_syscall_check */

static void from_syscall(struct translator *t, uint32_t at, struct thread_block *tb,
			 struct translate_state *out)
{
	out->regs.pc = tb->sys_next - 2;
	if (in(at, runtime_syscall_check_saved, runtime_syscall_checked))
		for (int r = 0; r < 16; r++)
			if (CHECK_SAVES >> r & 1)
				out->regs.gpr[r] = tb->gpr[r];
	if (in(at, runtime_syscall_check_flags_saved, runtime_syscall_checked))
		out->regs.flags = tb->rflags;
	if (at == RUNTIME_OFFSET(runtime_syscall_done))
		out->in_syscall = true;
	if (in(at, runtime_syscall_done, runtime_syscall_special) ||
	    in(at, runtime_syscall_post, runtime_sigreturn)) {
		out->regs.pc = tb->sys_next;
		out->regs.gpr[1] = tb->sys_next;
	} else {
		cut_before_syscall(t, tb, out);
	}
	from_syscall_again(t, at, tb, out);
}

static void put_back_frame(struct thread_block *tb, struct translate_state *out)
{
	out->edit_address = out->regs.gpr[4] + 168;
	out->edit_value = tb->target;
	out->has_frame_edit = true;
}

static void from_sigreturn(uint32_t at, struct thread_block *tb, struct translate_state *out)
{
	if (at >= RUNTIME_OFFSET(runtime_sigreturn_landing)) {
		out->regs.pc = tb->target;
		return;
	}
	out->regs.pc = tb->sys_next - 2;
	if (in(at, runtime_sigreturn_edited, runtime_sigreturn_edited_end))
		put_back_frame(tb, out);
}

/* Three stores make a chunk known to the reader: none or all of them. */
static void complete_commit(uint32_t at, const struct translate_regs *raw, struct thread_block *tb)
{
	if (in(at, runtime_ring_commit, runtime_ring_committed) &&
	    at > RUNTIME_OFFSET(runtime_ring_commit)) {
		bool counted = at > RUNTIME_OFFSET(runtime_ring_commit) + 8 + 9;

		tb->ring_chunk = (uint32_t)raw->gpr[7];
		tb->cursor = raw->gpr[0];
		__atomic_store_n(&tb->ring_produced, raw->gpr[2] + !counted, __ATOMIC_RELEASE);
	}
	if (in(at, runtime_ring_drop_commit, runtime_ring_drop_committed) &&
	    at > RUNTIME_OFFSET(runtime_ring_drop_commit)) {
		tb->cursor = raw->gpr[8];
		tb->ring_lost = raw->gpr[1];
	}
}

static void from_ring(struct translator *t, uint32_t at, const struct translate_regs *raw,
		      struct thread_block *tb, struct translate_state *out)
{
	complete_commit(at, raw, tb);
	__atomic_store_n(&tb->ring_dropping, 0, __ATOMIC_RELEASE);
	/* r12 to r15 are never used; rcx is in its slot. */
	if (in(at, runtime_ring_saved, runtime_ring_wait) ||
	    in(at, runtime_ring_advance, runtime_ring_end)) {
		for (int r = 0; r < 12; r++)
			if (r != 1)
				out->regs.gpr[r] = tb->gpr[r];
		if (at >= RUNTIME_OFFSET(runtime_ring_flags_saved))
			out->regs.flags = tb->rflags;
	}
	if (at == RUNTIME_OFFSET(runtime_ring_full))
		tb->ring_back = raw->gpr[1];
	at_ring(t, tb, out);
}

/* In the bookkeeping of a watched access the program is before it, or behind it, as
 * the place that is gone back to says. */
static void from_watch(struct translator *t, uint32_t at, const struct translate_regs *raw,
		       struct thread_block *tb, struct translate_state *out)
{
	bool is_behind = at >= RUNTIME_OFFSET(runtime_watched);
	const uint8_t *saved = is_behind ? runtime_watched_saved : runtime_watch_saved;
	const uint8_t *flags = is_behind ? runtime_watched_flags_saved : runtime_watch_flags_saved;
	struct translate_regs regs = *raw;

	if (at == RUNTIME_OFFSET(runtime_watch) || at == RUNTIME_OFFSET(runtime_watched))
		tb->watch_back = raw->gpr[1];
	/* rbp and r12 to r15 are never used; rcx is in its slot. */
	for (int r = 0; r < 12 && at >= RUNTIME_OFFSET(saved); r++)
		if (r != 1 && r != 5)
			regs.gpr[r] = tb->gpr[r];
	if (at >= RUNTIME_OFFSET(flags))
		regs.flags = tb->rflags;
	if (tb->watch_back - t->config.base < t->config.size_bytes)
		from_record(t, (uint32_t)(tb->watch_back - t->config.base), &regs, tb, out);
}

static void from_runtime(struct translator *t, uint32_t at, const struct translate_regs *raw,
			 struct thread_block *tb, struct translate_state *out)
{
	out->regs = *raw;
	if (in(at, runtime_exit_miss, runtime_request_end))
		from_request(t, at, tb, out);
	else if (in(at, runtime_lookups, runtime_lookups_end))
		from_lookup(t, at, tb, raw, out);
	else if (in(at, runtime_syscall, runtime_sigreturn))
		from_syscall(t, at, tb, out);
	else if (in(at, runtime_sigreturn, runtime_sigreturn_end))
		from_sigreturn(at, tb, out);
	else if (in(at, runtime_watch, runtime_watch_end))
		from_watch(t, at, raw, tb, out);
	else
		from_ring(t, at, raw, tb, out);
}

static bool is_requesting(uint64_t offset)
{
	return offset >= RUNTIME_OFFSET(runtime_request) &&
	       offset < RUNTIME_OFFSET(runtime_request_end);
}

bool translator_is_calling(const struct translator *t, struct cache_pc at,
			   const struct thread_block *tb)
{
	uint64_t offset = at.address - t->config.base;

	if (is_requesting(offset))
		return tb->request_kind == REQUEST_SYSCALL_PRE ||
		       tb->request_kind == REQUEST_SYSCALL_POST;
	return offset >= RUNTIME_OFFSET(runtime_syscall) &&
	       offset < RUNTIME_OFFSET(runtime_sigreturn);
}

bool translator_is_behind_sigreturn(const struct translator *t, struct cache_pc at,
				    const struct thread_block *tb)
{
	uint64_t offset = at.address - t->config.base;

	return offset == RUNTIME_OFFSET(runtime_sigreturn_landing) ||
	       (tb->request_kind == REQUEST_SIGRETURN && is_requesting(offset));
}

bool translator_state_find(struct translator *t, struct cache_pc cache_pc,
			   const struct translate_regs *regs, struct thread_block *tb,
			   struct translate_state *out)
{
	uint64_t offset = cache_pc.address - t->config.base;

	memset(out, 0, sizeof *out);
	if (cache_pc.address < t->config.base || offset >= t->config.size_bytes)
		return false;
	if (offset < RUNTIME_OFFSET(runtime_end)) {
		from_runtime(t, (uint32_t)offset, regs, tb, out);
		return true;
	}
	return from_record(t, (uint32_t)offset, regs, tb, out);
}
