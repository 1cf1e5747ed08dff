/* profile.h - how often each instruction of a process has run, from counts of blocks.
 *
 * Blocks are added as they were translated, with their bytes; at the end each is taken apart
 * into instructions, and what they belong to is looked up.
 */
#ifndef TRACER_PROFILE_H
#define TRACER_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block;
struct name;
struct names;
struct output;
struct space;
struct target;

struct profile;

/* Instructions that a function has executed in one source line. */
struct profile_line {
	const struct name *function;    /* of names */
	const char *file;               /* the profile's; NULL: no line is known */
	unsigned line;
	uint64_t insns;
};

struct profile *profile_create(void);   /* NULL: out of memory */
void profile_destroy(struct profile *profile);

/* The block has run n times more; bytes are copied.  False: out of memory. */
bool profile_add(struct profile *profile, const struct block *block, uint64_t n);

/* Of the block's instructions those in [from, end), program addresses, have run `n` times
 * more (or less: it wraps) than its count says. */
bool profile_correct(struct profile *profile, const struct block *block, uint64_t from,
		     uint64_t end, uint64_t n);

/* Looks up what is in [start, end), while the process is known; with source lines or without. */
void profile_resolve(struct profile *profile, struct target *target, struct names *names,
		     bool lines, uint64_t start, uint64_t end);
/* What was looked up, one for each function and line, sorted by nothing; how many. */
size_t profile_lines(const struct profile *profile, const struct profile_line **out);

/* ---- profile-table.c ------------------------------------------------------------------- */

void profile_space_unmap(struct output *output, struct space *space, uint64_t start,
			 uint64_t end);
void profile_space_end(struct output *output, struct space *space);
void profile_finish(struct output *output);

#endif
