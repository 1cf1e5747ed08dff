#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "json.h"

static bool is_valid(const char *text, size_t len)
{
	yajl_handle h = yajl_alloc(NULL, NULL, NULL);
	bool ok = yajl_parse(h, (const unsigned char *)text, len) == yajl_status_ok &&
		  yajl_complete_parse(h) == yajl_status_ok;

	yajl_free(h);
	return ok;
}

Test(json, plain_text_is_quoted)
{
	char out[64];

	*json_string(out, "main") = 0;
	cr_expect_str_eq(out, "\"main\"");
	*json_string(out, "a\"b\\c\n") = 0;
	cr_expect_str_eq(out, "\"a\\\"b\\\\c\\u000a\"");
}

Test(json, utf8_stays_and_other_bytes_become_latin1)
{
	char out[64];

	*json_string(out, "\xc3\xa4") = 0;
	cr_expect_str_eq(out, "\"\xc3\xa4\"");
	*json_string(out, "\xff\xc3") = 0;
	cr_expect_str_eq(out, "\"\\u00ff\\u00c3\"");
	*json_string(out, "\xed\xa0\x80") = 0;          /* a surrogate */
	cr_expect_str_eq(out, "\"\\u00ed\\u00a0\\u0080\"");
}

Test(json, any_bytes_make_valid_json_that_fits)
{
	srand(1);
	for (int round = 0; round < 20000; round++) {
		char in[24], out[JSON_STRING_ROOM(sizeof in)];
		size_t len = (size_t)rand() % sizeof in;

		for (size_t i = 0; i < len; i++)
			in[i] = (char)(rand() % 4 ? rand() | 0x80 : rand());
		size_t n = (size_t)(json_bytes(out, in, len) - out);
		cr_assert_leq(n, JSON_STRING_ROOM(len));
		cr_assert(is_valid(out, n));
	}
}
