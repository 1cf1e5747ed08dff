#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "line.h"

static void check(uint64_t value)
{
	char expected[32], out[32];

	*put_hex(out, value) = 0;
	snprintf(expected, sizeof expected, "0x%" PRIx64, value);
	cr_assert_str_eq(out, expected);
	*put_u64(out, value) = 0;
	snprintf(expected, sizeof expected, "%" PRIu64, value);
	cr_assert_str_eq(out, expected);
}

Test(line, numbers_are_as_printf_has_them)
{
	check(0);
	check(UINT64_MAX);
	for (int shift = 0; shift < 64; shift++) {
		check(1ull << shift);
		check((1ull << shift) - 1);
		check(0x123456789abcdef0ull >> shift);
	}
}

Test(line, digits_are_padded_with_zeros)
{
	char out[8];

	*put_digits(out, 7, 3) = 0;
	cr_expect_str_eq(out, "007");
}
