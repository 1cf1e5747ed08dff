#include "arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "maps.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define GIB (1ull << 30)
#define PIE_FLOOR (1ull << 44)  /* programs below it share their 2 GiB with brk and MAP_32BIT */
#define ALIGN_BYTES 65536ull

static long call(const struct remote_ops *ops, long number, uint64_t a, uint64_t b, uint64_t c,
		 uint64_t d, uint64_t e, uint64_t f)
{
	const uint64_t args[6] = { a, b, c, d, e, f };

	return ops->syscall(ops->context, number, args);
}

/* ---- where -------------------------------------------------------------------- */

/* How far below `base` an arena is to begin so that its code does not cross a multiple of
 * 4 GiB: returns are predicted by the low halves of addresses then. */
static uint64_t crossing(uint64_t base, size_t code_bytes)
{
	uint64_t end = base + code_bytes, boundary = end & ~(4 * GIB - 1);

	return boundary > base ? end - boundary : 0;
}

/* The place of `want` bytes that ends `down` below the margin before the program, if it is free and
 * near; or 0. */
static uint64_t gap_below(const struct maps *maps, uint64_t start, uint64_t end, size_t want, uint64_t down)
{
	const uint64_t margin = 64 << 20;
	uint64_t high = ((start - margin) & ~(ALIGN_BYTES - 1)) - down, low = high - want;

	if (end - low > 2 * GIB - margin)
		return 0;
	for (size_t i = 0; i < maps->count; i++)
		if (maps->items[i].start < high + margin / 2 && maps->items[i].end + margin > low)
			return 0;
	return low;
}

/* A gap below the program that ends 64 MiB before it, or a little further down, or 0.  Below, because
 * the heap grows upwards from its end. */
static uint64_t find_gap_below(const struct maps *maps, uint64_t start, uint64_t end, size_t want,
			       size_t code_bytes)
{
	if (start < PIE_FLOOR || end - start > GIB)
		return 0;
	uint64_t low = gap_below(maps, start, end, want, 0);
	uint64_t down = low ? crossing(low + ARENA_GUARD_BYTES, code_bytes) : 0;
	uint64_t lower = down ? gap_below(maps, start, end, want, down) : 0;

	return lower ? lower : low;     /* near is worth more */
}

/* ---- reserve ------------------------------------------------------------------- */

static long reserve(const struct remote_ops *ops, uint64_t hint, size_t bytes)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (hint ? MAP_FIXED_NOREPLACE : 0);
	long at = call(ops, SYS_mmap, hint, bytes, PROT_NONE, (uint64_t)flags, ~0ull, 0);

	/* A kernel without MAP_FIXED_NOREPLACE takes the hint as a wish. */
	if (at > 0 && hint && (uint64_t)at != hint) {
		call(ops, SYS_munmap, (uint64_t)at, bytes, 0, 0, 0, 0);
		return -EEXIST;
	}
	return at;
}

/* Reserves code + data + guards (+ alignment); returns the arena's base or -errno. */
static long reserve_arena(struct arena *arena, const struct remote_ops *ops,
			  const struct arena_request *request, const struct maps *maps)
{
	size_t inner = arena->code_bytes + arena->data_bytes;
	size_t whole = inner + 2 * ARENA_GUARD_BYTES;
	uint64_t hint = 0;

	if (request->near_end && !request->force_far)
		hint = find_gap_below(maps, request->near_start, request->near_end, whole, arena->code_bytes);
	if (hint && reserve(ops, hint, whole) > 0) {
		arena->is_near = true;
		return (long)(hint + ARENA_GUARD_BYTES);
	}
	size_t spare = ALIGN_BYTES + arena->code_bytes;
	long at = reserve(ops, 0, whole + spare);
	if (at < 0 && at > -4096) {             /* a limit: as it comes then */
		spare = ALIGN_BYTES;
		at = reserve(ops, 0, whole + spare);
	}
	if (at < 0 && at > -4096)
		return at;
	uint64_t end = (uint64_t)at + whole + spare;
	uint64_t base = (end - whole) & ~(ALIGN_BYTES - 1);
	if (spare > ALIGN_BYTES)
		base -= crossing(base + ARENA_GUARD_BYTES, arena->code_bytes);
	uint64_t tail = end - (base + whole);

	if (base > (uint64_t)at)
		call(ops, SYS_munmap, (uint64_t)at, base - (uint64_t)at, 0, 0, 0, 0);
	if (tail)
		call(ops, SYS_munmap, base + whole, tail, 0, 0, 0, 0);
	return (long)(base + ARENA_GUARD_BYTES);
}

/* ---- fill ------------------------------------------------------------------------ */

/* A process that locks what it maps (mlockall) would fill all of it with pages at once:
 * so it is nothing first, unlocked, and then something. */
static int map_over(const struct remote_ops *ops, uint64_t at, size_t bytes, int prot, long fd,
		    uint64_t offset)
{
	int flags = MAP_SHARED | MAP_FIXED | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0);
	long r = call(ops, SYS_mmap, at, bytes, PROT_NONE, (uint64_t)flags, (uint64_t)fd, offset);

	if (r != (long)at)
		return (int)r;
	call(ops, SYS_munlock, at, bytes, 0, 0, 0, 0);
	return (int)call(ops, SYS_mprotect, at, bytes, (uint64_t)prot, 0, 0, 0);
}

static int map_local(struct arena *arena, int fd)
{
	size_t bytes = arena->code_bytes + arena->data_bytes;
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	arena->local = p;
	return 0;
}

/* The target makes a memfd; we open it through /proc; both map it. */
static int fill_memfd(struct arena *arena, const struct remote_ops *ops)
{
	char name[48];
	size_t bytes = arena->code_bytes + arena->data_bytes;
	int r = -EACCES;

	long fd = call(ops, SYS_memfd_create, ops->empty_string(ops->context), 1 /* CLOEXEC */,
		       0, 0, 0, 0);
	if (fd < 0)
		return (int)fd;
	snprintf(name, sizeof name, "/proc/%d/fd/%ld", ops->pid, fd);
	int mine = open(name, O_RDWR | O_CLOEXEC);
	if (mine >= 0 && ftruncate(mine, (off_t)bytes) == 0)
		r = map_over(ops, arena->base, arena->code_bytes, PROT_READ | PROT_EXEC, fd, 0);
	if (r == 0)
		r = map_over(ops, arena->base + arena->code_bytes, arena->data_bytes,
			     PROT_READ | PROT_WRITE, fd, arena->code_bytes);
	if (r == 0)
		r = map_local(arena, mine);
	call(ops, SYS_close, (uint64_t)fd, 0, 0, 0, 0, 0);
	if (mine >= 0)
		close(mine);
	return r;
}

/* Without a descriptor in the target: shared anonymous memory, which has a file
 * behind it that root reaches through /proc/PID/map_files. */
static int fill_anonymous(struct arena *arena, const struct remote_ops *ops)
{
	char name[96];
	size_t bytes = arena->code_bytes + arena->data_bytes;
	int r = map_over(ops, arena->base, bytes, PROT_READ | PROT_WRITE, -1, 0);

	if (r < 0)
		return r;
	snprintf(name, sizeof name, "/proc/%d/map_files/%lx-%lx", ops->pid,
		 (unsigned long)arena->base, (unsigned long)(arena->base + bytes));
	int mine = open(name, O_RDWR | O_CLOEXEC);
	if (mine < 0)
		return -errno;
	r = map_local(arena, mine);
	close(mine);
	if (r == 0)
		r = (int)call(ops, SYS_mprotect, arena->base, arena->code_bytes,
			      PROT_READ | PROT_EXEC, 0, 0, 0);
	return r;
}

static void advise(const struct arena *arena, const struct remote_ops *ops)
{
	const int advice[] = { MADV_DONTFORK, MADV_DONTDUMP };
	uint64_t start = arena->base - ARENA_GUARD_BYTES;
	uint64_t bytes = arena_end(arena) + ARENA_GUARD_BYTES - start;

	for (size_t i = 0; i < sizeof advice / sizeof *advice; i++)
		call(ops, SYS_madvise, start, bytes, (uint64_t)advice[i], 0, 0, 0);
}

static int try_create(struct arena *arena, const struct remote_ops *ops,
		      const struct arena_request *request, const struct maps *maps)
{
	arena->is_near = false;
	arena->local = NULL;
	long base = reserve_arena(arena, ops, request, maps);
	if (base < 0 && base > -4096)
		return (int)base;
	arena->base = (uint64_t)base;
	int r = fill_memfd(arena, ops);
	if (r < 0)
		r = fill_anonymous(arena, ops);
	if (r < 0) {
		int ignored = arena_unmap(arena, ops);
		(void)ignored;
		arena_deinit(arena);
	}
	return r;
}

int arena_create(struct arena *arena, const struct remote_ops *ops,
		 const struct arena_request *request, struct err *err)
{
	struct maps maps;
	int r = maps_read(ops->pid, &maps, err);

	if (r < 0)
		return r;
	memset(arena, 0, sizeof *arena);
	arena->code_bytes = request->code_bytes;
	arena->data_bytes = request->data_bytes;
	for (;;) {
		r = try_create(arena, ops, request, &maps);
		if (r == 0 || r == -ESRCH || arena->data_bytes <= request->data_min_bytes)
			break;
		arena->data_bytes /= 4;
		if (arena->data_bytes < request->data_min_bytes)
			arena->data_bytes = request->data_min_bytes;
	}
	maps_deinit(&maps);
	if (r == 0) {
		advise(arena, ops);
		return 0;
	}
	return err_set(err, -r, "no shared memory in process %d: %s (its limits, see "
		       "`prlimit --pid %d`, or a system call filter may forbid it)", ops->pid,
		       strerror(-r), ops->pid);
}

int arena_unmap(struct arena *arena, const struct remote_ops *ops)
{
	uint64_t start = arena->base - ARENA_GUARD_BYTES;
	uint64_t end = arena_end(arena) + ARENA_GUARD_BYTES;

	return (int)call(ops, SYS_munmap, start, end - start, 0, 0, 0, 0);
}

void arena_deinit(struct arena *arena)
{
	if (arena->local)
		munmap(arena->local, arena->code_bytes + arena->data_bytes);
	arena->local = NULL;
}
