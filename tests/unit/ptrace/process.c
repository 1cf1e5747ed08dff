/* What /proc says of a process. */
#include <criterion/criterion.h>

#include "process.h"

TestSuite(process, .timeout = 10);

Test(process, features_are_words)
{
	cr_assert(process_features_name("shstk", "shstk"));
	cr_assert(process_features_name("shstk wrss", "shstk"));
	cr_assert(process_features_name("wrss shstk", "shstk"));
	cr_assert(process_features_name("shstk_lock shstk", "shstk"));
	cr_assert_not(process_features_name("", "shstk"));
	cr_assert_not(process_features_name("wrss", "shstk"));
	cr_assert_not(process_features_name("shstk_lock", "shstk"));
	cr_assert_not(process_features_name("noshstk", "shstk"));
}
