/* Random straight-line code, run natively and translated, ends alike.  The seed
 * is fixed, and said when a case fails. */
#include "machine.h"

#include "decode.h"

#define CASES 700
#define DATA_OFFSET 0x8000u     /* of the program: what its operands lie in */

struct coder {
	uint8_t bytes[4096];
	unsigned len;
	uint64_t seed;
};

static unsigned below(struct coder *c, unsigned n)
{
	return (unsigned)(next_random(&c->seed) >> 20) % n;
}

static void put(struct coder *c, unsigned value)
{
	c->bytes[c->len++] = (uint8_t)value;
}

static void put32(struct coder *c, uint32_t value)
{
	memcpy(c->bytes + c->len, &value, 4);
	c->len += 4;
}

/* A register that is no address: not rsp, rbp (the data), r14 (an index). */
static unsigned any_register(struct coder *c)
{
	unsigned r;

	do
		r = below(c, 16);
	while (r == 4 || r == 5 || r == 14);
	return r;
}

/* An operand: a register, [rip + d], [rbp + d], [rbp + r14 * n + d].  What it does to
 * the prefix is known before the rest is written. */
struct operand {
	unsigned form, rm, scale;
	uint32_t at;
};

enum { FORM_REG, FORM_RIP, FORM_BASE, FORM_INDEX, FORM_BASE8, FORMS };

static struct operand any_operand(struct coder *c, bool memory, unsigned align)
{
	struct operand o = { .form = below(c, FORMS), .scale = below(c, 4) };

	if (memory && o.form == FORM_REG)
		o.form = FORM_RIP;
	if (!memory && below(c, 3) == 0)
		o.form = FORM_REG;
	o.rm = o.form == FORM_REG ? any_register(c) : 5;
	o.at = below(c, o.form == FORM_BASE8 ? 96 : 1024) & ~(align - 1);
	return o;
}

/* ModRM and what follows; `tail`: immediate bytes still to come */
static void put_operand(struct coder *c, struct operand o, unsigned reg, unsigned tail)
{
	unsigned field = (reg & 7) << 3;

	switch (o.form) {
	case FORM_REG:
		put(c, 0xc0 | field | (o.rm & 7));
		break;
	case FORM_RIP:
		put(c, field | 5);
		put32(c, DATA_OFFSET + o.at - (c->len + 4 + tail));
		break;
	case FORM_BASE:
		put(c, 0x80 | field | 5);
		put32(c, o.at);
		break;
	case FORM_INDEX:
		put(c, 0x80 | field | 4);
		put(c, o.scale << 6 | 6 << 3 | 5);      /* [rbp + r14 * scale + at] */
		put32(c, o.at);
		break;
	default:
		put(c, 0x40 | field | 5);
		put(c, o.at);
		break;
	}
}

static unsigned rex_of(struct operand o, unsigned reg)
{
	return (reg >= 8 ? 4u : 0) | (o.form == FORM_INDEX ? 2u : 0) |
	       (o.form == FORM_REG && o.rm >= 8 ? 1u : 0);
}

/* [66] REX op: sizes of 2, 4 and 8 bytes */
static void put_sized(struct coder *c, struct operand o, unsigned reg, unsigned map, unsigned op,
		      unsigned tail, unsigned prefix)
{
	unsigned size = below(c, 3), rex = rex_of(o, reg);

	if (prefix)
		put(c, prefix);
	if (size == 0 && prefix != 0xf3)
		put(c, 0x66);
	if (size == 2)
		rex |= 8;
	if (rex || below(c, 4) == 0)
		put(c, 0x40 | rex);
	if (map)
		put(c, 0x0f);
	put(c, op);
	put_operand(c, o, reg, tail);
}

/* ---- instructions ------------------------------------------------------------------------ */

static void put_alu(struct coder *c)
{
	unsigned op = below(c, 8) << 3;

	put_sized(c, any_operand(c, false, 1), any_register(c), 0, op | (below(c, 2) ? 3 : 1), 0, 0);
}

static void put_alu_imm(struct coder *c)
{
	put_sized(c, any_operand(c, false, 1), below(c, 8), 0, 0x83, 1, 0);
	put(c, below(c, 256));
}

static void put_mov(struct coder *c)
{
	static const uint8_t ops[] = { 0x8b, 0x8b, 0x89, 0x63, 0x85, 0x87 };

	put_sized(c, any_operand(c, false, 1), any_register(c), 0, ops[below(c, sizeof ops)], 0, 0);
}

static void put_byte(struct coder *c)
{
	static const uint8_t ops[] = { 0x88, 0x8a, 0x00, 0x02, 0x30, 0x38, 0x84, 0x86 };
	struct operand o = any_operand(c, false, 1);
	unsigned reg = any_register(c);

	put(c, 0x40 | rex_of(o, reg));
	put(c, ops[below(c, sizeof ops)]);
	put_operand(c, o, reg, 0);
}

static void put_extend(struct coder *c)
{
	static const uint8_t ops[] = { 0xb6, 0xb7, 0xbe, 0xbf, 0xc1 };

	put_sized(c, any_operand(c, false, 1), any_register(c), 1, ops[below(c, sizeof ops)], 0, 0);
}

static void put_condition(struct coder *c)
{
	struct operand o = any_operand(c, false, 1);
	unsigned reg = any_register(c);

	if (below(c, 2)) {
		put_sized(c, o, reg, 1, 0x40 | below(c, 16), 0, 0);     /* cmovcc */
		return;
	}
	put(c, 0x40 | rex_of(o, 0));
	put(c, 0x0f);
	put(c, 0x90 | below(c, 16));                                    /* setcc */
	put_operand(c, o, 0, 0);
}

static void put_unary(struct coder *c)
{
	put_sized(c, any_operand(c, false, 1), 2 + below(c, 2), 0, 0xf7, 0, 0); /* not, neg */
}

static void put_count(struct coder *c)
{
	put_sized(c, any_operand(c, false, 1), below(c, 2), 0, 0xff, 0, 0);     /* inc, dec */
}

static void put_rotate(struct coder *c)
{
	put_sized(c, any_operand(c, false, 1), below(c, 2), 0, 0xd1, 0, 0);     /* rol, ror by 1 */
}

static void put_bits(struct coder *c)
{
	put_sized(c, any_operand(c, false, 1), any_register(c), 1, 0xb8, 0, 0xf3);      /* popcnt */
}

static void put_locked(struct coder *c)
{
	put(c, 0xf0);
	if (below(c, 2))        /* cmpxchg */
		put_sized(c, any_operand(c, true, 8), any_register(c), 1, 0xb1, 0, 0);
	else                    /* add, ..., but no cmp */
		put_sized(c, any_operand(c, true, 8), any_register(c), 0, below(c, 7) << 3 | 1, 0, 0);
}

static void put_lea(struct coder *c)
{
	put_sized(c, any_operand(c, true, 1), any_register(c), 0, 0x8d, 0, 0);
}

static void put_stack(struct coder *c)
{
	struct operand o = any_operand(c, true, 1);

	if (rex_of(o, 0))
		put(c, 0x40 | rex_of(o, 0));
	put(c, 0xff);                           /* push m */
	put_operand(c, o, 6, 0);
	o = any_operand(c, true, 1);
	if (rex_of(o, 0))
		put(c, 0x40 | rex_of(o, 0));
	put(c, 0x8f);                           /* pop m */
	put_operand(c, o, 0, 0);
}

static void put_sse(struct coder *c)
{
	static const uint8_t ops[] = { 0xfe, 0xd4, 0xef, 0xeb, 0x6f, 0x7f, 0x61, 0x62, 0x75, 0xdb, 0xf4 };
	struct operand o = any_operand(c, false, 16);
	unsigned reg = below(c, 16);

	if (o.form == FORM_INDEX)
		o.form = FORM_BASE;             /* aligned for sure */
	put(c, 0x66);
	put(c, 0x40 | rex_of(o, reg));
	put(c, 0x0f);
	put(c, ops[below(c, sizeof ops)]);
	put_operand(c, o, reg, 0);
}

static void put_vex(struct coder *c, unsigned map, unsigned w, unsigned pp, unsigned op, unsigned wide,
		    bool general, bool free_vvvv)
{
	struct operand o = any_operand(c, false, 1);
	unsigned reg = general ? any_register(c) : below(c, 16);
	unsigned vvvv = !free_vvvv ? 0 : general ? any_register(c) : below(c, 16);
	unsigned rex = rex_of(o, reg);

	put(c, 0xc4);
	put(c, (~rex & 7) << 5 | map);
	put(c, w << 7 | (~vvvv & 15) << 3 | wide << 2 | pp);
	put(c, op);
	put_operand(c, o, reg, 0);
}

static void put_avx(struct coder *c)
{
	static const uint8_t ops[] = { 0xfe, 0xd4, 0xef, 0xeb, 0x61, 0x75, 0xdb, 0xf4 };

	if (below(c, 4) == 0)   /* vmovdqu, both ways */
		put_vex(c, 1, 0, 2, below(c, 2) ? 0x6f : 0x7f, below(c, 2), false, false);
	else
		put_vex(c, 1, 0, 1, ops[below(c, sizeof ops)], below(c, 2), false, true);
}

static void put_bmi(struct coder *c)
{
	static const struct { uint8_t pp, op; } ops[] = {
		{ 1, 0xf7 }, { 2, 0xf7 }, { 3, 0xf7 },          /* shlx, sarx, shrx */
		{ 3, 0xf5 }, { 2, 0xf5 },                       /* pdep, pext */
	};
	unsigned i = below(c, sizeof ops / sizeof *ops);

	put_vex(c, 2, below(c, 2), ops[i].pp, ops[i].op, 0, true, true);
}

static void put_string(struct coder *c)
{
	static const uint8_t ops[] = { 0xa4, 0xa5, 0xaa, 0xab };

	put(c, 0x48), put(c, 0x8d), put(c, 0x35);               /* lea rsi, [rip + data] */
	put32(c, DATA_OFFSET + 512 - (c->len + 4));
	put(c, 0x48), put(c, 0x8d), put(c, 0x3d);               /* lea rdi, [rip + data] */
	put32(c, DATA_OFFSET + 1024 - (c->len + 4));
	put(c, 0xb9);                                           /* mov ecx, count */
	put32(c, below(c, 20));
	put(c, 0xf3), put(c, ops[below(c, sizeof ops)]);        /* rep movs, stos */
}

static void put_instruction(struct coder *c)
{
	static void (*const kinds[])(struct coder *) = {
		put_alu, put_alu, put_alu_imm, put_mov, put_mov, put_byte, put_extend, put_condition,
		put_unary, put_count, put_rotate, put_bits, put_locked, put_lea, put_stack, put_sse,
		put_string, put_avx, put_avx, put_bmi,
	};
	unsigned known = sizeof kinds / sizeof *kinds;

	if (!__builtin_cpu_supports("bmi2"))
		known--;
	if (!__builtin_cpu_supports("avx2"))
		known -= 2 + !!__builtin_cpu_supports("bmi2");
	kinds[below(c, known)](c);
}

/* ---- runs --------------------------------------------------------------------------------------- */

static const struct translate_range range = { 0x500000008100, 0x500000008140 };

static void generate(struct coder *c)
{
	unsigned count = 1 + below(c, 40);

	c->len = 0;
	for (unsigned i = 0; i < count; i++)
		put_instruction(c);
	put(c, 0xe9);                                           /* jmp finish */
	put32(c, FINISH_OFFSET - (c->len + 4));
}

static void load(struct machine *m, const struct coder *c)
{
	uint64_t seed = 99;

	machine_load(m, c->bytes, c->bytes + c->len);
	for (unsigned i = 0; i < 4096; i += 8) {
		uint64_t value = next_random(&seed);
		memcpy((void *)(m->program + DATA_OFFSET + i), &value, 8);
	}
}

static void dump(const struct coder *c)
{
	for (unsigned at = 0, len; at < c->len; at += len) {
		struct x86_insn insn;

		len = (unsigned)x86_decode(c->bytes + at, c->len - at, &insn);
		for (unsigned i = 0; i < len; i++)
			fprintf(stderr, "%02x ", c->bytes[at + i]);
		fprintf(stderr, "\n");
		if (!len)
			break;
	}
}

static void run_cases(const struct translate_events *events, enum place place, bool writable)
{
	static struct outcome native, translated;
	struct machine *m = calloc(1, sizeof *m);
	struct coder c = { .seed = 0x243f6a8885a308d3 + place };
	struct image in;
	char doing[64];

	m->config.is_writable = writable ? machine_all_writable : NULL;
	m->config.ranges = &range;
	m->config.range_count = events->stores;
	m->config.watch_reads = events->stores;
	machine_init(m, place, events);
	machine_doing = doing;
	for (int i = 0; i < CASES; i++) {
		uint64_t seed = c.seed;

		snprintf(doing, sizeof doing, "seed %lx", seed);
		generate(&c);
		image_fill(&in, m, &c.seed);
		in.flags &= ~0x400ull;
		in.gpr[5] = m->program + DATA_OFFSET;
		in.gpr[14] &= 63;
		pthread_mutex_lock(&m->lock);
		load(m, &c);
		translator_drop(m->t, m->program, m->program + PROGRAM_BYTES);
		pthread_mutex_unlock(&m->lock);
		machine_run(&in, m->program);
		machine_outcome(m, &native);
		for (int round = 0; round < 2; round++) {
			load(m, &c);
			machine_run_translated(m, &in, m->program);
			machine_outcome(m, &translated);
			const char *what = difference(&native, &translated);
			if (what)
				dump(&c);
			cr_assert_null(what, "seed %lx, case %d: %s", seed, i, what);
		}
	}
	machine_deinit(m);
	free(m);
}

#define RANDOM_TEST(name, writable, ...) \
	Test(random, name##_near) { run_cases(&(struct translate_events){ __VA_ARGS__ }, PLACE_NEAR, writable); } \
	Test(random, name##_far) { run_cases(&(struct translate_events){ __VA_ARGS__ }, PLACE_FAR, writable); } \
	Test(random, name##_low) { run_cases(&(struct translate_events){ __VA_ARGS__ }, PLACE_LOW, writable); }

RANDOM_TEST(without_events, false, .blocks = false)
RANDOM_TEST(with_blocks, false, .blocks = true)
RANDOM_TEST(with_blocks_counts_time, false, .blocks = true, .counts = true, .time = true)
RANDOM_TEST(with_loads_and_stores, false, .stores = true)
RANDOM_TEST(when_writable, true, .blocks = true)
RANDOM_TEST(with_paths, false, .blocks = true, .paths = true)
RANDOM_TEST(with_counters, false, .count_calls = true)
RANDOM_TEST(with_counted_paths, false, .blocks = true, .paths = true, .count_calls = true)
