#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "watch-access.h"
#include "watch-value.h"

TestSuite(watch, .timeout = 10);

static const struct symbols_type any = { 0 };
static const struct symbols_type uint32 = { SYMBOLS_TYPE_UNSIGNED, 4 };
static const struct symbols_type int32 = { SYMBOLS_TYPE_INT, 4 };
static const struct symbols_type float64 = { SYMBOLS_TYPE_FLOAT, 8 };

static bool holds(const char *when, const struct symbols_type *type, unsigned len, const void *old,
		  const void *new)
{
	struct options o = { 0 };
	struct err err = { 0 };

	cr_assert_eq(watch_when_parse(when, &o.when, &err), 0, "%s: %s", when, err.text);
	return watch_value_wanted(&o, type, len, old, new);
}

Test(watch, when_compares_by_width_and_sign)
{
	int32_t minus = -2, zero = 0;

	cr_expect(holds("== -2", &int32, 4, &zero, &minus));
	cr_expect(holds("<0", &int32, 4, &zero, &minus));
	cr_expect_not(holds("< 0", &uint32, 4, &zero, &minus));
	cr_expect(holds("> 100", &uint32, 4, &zero, &minus));
	cr_expect(holds("== 0xfffffffe", &uint32, 4, &zero, &minus));
	cr_expect(holds("== 0xfffffffe", &int32, 4, &zero, &minus));
	cr_expect(holds("<= -2", &any, 4, &zero, &minus));
	cr_expect(holds(">= -2", &any, 4, &zero, &minus));
	cr_expect_not(holds("!= -2", &any, 4, &zero, &minus));
	cr_expect_not(holds("> -2", &any, 4, &zero, &minus));
	uint64_t most = UINT64_MAX;
	const struct symbols_type uint64 = { SYMBOLS_TYPE_UNSIGNED, 8 };
	cr_expect(holds("== 18446744073709551615", &uint64, 8, &most, &most));
	cr_expect_not(holds("== -1", &uint64, 8, &most, &most));
	cr_expect(holds("== -1", &any, 8, &most, &most));
}

Test(watch, when_masks)
{
	uint8_t zero = 0, value = 0x93;

	cr_expect(holds("& 0x80", &any, 1, &zero, &value));
	cr_expect_not(holds("&0x40", &any, 1, &zero, &value));
	cr_expect(holds("& 0xf0 == 0x90", &any, 1, &zero, &value));
	cr_expect(holds("& 0xf > 2", &any, 1, &zero, &value));
}

Test(watch, when_changed_and_fractions)
{
	double a = 1.5, b = 2.5;

	cr_expect(holds("changed", &float64, 8, &a, &b));
	cr_expect_not(holds("changed", &float64, 8, &a, &a));
	cr_expect(holds("> 2.25", &float64, 8, &a, &b));
	cr_expect(holds("== 2.5", &float64, 8, &a, &b));
	cr_expect_not(holds("<= 2", &float64, 8, &a, &b));
}

Test(watch, when_refuses)
{
	static const char *const wrong[] = { "", "42", "== ", "= 3", "== x", "& ", "& 1.5", "changed 1",
					     "== 3 4", "&& 1", "& 3 == 1.5" };
	struct watch_when when;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		cr_expect_eq(watch_when_parse(wrong[i], &when, NULL), -EINVAL, "'%s'", wrong[i]);
}

static void shown_as(const struct symbols_type *type, unsigned len, const void *value, bool json,
		     const char *expected)
{
	char out[WATCH_VALUE_ROOM];

	watch_value_text(NULL, type, len, value, json, out, sizeof out);
	cr_expect_str_eq(out, expected);
}

Test(watch, values_have_their_type)
{
	static const struct symbols_enumerator names[] = { { "RED", 0 }, { "BLUE", -1 } };
	const struct symbols_type color = { SYMBOLS_TYPE_ENUM, 4, names, 2 };
	const struct symbols_type boolean = { SYMBOLS_TYPE_BOOL, 1 };
	const struct symbols_type float32 = { SYMBOLS_TYPE_FLOAT, 4 };
	int32_t minus = -1;
	uint8_t one = 1, seven = 7, three[3] = { 1, 2, 255 };
	double pi = 3.14, inf = __builtin_inf();
	float tenth = 0.1f;

	shown_as(&uint32, 4, &minus, false, "4294967295");
	shown_as(&int32, 4, &minus, false, "-1");
	shown_as(&any, 4, &minus, false, "-1");
	shown_as(&color, 4, &minus, false, "BLUE");
	shown_as(&color, 4, &minus, true, "-1");
	shown_as(&boolean, 1, &one, true, "true");
	shown_as(&boolean, 1, &seven, false, "7");
	shown_as(&float64, 8, &pi, false, "3.14");
	shown_as(&float32, 4, &tenth, true, "0.1");
	shown_as(&float64, 8, &inf, true, "\"inf\"");
	shown_as(&any, 3, three, false, "0102ff");
	shown_as(&any, 3, three, true, "\"0102ff\"");
}

/* ---- what this processor may not have: decoded alone ---------------------------------------- */

static struct watch_accesses find(const uint8_t *bytes, size_t len, bool elements, struct thread_block *tb)
{
	struct translate_store store = { .pc = { 0x401000 }, .len = (uint8_t)len, .tells_elements = elements };
	struct watch_accesses out;

	memcpy(store.bytes, bytes, len);
	watch_access_find(&store, tb, &out);
	return out;
}

static struct watch_accesses accesses_of(const uint8_t *bytes, size_t len, struct thread_block *tb)
{
	return find(bytes, len, false, tb);
}

/* Of a gather or scatter whose vector is in `tb`. */
static struct watch_accesses elements_of(const uint8_t *bytes, size_t len, struct thread_block *tb)
{
	return find(bytes, len, true, tb);
}

Test(watch, masked_store_of_avx512_reports_changes)
{
	static const uint8_t bytes[] = { 0x62, 0xf1, 0x7e, 0x49, 0x7f, 0x07 }; /* vmovdqu32 [rdi]{k1}, zmm0 */
	static struct thread_block tb;

	tb.gpr[7] = 0x5000;
	struct watch_accesses a = accesses_of(bytes, sizeof bytes, &tb);
	cr_assert_eq(a.count, 1);
	cr_expect(a.items[0].is_write && a.items[0].only_changes);
	cr_expect_eq(a.items[0].address, 0x5000);
	cr_expect_eq(a.items[0].len, 64);
}

Test(watch, whole_store_of_avx512)
{
	/* vmovups [rsp + 0x40], zmm1: its displacement counts in 64 bytes */
	static const uint8_t bytes[] = { 0x62, 0xf1, 0x7c, 0x48, 0x11, 0x4c, 0x24, 0x01 };
	static struct thread_block tb;

	tb.gpr[4] = 0x6000;
	struct watch_accesses a = accesses_of(bytes, sizeof bytes, &tb);
	cr_assert_eq(a.count, 1);
	cr_expect(a.items[0].is_write && !a.items[0].only_changes);
	cr_expect_eq(a.items[0].address, 0x6040);
	cr_expect_eq(a.items[0].len, 64);
}

Test(watch, scatter_may_be_anywhere)
{
	/* vpscatterdd [rax + zmm1*4]{k1}, zmm0 */
	static const uint8_t bytes[] = { 0x62, 0xf2, 0x7d, 0x49, 0xa0, 0x04, 0x88 };
	static struct thread_block tb;

	tb.gpr[0] = 0x7f0000000000;
	struct watch_accesses a = accesses_of(bytes, sizeof bytes, &tb);
	cr_assert_eq(a.count, 1);
	cr_expect(a.items[0].is_write && a.items[0].only_changes);
	cr_expect_eq(a.items[0].address, 0);
	cr_expect_eq(a.items[0].len, UINT64_MAX);
}

Test(watch, elements_are_where_the_vector_says)
{
	/* vpscatterdd fs:[rax + zmm1*4 + 64]{k1}, zmm0;  vgatherqpd ymm0, [ecx + ymm2*8], ymm3 */
	static const uint8_t scatter[] = { 0x64, 0x62, 0xf2, 0x7d, 0x49, 0xa0, 0x44, 0x88, 16 };
	static const uint8_t gather[] = { 0x67, 0xc4, 0xe2, 0xe5, 0x93, 0x04, 0xd1 };
	static struct thread_block tb;
	static const int32_t narrow[16] = { 1, -1, 2, -2, [15] = 1000 };
	static const int64_t wide[4] = { 4, 3, -2, 1 }, mask[4] = { -1, 1, INT64_MIN, 0 };
	struct watch_accesses a;

	tb.gpr[0] = 0x1000;
	tb.target = 0x7f0000000000;
	memcpy(tb.watch_index, narrow, sizeof narrow);
	tb.watch_mask[0] = 0x800a | 1u << 20;
	a = elements_of(scatter, sizeof scatter, &tb);
	cr_assert_eq(a.count, 3);
	cr_expect_eq(a.items[0].address, 0x7f0000001040 - 4);
	cr_expect_eq(a.items[1].address, 0x7f0000001040 - 8);
	cr_expect_eq(a.items[2].address, 0x7f0000001040 + 4000);
	cr_expect_eq(a.items[2].len, 4);
	cr_expect(a.items[2].is_write && !a.items[2].is_read && !a.items[2].only_changes);

	tb.gpr[1] = 0xffffffff00000008;
	memcpy(tb.watch_index, wide, sizeof wide);
	memcpy(tb.watch_mask, mask, sizeof mask);
	a = elements_of(gather, sizeof gather, &tb);
	cr_assert_eq(a.count, 2);
	cr_expect_eq(a.items[0].address, 0x28);
	cr_expect_eq(a.items[1].address, 0xfffffff8);
	cr_expect_eq(a.items[1].len, 8);
	cr_expect(a.items[1].is_read && !a.items[1].is_write);
}
