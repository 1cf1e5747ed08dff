/* Translations to the letter: tests/golden/translate/NAME.s is assembled and
 * translated, NAME.out is what must come out.  The first line of NAME.s says how:
 *
 *	# far blocks paths calls time stores reads writable
 *	# near paths counted superblock 0x0 0x20	(blocks at these offsets in a row)
 *
 * GOLDEN=update in the environment writes the .out files anew. */
#include "machine.h"

#include <capstone/capstone.h>
#include <glob.h>

#include "cache.h"
#include "runtime.h"

#define GOLDEN "tests/golden/translate/"

static const struct { const char *name; const uint8_t *at; } labels[] = {
	{ "exit_miss", runtime_exit_miss }, { "request", runtime_request },
	{ "lookup_call", runtime_lookup_call }, { "lookup_jmp", runtime_lookup_jmp },
	{ "lookup_ret", runtime_lookup_ret }, { "syscall", runtime_syscall },
	{ "return", runtime_return }, { "ring_full", runtime_ring_full }, { "watch", runtime_watch },
	{ "watched", runtime_watched },
};

struct listing {
	struct machine *m;
	uint32_t hot, hot_end, cold, cold_end;
	FILE *out;
};

/* An address of the cache as a name; anything else as it is. */
static void put_address(struct listing *l, uint64_t value)
{
	uint64_t offset = value - l->m->config.base;

	if (offset >= l->hot && offset <= l->hot_end)
		fprintf(l->out, "hot+%lx", offset - l->hot);
	else if (offset >= l->cold && offset <= l->cold_end)
		fprintf(l->out, "cold+%lx", offset - l->cold);
	else if (value - l->m->program < PROGRAM_BYTES)
		fprintf(l->out, "program+%lx", value - l->m->program);
	else {
		for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
			if (offset == RUNTIME_OFFSET(labels[i].at)) {
				fprintf(l->out, "runtime_%s", labels[i].name);
				return;
			}
		fprintf(l->out, "0x%lx", value);
	}
}

static void put_operands(struct listing *l, const char *text, uint64_t next)
{
	for (const char *p = text; *p;) {
		char *end;

		if (!strncmp(p, "rip + 0x", 8) || !strncmp(p, "rip - 0x", 8)) {
			uint64_t value = strtoull(p + 6, &end, 16);
			put_address(l, p[4] == '+' ? next + value : next - value);
			p = end;
		} else if (p[0] == '0' && p[1] == 'x') {
			put_address(l, strtoull(p, &end, 16));
			p = end;
		} else {
			fputc(*p++, l->out);
		}
	}
}

static void put_code(struct listing *l, csh handle, const char *name, uint32_t from, uint32_t to)
{
	while (from < to) {
		cs_insn *insn;
		size_t n = cs_disasm(handle, l->m->config.local + from, to - from,
				     l->m->config.base + from, 1, &insn);

		fprintf(l->out, "%s+%x\t", name, from - (name[0] == 'h' ? l->hot : l->cold));
		if (!n) {
			fprintf(l->out, ".byte 0x%02x\n", l->m->config.local[from++]);
			continue;
		}
		fprintf(l->out, "%s ", insn->mnemonic);
		put_operands(l, insn->op_str, insn->address + insn->size);
		fputc('\n', l->out);
		from += insn->size;
		cs_free(insn, n);
	}
}

static size_t assemble(const char *source, uint8_t *out, size_t room)
{
	char command[512], object[] = "/tmp/tracer-golden.XXXXXX";
	int fd = mkstemp(object);

	cr_assert_geq(fd, 0);
	close(fd);
	snprintf(command, sizeof command, "as -msyntax=intel -mnaked-reg -o %s %s && "
		 "objcopy -O binary -j .text %s %s.bin", object, source, object, object);
	cr_assert_eq(system(command), 0, "%s", command);
	snprintf(command, sizeof command, "%s.bin", object);
	FILE *f = fopen(command, "rb");
	cr_assert_not_null(f);
	size_t n = fread(out, 1, room, f);
	fclose(f);
	unlink(command);
	unlink(object);
	return n;
}

/* The offsets behind `how`, laid out. */
static void lay_out(struct machine *m, const char *how)
{
	uint64_t pcs[TRANSLATE_SUPERBLOCK_MAX];
	unsigned count = 0;
	char *end;

	while (count < TRANSLATE_SUPERBLOCK_MAX) {
		pcs[count] = m->program + strtoull(how, &end, 16);
		if (end == how)
			break;
		how = end;
		count++;
	}
	cr_assert_eq(translator_superblock(m->t, pcs, count, m->config.events.count_calls), count);
}

static char *translate(const char *source)
{
	char how[200] = "", *text = NULL;
	size_t len = 0;
	struct machine *m = calloc(1, sizeof *m);
	uint8_t code[4096];
	FILE *f = fopen(source, "r");
	struct cache_pc at;
	csh handle;

	cr_assert(f && fgets(how, sizeof how, f));
	fclose(f);
	struct translate_events events = {
		.blocks = strstr(how, "blocks") || strstr(how, "paths"), .paths = strstr(how, "paths"),
		.calls = strstr(how, "calls"),
		.time = strstr(how, "time"), .stores = strstr(how, "stores"),
		.counts = strstr(how, "counts"),
		.count_calls = strstr(how, "counted"),
	};
	static const struct translate_range range = { 0x500000008100, 0x500000008140 };
	m->config.ranges = &range;
	m->config.range_count = events.stores;
	m->config.watch_reads = strstr(how, "reads");
	m->config.is_writable = strstr(how, "writable") ? machine_all_writable : NULL;
	machine_init(m, strstr(how, "far") ? PLACE_FAR : strstr(how, "low") ? PLACE_LOW : PLACE_NEAR,
		     &events);
	m->t->config.has_bmi2 = true;
	m->t->config.trust = -1;
	m->t->config.heat_limit = strstr(how, "guess") ? 2 : 0;
	m->t->config.has_fast_loop = !strstr(how, "slow");
	m->t->config.patch_bytes = strstr(how, "slow") ? 64 : 8;
	size_t n = assemble(source, code, sizeof code);
	machine_load(m, code, code + n);
	struct listing l = { .m = m, .hot = m->t->hot.at, .cold = m->t->cold.at };
	cr_assert_eq(translator_enter(m->t, (struct app_pc){ m->program }, &at), 0);
	/* A branch at the end of the first block that goes to +100 and +140 by turns, and often. */
	bool is_jump = strstr(how, "jump");
	for (int i = 0; i < (is_jump ? SAMPLES_MAX : RETURN_SAMPLES) && strstr(how, "guess"); i++) {
		struct app_pc often = { m->program + 0x100 + (uint64_t)(i % 2) * 0x40 };
		uint32_t block = cache_block_find(m->t, (struct app_pc){ m->program })->public.index;
		struct cache_pc there;

		cr_assert_eq(translator_hot(m->t, is_jump ? LOOKUP_JMP : LOOKUP_RET, block,
					    often, &there), 0);
	}
	if (strstr(how, "superblock")) {
		l.hot = m->t->hot.at;
		l.cold = m->t->cold.at;
		lay_out(m, strstr(how, "superblock") + 10);
		cr_assert_eq(translator_enter(m->t, (struct app_pc){ m->program }, &at), 0);
	}
	l.hot_end = m->t->hot.at;
	l.cold_end = m->t->cold.at;
	l.out = open_memstream(&text, &len);
	cr_assert_eq(cs_open(CS_ARCH_X86, CS_MODE_64, &handle), CS_ERR_OK);
	fprintf(l.out, "entry: hot+%lx\n", at.address - m->config.base - l.hot);
	put_code(&l, handle, "hot", l.hot, l.hot_end);
	put_code(&l, handle, "cold", l.cold, l.cold_end);
	cs_close(&handle);
	fclose(l.out);
	machine_deinit(m);
	free(m);
	return text;
}

static void compare(const char *source)
{
	char name[512], expected[65536];
	bool update = getenv("GOLDEN") && !strcmp(getenv("GOLDEN"), "update");
	char *text = translate(source);

	snprintf(name, sizeof name, "%.*s.out", (int)strlen(source) - 2, source);
	FILE *f = fopen(name, update ? "w" : "r");
	cr_assert_not_null(f, "%s", name);
	if (update) {
		fputs(text, f);
	} else {
		expected[fread(expected, 1, sizeof expected - 1, f)] = 0;
		if (strcmp(text, expected))
			fprintf(stderr, "%s: translated to\n%s", name, text);
		cr_expect_str_eq(text, expected, "%s", name);
	}
	fclose(f);
	free(text);
}

/* From the root of the sources, or from build/MODE/tests/unit/translate. */
Test(golden, translations_are_to_the_letter)
{
	glob_t files;

	cr_assert_eq(glob(GOLDEN "*.s", 0, NULL, &files), 0, "run it from the root of the sources");
	for (size_t i = 0; i < files.gl_pathc; i++)
		compare(files.gl_pathv[i]);
	cr_expect_geq(files.gl_pathc, 15);
	globfree(&files);
}
