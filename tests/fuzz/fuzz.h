/* fuzz.h - what the fuzz targets share.
 *
 * A target is one file with LLVMFuzzerTestOneInput(), linked with clang's libFuzzer
 * or with driver.c.  What must never happen ends in a report of a sanitizer or in
 * fuzz_check(), which aborts.
 *
 * Inputs are cut into parts with a struct input: past the end all is 0.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_check(condition, ...) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #condition); \
			fprintf(stderr, __VA_ARGS__); \
			fputc('\n', stderr); \
			abort(); \
		} \
	} while (0)

struct input {
	const uint8_t *at, *end;
};

static inline size_t input_left(const struct input *in)
{
	return (size_t)(in->end - in->at);
}

/* The next `size` bytes (1 to 8) as a number. */
static inline uint64_t input_number(struct input *in, size_t size)
{
	uint64_t value = 0;

	if (size > input_left(in))
		size = input_left(in);
	memcpy(&value, in->at, size);
	in->at += size;
	return value;
}

/* Zeroed pages between two that fault. */
static inline uint8_t *fuzz_map(size_t bytes)
{
	uint8_t *p = mmap(NULL, bytes + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			  -1, 0);

	fuzz_check(p != MAP_FAILED && !mprotect(p + 4096, bytes, PROT_READ | PROT_WRITE), "mmap");
	return p + 4096;
}

#endif
