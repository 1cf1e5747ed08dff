/* stores-check.c - is an address near a watched range?  In line, without touching flags.
 *
 *	mov gs:[slot], rcx
 *	lea rcx, [operand]
 *	rorx rcx, rcx, bits			flags are live: the access may fault
 *	lea ecx, [rcx - cell];  jrcxz near	2^bits bytes, aligned, that hold ranges;
 *	lea ecx, [rcx + cell - next];  jrcxz near	at most CELLS_MAX of them
 *	nop					holds the jump to `near`
 *	mov rcx, gs:[slot]
 *
 *	near:	for each cluster of ranges: rcx = operand - (its lowest byte - 63), its
 *		bits from the cluster's size on;  0: it may hit
 *
 * Where flags are dead, and the cells near to each other, no register is needed:
 *
 *	cmp r, [end of the cells];  jb near
 *
 *	near:	cmp r, [their first byte];  jb back;  ...
 *
 * Where so few cells do not hold all ranges, and relative to fs, the second check alone
 * is made, in line.  Of a repeated store it is whether 8 * rcx bytes to either side of
 * rdi touch the hull of all ranges.
 */
#include <assert.h>

#include "stores.h"

/* ---- cells and clusters ------------------------------------------------------------------ */

#define BITS_MIN 16u            /* with fewer, 32 of them would not hold the rest */
#define BITS_MAX 32u
#define BITS_MORE 2u            /* than are needed */

#define LINE_BYTES 64u
#define EXACT_BYTES 8u          /* accesses whose neighbours are told apart in line */

/* Adds the cells of one range.  False: they are too many. */
static bool add_cells(struct store_windows *w, uint64_t low, uint64_t last)
{
	for (uint64_t cell = low >> w->bits; cell <= last >> w->bits; cell++) {
		unsigned i = 0;

		while (i < w->cell_count && w->cells[i] != (uint32_t)cell)
			i++;
		if (i < w->cell_count)
			continue;
		if (w->cell_count == STORE_CELLS_MAX)
			return false;
		w->cells[w->cell_count++] = (uint32_t)cell;
	}
	return true;
}

/* Cells of which one may say that an address is below or above all of them. */
static void place_bounds(struct translator *t)
{
	struct store_windows *w = &t->windows;
	uint64_t low = UINT64_MAX, last = 0;

	w->bounds_at = 0;
	for (unsigned i = 0; i < w->cell_count; i++) {
		low = w->cells[i] < low ? w->cells[i] : low;
		last = w->cells[i] > last ? w->cells[i] : last;
	}
	if (!w->cell_count || last - low >= STORE_CELLS_MAX || last == UINT32_MAX)
		return;
	w->bounds_at = t->cold.at;
	emit_u64(&t->cold, low << w->bits);
	emit_u64(&t->cold, (last + 1) << w->bits);
	while (t->cold.at % LINE_BYTES)                         /* no code beside data */
		emit_u8(&t->cold, 0xcc);
}

static bool find_cells(const struct translator *t, struct store_windows *w)
{
	w->cell_count = 0;
	for (size_t i = 0; i < t->config.range_count; i++) {
		uint64_t low = t->ranges[i].start, last = t->ranges[i].end - 1;

		low = low < STORE_MARGIN ? 0 : low - STORE_MARGIN;
		last = last > UINT64_MAX - STORE_MARGIN ? UINT64_MAX : last + STORE_MARGIN;
		if (last >> w->bits > UINT32_MAX || !add_cells(w, low, last))
			return false;
	}
	return true;
}

/* Puts the range into the cluster nearest to it, or into one of its own. */
static void add_to_clusters(struct store_windows *w, const struct translate_range *range)
{
	unsigned best = 0;
	uint64_t best_gap = UINT64_MAX;

	for (unsigned i = 0; i < w->cluster_count; i++) {
		const struct translate_range *c = &w->clusters[i];
		uint64_t gap = range->start >= c->end ? range->start - c->end :
			       c->start >= range->end ? c->start - range->end : 0;

		if (gap < best_gap) {
			best_gap = gap;
			best = i;
		}
	}
	if (best_gap > STORE_MARGIN && w->cluster_count < STORE_CLUSTERS_MAX) {
		w->clusters[w->cluster_count++] = *range;
		return;
	}
	if (range->start < w->clusters[best].start)
		w->clusters[best].start = range->start;
	if (range->end > w->clusters[best].end)
		w->clusters[best].end = range->end;
}

/* Larger cells that are fewer are worth it: each is two instructions more for all that is
 * far away.  But what is in the same cell is looked at twice. */
static void choose_cells(const struct translator *t, struct store_windows *w)
{
	unsigned best = 0, fewest = STORE_CELLS_MAX + 1, last = BITS_MAX;

	for (w->bits = BITS_MIN; w->bits <= last; w->bits++) {
		if (!find_cells(t, w))
			continue;
		if (!best && w->bits + BITS_MORE < last)
			last = w->bits + BITS_MORE;
		if (w->cell_count < fewest) {
			best = w->bits;
			fewest = w->cell_count;
		}
	}
	w->bits = best;
	if (!best || !find_cells(t, w))
		w->cell_count = 0;
}

void stores_init(struct translator *t)
{
	struct store_windows *w = &t->windows;

	memset(w, 0, sizeof *w);
	for (size_t i = 0; i < t->config.range_count; i++)
		add_to_clusters(w, &t->ranges[i]);
	choose_cells(t, w);
	place_bounds(t);
}

/* ---- where an access is ------------------------------------------------------------------- */

/* lea rcx, [the ModRM operand], its displacement always of 32 bits */
static void emit_lea_operand(struct emit *e, const struct x86_insn *insn, uint64_t pc)
{
	unsigned mod = insn->modrm >> 6, rm = insn->modrm & 7;
	unsigned base = insn->has_sib ? insn->sib & 7u : rm;
	unsigned sib_rest = insn->has_sib ? insn->sib & 0xf8u : 4u << 3;
	bool no_base = insn->has_sib && base == 5 && mod == 0;
	int32_t disp = insn->disp_len == 1 && insn->disp8_scale ?
		       insn->disp * insn->disp8_scale : insn->disp;

	if (insn->rip_relative) {
		emit_mov_reg_imm64(e, RCX, x86_rip_target(insn, pc));   /* mov rcx, target */
		return;
	}
	if (insn->prefixes & X86_PREFIX_ADDRSIZE)
		emit_u8(e, 0x67);
	emit_u8(e, (uint8_t)(0x48 | (insn->vex_rxb & (insn->has_sib ? 3 : 1))));
	emit_u8(e, 0x8d);
	emit_u8(e, (uint8_t)((no_base ? 0 : 0x80) | 1 << 3 | 4));
	emit_u8(e, (uint8_t)(sib_rest | base));
	emit_u32(e, insn->disp_len ? (uint32_t)disp : 0);
}

void store_emit_fs_base(struct emit *e, const struct translator *t)
{
	if (t->config.has_fsgsbase)
		EMIT_RAW(e, 0xf3, 0x48, 0x0f, 0xae, 0xc0);      /* rdfsbase rax */
	else
		emit_mov_reg_tb(e, RAX, TB_APP_FS);             /* mov rax, gs:[fs] */
}

void store_emit_lea(struct emit *e, const struct translator *t, const struct x86_insn *insn, uint64_t pc)
{
	if (insn->is_string) {
		EMIT_RAW(e, 0x48, 0x8d, 0x0f);                  /* lea rcx, [rdi] */
		return;
	}
	if (store_pushes(insn)) {
		EMIT_RAW(e, 0x48, 0x8d, 0x4c, 0x24, 0xf8);      /* lea rcx, [rsp - 8] */
		return;
	}
	emit_lea_operand(e, insn, pc);
	if (insn->uses_seg_fs) {
		store_emit_fs_base(e, t);
		EMIT_RAW(e, 0x48, 0x8d, 0x0c, 0x01);            /* lea rcx, [rcx + rax] */
	}
}

/* ---- the checks ---------------------------------------------------------------------------- */

/* rcx: 0 when it is within [low, end), and some more; rax is changed. */
static void emit_compare(struct emit *e, uint64_t low, uint64_t end)
{
	emit_mov_reg_imm64(e, RAX, -low);                       /* mov rax, -low */
	EMIT_RAW(e, 0x48, 0x8d, 0x0c, 0x01);                    /* lea rcx, [rcx + rax] */
	emit_mov_reg_imm64(e, RAX,                              /* mov eax, k */
			   end - low < 2 ? 0 : 64 - (unsigned)__builtin_clzll(end - low - 1));
	EMIT_RAW(e, 0xc4, 0xe2, 0xfb, 0xf7, 0xc9);              /* shrx rcx, rcx, rax */
}

/* jrcxz to a place that store_land() gives */
static uint32_t emit_jrcxz_ahead(struct emit *e)
{
	EMIT_RAW(e, 0xe3, 0x00);
	return e->at;
}

static void land(struct emit *e, uint32_t from)
{
	assert(e->is_full || e->at - from < 128);
	if (!e->is_full)
		e->local[from - 1] = (uint8_t)(e->at - from);
}

void store_land(struct emit *e, struct store_ahead *ahead)
{
	while (ahead->count)
		land(e, ahead->from[--ahead->count]);
}

/* nop [rcx + rbp * 8 + disp32], whose last five bytes are `jmp near`: what is hardly ever
 * taken stands in nobody's way. */
uint32_t store_emit_nop_with_jmp(struct emit *e, struct store_ahead *ahead)
{
	EMIT_RAW(e, 0x0f, 0x1f, 0x84);
	store_land(e, ahead);
	emit_jmp(e, e->at + 5);                                 /* near: jmp near */
	return e->at;
}

void store_near_is(struct emit *e, uint32_t from, uint32_t near)
{
	uint32_t distance = near - from;

	if (!e->is_full)
		memcpy(e->local + from - 4, &distance, 4);
}

void store_emit_cells(struct emit *e, const struct translator *t, struct reg r,
		      struct store_ahead *ahead)
{
	const struct store_windows *w = &t->windows;

	EMIT_RAW(e, 0xc4);                                      /* rorx rcx, r, bits */
	emit_u8(e, r.number >= 8 ? 0xc3 : 0xe3);
	EMIT_RAW(e, 0xfb, 0xf0);
	emit_u8(e, (uint8_t)(0xc0 | 1 << 3 | (r.number & 7)));
	emit_u8(e, (uint8_t)w->bits);
	for (unsigned i = 0; i < w->cell_count; i++) {
		EMIT_RAW(e, 0x8d, 0x89);                        /* lea ecx, [rcx - cell] */
		emit_u32(e, (i ? w->cells[i - 1] : 0) - w->cells[i]);
		ahead->from[ahead->count++] = emit_jrcxz_ahead(e);      /* jrcxz near */
	}
}

static uint32_t emit_jmp_if_below(struct emit *e, struct reg r, uint32_t bound)
{
	emit_u8(e, r.number >= 8 ? 0x4c : 0x48);                /* cmp r, [bound] */
	emit_u8(e, 0x3b);
	emit_u8(e, (uint8_t)((r.number & 7) << 3 | 5));
	emit_u32(e, bound - (e->at + 4));
	EMIT_RAW(e, 0x0f, 0x82);                                /* jb */
	emit_u32(e, 0);
	return e->at;
}

uint32_t store_emit_below_end(struct emit *e, const struct translator *t, struct reg r)
{
	return emit_jmp_if_below(e, r, t->windows.bounds_at + 8);
}

uint32_t store_emit_below_start(struct emit *e, const struct translator *t, struct reg r)
{
	return emit_jmp_if_below(e, r, t->windows.bounds_at);
}

/* To a place that store_near_is() gives: jrcxz alone does not reach it. */
static uint32_t emit_jmp_if_rcx_0_ahead(struct emit *e)
{
	EMIT_RAW(e, 0xe3, 0x02, 0xeb, 0x05);                    /* jrcxz +2;  jmp +5 */
	emit_jmp(e, e->at);                                     /* jmp hit */
	return e->at;
}

/* Up to `n`, which is not 0. */
static uint64_t largest_power(uint64_t n)
{
	return 1ull << (63 - __builtin_clzll(n));
}

unsigned store_emit_clusters(struct emit *e, const struct translator *t, uint64_t reach,
			     uint32_t *hits, void (*lea)(struct emit *e, const void *context),
			     const void *context)
{
	const struct store_windows *w = &t->windows;
	unsigned n = 0;

	for (unsigned i = 0; i < w->cluster_count; i++) {
		uint64_t low = w->clusters[i].start, end = w->clusters[i].end;

		low = low < reach ? 0 : low - (reach - 1);
		uint64_t part = largest_power(end - low);
		bool is_exact = w->cluster_count == 1 && reach <= EXACT_BYTES && part != end - low;
		lea(e, context);
		emit_compare(e, low, is_exact ? low + part : end);
		hits[n++] = emit_jmp_if_rcx_0_ahead(e);         /* jrcxz hit */
		if (!is_exact)
			continue;
		lea(e, context);                                /* the rest, and some again */
		emit_compare(e, end - part, end);
		hits[n++] = emit_jmp_if_rcx_0_ahead(e);         /* jrcxz hit */
	}
	return n;
}

/* From the lowest byte at which an access of ACCESS_MAX bytes may begin to hit. */
static void hull(const struct translator *t, uint64_t *low, uint64_t *end)
{
	*low = ~0ull;
	*end = 0;
	for (size_t i = 0; i < t->config.range_count; i++) {
		if (t->ranges[i].start < *low)
			*low = t->ranges[i].start;
		if (t->ranges[i].end > *end)
			*end = t->ranges[i].end;
	}
	*low = *low < STORE_ACCESS_MAX ? 0 : *low - (STORE_ACCESS_MAX - 1);
}

/* Are the 8 * rcx bytes below rdi, and those above, clear of the hull?  (The direction
 * flag and the size of an element do not matter then.) */
void store_emit_compare_repeated(struct emit *e, const struct translator *t, uint32_t cold)
{
	uint64_t low, end;

	hull(t, &low, &end);
	EMIT_RAW(e, 0x48, 0x8d, 0x04, 0xcd, 0, 0, 0, 0);        /* lea rax, [rcx * 8] */
	EMIT_RAW(e, 0x48, 0xf7, 0xd0);                          /* not rax */
	EMIT_RAW(e, 0x48, 0x8d, 0x44, 0x38, 0x01);              /* lea rax, [rax + rdi + 1] */
	emit_mov_reg_imm64(e, RCX, -end);                       /* mov rcx, -end */
	EMIT_RAW(e, 0x48, 0x8d, 0x0c, 0x01);                    /* lea rcx, [rcx + rax] */
	emit_mov_reg_imm64(e, RAX, 63);                         /* mov eax, 63 */
	EMIT_RAW(e, 0xc4, 0xe2, 0xfb, 0xf7, 0xc9);              /* shrx rcx, rcx, rax */
	uint32_t above = emit_jrcxz_ahead(e);                   /* jrcxz clear */
	emit_mov_reg_slot(e, RCX);                              /* mov rcx, gs:[slot] */
	EMIT_RAW(e, 0x48, 0x8d, 0x04, 0xcd, 0, 0, 0, 0);        /* lea rax, [rcx * 8] */
	EMIT_RAW(e, 0x48, 0x8d, 0x04, 0x38);                    /* lea rax, [rax + rdi] */
	EMIT_RAW(e, 0x48, 0xf7, 0xd0);                          /* not rax */
	emit_mov_reg_imm64(e, RCX, low + 1);                    /* mov rcx, low + 1 */
	EMIT_RAW(e, 0x48, 0x8d, 0x0c, 0x01);                    /* lea rcx, [rcx + rax] */
	emit_mov_reg_imm64(e, RAX, 63);                         /* mov eax, 63 */
	EMIT_RAW(e, 0xc4, 0xe2, 0xfb, 0xf7, 0xc9);              /* shrx rcx, rcx, rax */
	uint32_t below = emit_jrcxz_ahead(e);                   /* jrcxz clear */
	emit_jmp(e, cold);                                      /* jmp cold */
	land(e, above);                                    /* clear: */
	land(e, below);
}
