#include "lock-memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "maps.h"
#include "process.h"
#include "remote.h"

bool lock_memory_is_asked(const struct thread_block *tb)
{
	return (tb->gpr[0] & 0xffff) == SYS_mlockall && (tb->gpr[7] & MCL_CURRENT) &&
	       !(tb->gpr[7] & ~(uint64_t)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT));
}

/* As the kernel does it, what cannot be filled is no failure. */
static void lock_each(struct remote *remote, const struct target *target, uint64_t flags)
{
	unsigned how = flags & MCL_ONFAULT ? MLOCK_ONFAULT : 0;
	struct maps maps;

	if (maps_read(remote->tid, &maps, NULL) < 0)
		return;
	for (size_t i = 0; i < maps.count; i++) {
		const struct map *m = &maps.items[i];

		if (!arena_holds(&target->arena, m->start) && strcmp(m->path, "[vsyscall]"))
			remote_syscall(remote, SYS_mlock2, m->start, m->end - m->start, how, 0, 0, 0);
	}
	maps_deinit(&maps);
}

static long lock_all(struct remote *remote, const struct target *target, uint64_t flags)
{
	size_t ours = target->arena.code_bytes + target->arena.data_bytes;
	uint64_t later = flags & ~(uint64_t)MCL_CURRENT;
	long r = process_may_lock(remote->tid, ours);

	if (r < 0)
		return r;
	if (later & MCL_FUTURE)
		r = remote_syscall(remote, SYS_mlockall, later, 0, 0, 0, 0, 0);
	if (r == 0)
		lock_each(remote, target, flags);
	return r;
}

int lock_memory(struct thread *thread, struct err *err)
{
	struct thread_block *tb = thread->tb;
	struct remote remote;
	int r = remote_begin(&remote, thread->pid, thread->tid, err);

	if (r < 0)
		return r;
	tb->gpr[0] = (uint64_t)lock_all(&remote, thread->target, tb->gpr[7]);
	return remote_end(&remote, NULL, err);
}
