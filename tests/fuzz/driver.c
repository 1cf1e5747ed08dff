/* driver.c - what runs a fuzz target where libFuzzer is not there.
 *
 *     fuzz-NAME [FILE | DIRECTORY]...
 *
 * Runs the target on each file, then for FUZZ_SECONDS on changed copies of them,
 * always the same ones for one FUZZ_SEED.  The input at hand lies in the file
 * FUZZ_INPUT (default ./fuzz-input): after a crash, it is what crashed.  An input
 * that takes longer than 10 seconds is a crash, too. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX (1u << 20)
#define SECONDS_PER_INPUT 10

struct sample {
	uint8_t *bytes;
	size_t size;
};

static struct sample *samples;
static size_t sample_count;
static uint8_t *input;          /* the file at hand, mapped; its first bytes are given */
static const char *input_name;
static int input_fd;
static uint64_t random_state;

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1dull;
}

static size_t below(size_t n)
{
	return n ? random64() % n : 0;
}

/* ---- what there is to begin with ------------------------------------------------------ */

static void add_sample(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct sample s = { malloc(INPUT_MAX), 0 };

	if (!f || !s.bytes) {
		perror(path);
		exit(2);
	}
	s.size = fread(s.bytes, 1, INPUT_MAX, f);
	fclose(f);
	s.bytes = realloc(s.bytes, s.size + 1);
	samples = realloc(samples, (sample_count + 1) * sizeof *samples);
	samples[sample_count++] = s;
}

static void add_path(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);

	if (n < 0) {
		add_sample(path);
		return;
	}
	for (int i = 0; i < n; i++) {
		char name[4096];

		snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			add_sample(name);
		free(entries[i]);
	}
	free(entries);
}

/* ---- change ---------------------------------------------------------------------------------- */

static uint64_t interesting(void)
{
	static const uint64_t values[] = {
		0, 1, 4, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff,
		0x80000000, 0xffffffff, 0x100000000, INT64_MAX, 1ull << 63, UINT64_MAX - 7, UINT64_MAX,
	};

	return values[below(sizeof values / sizeof *values)];
}

static void overwrite(uint8_t *at, size_t room, uint64_t value)
{
	size_t width = (size_t)1 << below(4);

	memcpy(at, &value, width < room ? width : room);
}

/* Moves what is behind `at` by `by` bytes, or cuts them out. */
static size_t resize(uint8_t *bytes, size_t size, size_t at, ssize_t by)
{
	if (by < 0) {
		size_t cut = (size_t)-by < size - at ? (size_t)-by : size - at;

		memmove(bytes + at, bytes + at + cut, size - at - cut);
		return size - cut;
	}
	if (size + (size_t)by > INPUT_MAX)
		return size;
	memmove(bytes + at + by, bytes + at, size - at);
	for (ssize_t i = 0; i < by; i++)
		bytes[at + (size_t)i] = (uint8_t)random64();
	return size + (size_t)by;
}

/* A piece of a sample, in place of what is there. */
static void put_piece(uint8_t *bytes, size_t size)
{
	const struct sample *from = &samples[below(sample_count)];
	size_t at = below(size), start = below(from->size), len = below(64);

	if (len > size - at)
		len = size - at;
	if (len > from->size - start)
		len = from->size - start;
	memcpy(bytes + at, from->bytes + start, len);
}

static size_t change(uint8_t *bytes, size_t size)
{
	size_t at = below(size);

	if (size == 0)
		return resize(bytes, 0, 0, 1 + (ssize_t)below(64));
	switch (below(8)) {
	case 0:
		bytes[at] ^= (uint8_t)(1u << below(8));
		return size;
	case 1:
		bytes[at] = (uint8_t)random64();
		return size;
	case 2:
		bytes[at] = (uint8_t)(bytes[at] + below(33) - 16);
		return size;
	case 3:
	case 4:
		overwrite(bytes + at, size - at, interesting());
		return size;
	case 5:
		put_piece(bytes, size);
		return size;
	case 6:
		return resize(bytes, size, at, 1 + (ssize_t)below(16));
	default:
		return resize(bytes, size, at, -1 - (ssize_t)below(16));
	}
}

/* ---- running -------------------------------------------------------------------------------------- */

static void too_slow(int signal)
{
	static const char text[] = "fuzz: this input takes too long\n";

	if (write(2, text, sizeof text - 1) < 0)
		_exit(3);
	abort();
}

static void run(const uint8_t *bytes, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);       /* what reads behind it is seen */

	fuzz_check(ftruncate(input_fd, (off_t)size) == 0, "ftruncate");
	if (size && bytes != input)
		memmove(input, bytes, size);
	memcpy(exact, bytes, size);
	alarm(SECONDS_PER_INPUT);
	LLVMFuzzerTestOneInput(exact, size);
	alarm(0);
	free(exact);
}

static void open_input(void)
{
	input_name = getenv("FUZZ_INPUT") ? getenv("FUZZ_INPUT") : "fuzz-input";
	input_fd = open(input_name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	fuzz_check(input_fd >= 0, "%s: %s", input_name, strerror(errno));
	input = mmap(NULL, INPUT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, input_fd, 0);
	fuzz_check(input != MAP_FAILED, "mmap");
}

static size_t make_input(uint8_t *bytes)
{
	const struct sample *from = &samples[below(sample_count)];
	size_t size = from->size, changes = 1 + below(1 + below(16));

	memcpy(bytes, from->bytes, size);
	while (changes--)
		size = change(bytes, size);
	return size;
}

int main(int argc, char **argv)
{
	const char *seconds = getenv("FUZZ_SECONDS"), *seed = getenv("FUZZ_SEED");
	uint8_t *bytes = malloc(INPUT_MAX);
	unsigned long rounds = 0;
	time_t end;

	random_state = (seed ? strtoull(seed, NULL, 0) : 1) * 0x9e3779b97f4a7c15ull | 1;
	for (int i = 1; i < argc; i++)
		add_path(argv[i]);
	signal(SIGALRM, too_slow);
	open_input();
	for (size_t i = 0; i < sample_count; i++)
		run(samples[i].bytes, samples[i].size);
	end = time(NULL) + (seconds ? atoi(seconds) : 0);
	for (; sample_count && time(NULL) < end; rounds++)
		run(bytes, make_input(bytes));
	printf("%zu files, %lu changed ones\n", sample_count, rounds);
	unlink(input_name);
	for (size_t i = 0; i < sample_count; i++)
		free(samples[i].bytes);
	free(samples);
	free(bytes);
	return 0;
}
