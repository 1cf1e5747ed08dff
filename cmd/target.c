#include "target-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "clock-word.h"
#include "counted.h"
#include "guard.h"
#include "maps.h"
#include "names.h"
#include "process.h"
#include "service.h"
#include "session.h"
#include "store_log.h"
#include "syscalls.h"
#include "tracee.h"
#include "unwind.h"
#include "watch-code.h"
#include "watch-follow.h"
#include "watch-place.h"

#define HWCAP2_FSGSBASE 2
#define HEAT_LIMIT 2000         /* lookups that cost as much as one request */
#define GUESS_SHARE 12          /* of 16: what is seldom guessed right is predicted better by itself */
#define GUESS_SHARE_AMD 4       /* a guess is cheap there: see has_fast_loop */
#define PATIENCE_NS (50 * 1000 * 1000)

/* ---- what the translator asks ---------------------------------------------------- */

void target_lock(struct target *target)
{
	__atomic_add_fetch(&target->lock_wanted, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&target->lock);
	__atomic_sub_fetch(&target->lock_wanted, 1, __ATOMIC_SEQ_CST);
}

void target_unlock(struct target *target)
{
	pthread_mutex_unlock(&target->lock);
}

/* A shared mapping may be written through another one. */
static bool is_writable(void *context, struct app_pc pc)
{
	const struct map *m = target_map_code(context, pc.address);

	return m && (m->prot & (MAP_WRITE | MAP_IS_SHARED));
}

static bool is_ended(pid_t task)
{
	char byte, name[40];

	snprintf(name, sizeof name, "/proc/%d/maps", task);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, &byte, 1);
	if (fd >= 0)
		close(fd);
	return n <= 0;
}

static size_t read_code(void *context, struct app_pc pc, void *buf, size_t len)
{
	struct target *target = context;
	ssize_t n;

	if (arena_holds(&target->arena, pc.address))
		return 0;
	if (!target_map_code(target, pc.address))
		return 0;
	n = tracee_read(target->task, pc.address, buf, len);
	if (n <= 0 && is_ended(target->task)) {
		maps_deinit(&target->maps);
		if (target_map_read(target) == 0)
			n = tracee_read(target->task, pc.address, buf, len);
	}
	return n > 0 ? (size_t)n : 0;
}

static size_t peek(void *context, uint64_t address, void *buf, size_t len)
{
	struct target *target = context;
	ssize_t n = tracee_read(target->task, address, buf, len);

	return n > 0 ? (size_t)n : 0;
}

static bool is_function(void *context, struct app_pc pc)
{
	struct target *target = context;

	target_symbols_lock_at(target, pc.address);
	bool yes = symbols_function_start(target->symbols, pc.address);
	target_symbols_unlock(target);
	return yes;
}

static enum translate_stub stub(void *context, struct app_pc pc)
{
	struct target *target = context;

	target_symbols_lock_at(target, pc.address);
	const struct symbol *symbol = symbols_find(target->symbols, pc.address);
	enum translate_stub kind = !symbol ? STUB_NONE :
				   symbol->is_plt ? STUB_LINKAGE :
				   name_is_resolver(symbol->name) ? STUB_RESOLVER : STUB_NONE;
	target_symbols_unlock(target);
	return kind;
}

static ssize_t read_memory(void *context, uint64_t address, void *buf, size_t len)
{
	struct target *target = context;

	return tracee_read(__atomic_load_n(&target->task, __ATOMIC_ACQUIRE), address, buf, len);
}

/* ---- set-up -------------------------------------------------------------------------- */

/* The mappings of the program file, which code wants to be near to. */
static void find_program(pid_t pid, uint64_t *start, uint64_t *end)
{
	char name[40], exe[4096];
	struct maps maps;

	*start = *end = 0;
	snprintf(name, sizeof name, "/proc/%d/exe", pid);
	ssize_t n = readlink(name, exe, sizeof exe - 1);
	if (n < 0 || maps_read(pid, &maps, NULL) < 0)
		return;
	exe[n] = 0;
	for (size_t i = 0; i < maps.count; i++) {
		if (strcmp(maps.items[i].path, exe))
			continue;
		if (!*start)
			*start = maps.items[i].start;
		*end = maps.items[i].end;
	}
	maps_deinit(&maps);
}

static uint8_t *local_at(struct target *target, uint64_t at)
{
	return arena_local(&target->arena, at);
}

/* Of the events that the tracer writes itself. */
static void add_sites(struct target *target)
{
	target->id_thread = translator_site_add(target->translator, SITE_THREAD, 2);
	target->id_signal = translator_site_add(target->translator, SITE_SIGNAL, 8);
	target->id_sigreturn = translator_site_add(target->translator, SITE_SIGRETURN, 6);
	target->id_cut = translator_site_add(target->translator, SITE_CUT, 6);
	target->id_end = translator_site_add(target->translator, SITE_END, 2);
}

static bool is_urgent(void *context)
{
	return service_is_urgent(context);
}

static int make_translator(struct target *target, struct err *err)
{
	struct translate_range *ranges;

	ssize_t range_count = watch_code_begin(target, &ranges, err);
	if (range_count < 0) {
		free(ranges);
		return -EINVAL;
	}

	struct translate_events events = target->session->events;

	events.time = target->has_clock;
	struct translate_config config = {
		.local = target->arena.local,
		.base = target->arena.base,
		.size_bytes = target->arena.code_bytes,
		.ways_local = (uint64_t *)local_at(target, target->data_base + WAYS_AT),
		.trust = target->session->options->trust,
		.trust_local = (uint64_t *)local_at(target, target->data_base + TRUST_AT),
		.trust_base = target->data_base + TRUST_AT,
		.heat_limit = HEAT_LIMIT,
		.guess_share = __builtin_cpu_is("amd") ? GUESS_SHARE_AMD : GUESS_SHARE,
		.heat_local = (uint64_t *)local_at(target, target->data_base + HEAT_AT),
		.heat_base = target->data_base + HEAT_AT,
		.seen_local = local_at(target, target->data_base + SEEN_AT),
		.seen_base = target->data_base + SEEN_AT,
		.events = events,
		.clock_base = target->has_clock_word ? target->data_base + CONTROL_CLOCK : 0,
		.clock_local = target->has_clock_word ? &target->control->clock : NULL,
		.ranges = ranges,
		.range_count = (size_t)range_count,
		/* Who reads the events is the third that is busy. */
		.looks_near = events.calls && get_nprocs() <= 2,
		.has_fast_loop = __builtin_cpu_is("amd"),
		.patch_bytes = translate_patch_bytes(),
		.has_bmi2 = __builtin_cpu_supports("bmi2"),
		.has_fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE,
		.read = read_code,
		.peek = peek,
		.is_writable = is_writable,
		.is_function = is_function,
		.stub = stub,
		.counters_at = target->counters_at,
		.counters_max = target->counters,
		.is_urgent = is_urgent,
		.context = target,
	};

	for (int i = 0; i < LOOKUP_KINDS; i++) {
		config.lookup_base[i] = target->data_base + CONTROL_BYTES + SYS_TABLE_BYTES +
					(uint64_t)i * LOOKUP_BYTES;
		config.lookup_local[i] = local_at(target, config.lookup_base[i]);
	}
	for (size_t i = 0; i < target->place_count; i++)
		config.watch_reads |= target->places[i].access & 2;
	target->translator = translator_create(&config, err);
	free(ranges);
	if (!target->translator)
		return -ENOMEM;
	translator_runtime(target->translator, &target->runtime);
	add_sites(target);
	return 0;
}

void target_flush(struct target *target)
{
	watch_follow_apply(target);
	translator_flush(target->translator);
	for (unsigned i = 0; i < target->areas_top; i++)
		if (target->areas_used[i / 64] >> (i % 64) & 1)
			translator_returns_forget(target->translator, target_area_block(target, i));
	add_sites(target);
	__atomic_store_n(&target->is_full, false, __ATOMIC_RELEASE);
}

static int divide_data(struct target *target, struct err *err)
{
	size_t room = target->arena.data_bytes - SHARED_BYTES;

	target->data_base = target->arena.base + target->arena.code_bytes;
	target->areas_base = target->data_base + SHARED_BYTES;
	target->control = (struct control *)local_at(target, target->data_base);
	target->sys_table = local_at(target, target->data_base + CONTROL_BYTES);
	if (target->session->events.stores)
		target->store_log = (struct store_log *)local_at(target, target->data_base + LOG_AT);
	if (target->has_clock && target->session->has_coarse_clock) {
		target->has_clock_word = clock_word_add(&target->control->clock);
		if (!target->has_clock_word)
			return err_set(err, EAGAIN, "no thread can be made for the coarse clock "
				       "(give --clock tsc)");
	}
	syscalls_fill_table(target);
	/* The ring of the last area runs a little over its end. */
	target->areas = (unsigned)((room - RING_ZONE_BYTES) / AREA_BYTES(target));
	if (target->areas > CONTROL_THREADS_MAX)
		target->areas = CONTROL_THREADS_MAX;
	target->areas_used = calloc(CONTROL_THREADS_MAX / 64, sizeof *target->areas_used);
	target->by_area = calloc(target->areas, sizeof *target->by_area);
	target->control->patience[1] = PATIENCE_NS;
	guard_own(target->control);
	if (!target->areas_used || !target->by_area)
		return err_set(err, ENOMEM, "out of memory");
	return 0;
}

/* May the program read the time-stamp counter? */
static bool has_clock(struct target *target, struct remote *remote)
{
	uint64_t at = target->arena.base + target->arena.code_bytes;
	int *mode = (int *)local_at(target, at);

	remote_syscall(remote, SYS_prctl, PR_GET_TSC, at, 0, 0, 0, 0);
	bool has = *mode != PR_TSC_SIGSEGV;
	*mode = 0;
	return has;
}

/* As many as there is room for near the program; or as there are threads by now, and half
 * as many again: farther away, code is a little slower. */
static size_t areas_max(const struct target *target)
{
	size_t near = AREAS_BYTES_MAX / AREA_BYTES(target);
	pid_t *tids;
	int n = process_threads(target->pid, &tids);
	size_t wanted = n < 0 ? 0 : (size_t)n + (size_t)n / 2;

	if (n >= 0)
		free(tids);
	if (wanted < near)
		wanted = near;
	return wanted < CONTROL_THREADS_MAX ? wanted : CONTROL_THREADS_MAX;
}

static int map_arena(struct target *target, pid_t tid, struct err *err)
{
	struct remote remote;
	struct arena_request request = {
		.code_bytes = target->session->options->cache_bytes,
		.data_bytes = SHARED_BYTES + 65536 + areas_max(target) * AREA_BYTES(target),
		.data_min_bytes = SHARED_BYTES + 65536 + 4 * AREA_BYTES(target),
		.force_far = getenv("TRACER_TEST_FAR") != NULL,
	};
	struct err ignored;
	int r = remote_begin(&remote, target->pid, tid, err);

	if (r < 0)
		return r;
	find_program(target->pid, &request.near_start, &request.near_end);
	r = arena_create(&target->arena, &remote.ops, &request, err);
	if (r == 0 && target->session->events.time)
		target->has_clock = target->session->has_coarse_clock || has_clock(target, &remote);
	int end = remote_end(&remote, NULL, r < 0 ? &ignored : err);
	return r < 0 ? r : end < 0 ? end : 0;
}

int target_create(struct session *session, pid_t pid, pid_t tid, struct target **out,
		  struct err *err)
{
	struct target *target = calloc(1, sizeof *target);
	struct symbols_memory memory = { read_memory, target };

	if (!target)
		return err_set(err, ENOMEM, "out of memory");
	target->origin = (struct origin){ &origin_live, pid };
	target->session = session;
	target->pid = pid;
	target->task = tid;
	target->ring_chunks = session->ring_chunks;
	target->counters = session->counts_paths ? COUNTERS_OF_PATHS :
			   session->events.count_calls ? COUNTERS_OF_CALLS : 0;
	target->counters_at = COUNTERS_AT(target) - THREAD_BLOCK_OFFSET;
	target->maps_are_old = true;
	pthread_mutex_init(&target->lock, NULL);
	pthread_mutex_init(&target->symbols_lock, NULL);
	pthread_mutex_init(&target->changed_lock, NULL);
	target->symbols = symbols_create(pid, &memory);
	if (target->symbols)
		symbols_set_demangle(target->symbols, !session->options->no_demangle);
	int r = target->symbols ? symbols_refresh(target->symbols, err)
				: err_set(err, ENOMEM, "out of memory");
	if (r >= 0)
		r = map_arena(target, tid, err);
	if (r >= 0 && symbols_ignore_range(target->symbols, target->arena.base - ARENA_GUARD_BYTES,
					   arena_end(&target->arena) + ARENA_GUARD_BYTES) < 0)
		r = err_set(err, ENOMEM, "out of memory");
	if (r >= 0)
		r = divide_data(target, err);
	if (r >= 0)
		r = make_translator(target, err);
	if (r < 0) {
		target_destroy(target);
		return r;
	}
	*out = target;
	return 0;
}

int target_unmap(struct target *target, pid_t tid, const struct user_regs_struct *regs,
		 struct err *err)
{
	struct remote remote;
	struct err second = { 0 };
	int r = remote_begin(&remote, target->pid, tid, err);

	if (r < 0)
		return r;
	r = arena_unmap(&target->arena, &remote.ops);
	int end = remote_end(&remote, regs, &second);
	if (r < 0)
		return err_set(err, -r, "the arena cannot be unmapped: %s", strerror(-r));
	return end;
}

void target_destroy(struct target *target)
{
	if (!target)
		return;
	translator_destroy(target->translator);
	unwinder_destroy(target->unwinder);
	symbols_destroy(target->symbols);
	if (target->has_clock_word)
		clock_word_remove(&target->control->clock);
	if (target->control)
		guard_disown(target->control);
	arena_deinit(&target->arena);
	pthread_mutex_destroy(&target->lock);
	pthread_mutex_destroy(&target->symbols_lock);
	pthread_mutex_destroy(&target->changed_lock);
	maps_deinit(&target->maps);
	watch_code_end(target);
	free(target->areas_used);
	free(target->by_area);
	free(target);
}

void target_dispatch(struct thread *thread)
{
	struct target *target = thread->target;

	thread_be_quiet(thread);
	if (!target->steps_syscalls)
		translator_syscalls_step(target->translator);
	target->steps_syscalls = true;
}

void thread_be_quiet(struct thread *thread)
{
	__atomic_store_n(&thread->tb->quiet, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&thread->target->has_quiet, true, __ATOMIC_SEQ_CST);
}
