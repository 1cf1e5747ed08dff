#include "helper.h"

TestSuite(plt, .timeout = 60);

static const char source[] =
	"#include <unistd.h>\n#include <stdlib.h>\n#include <string.h>\n"
	"static int one_impl(void) { return 1; }\n"
	"static int (*pick(void))(void) { return one_impl; }\n"
	"static int one(void) __attribute__((ifunc(\"pick\")));\n"
	"int use(char *p) { return getppid() + getpgrp() + rand() + (int)strlen(p) + one(); }\n"
	"void *pointer(void) { return (void *)getppid; }\n"
	"int call_getppid(void) { return getppid(); }\n";

struct wanted {
	unsigned getppid, getpgrp, rand, unnamed, other;
};

static bool count_stub(void *context, const struct symbol *symbol)
{
	struct wanted *w = context;

	if (!symbol->is_plt)
		return true;
	if (!strcmp(symbol->name, "getppid"))
		w->getppid++;
	else if (!strcmp(symbol->name, "getpgrp"))
		w->getpgrp++;
	else if (!strcmp(symbol->name, "rand"))
		w->rand++;
	else if (!symbol->name[0])
		w->unnamed++;
	else
		w->other++;
	return true;
}

static void check(const char *name, const char *flags)
{
	load(name, source, flags);
	struct symbols *s = own_symbols();
	const struct symbols_module *m = module_named(s, name);
	struct wanted w = {0};

	cr_assert_not_null(m);
	symbols_each(s, m, SYMBOL_FUNCTION, count_stub, &w);
	cr_expect_geq(w.getppid, 1, "%s", flags);
	cr_expect_geq(w.getpgrp, 1, "%s", flags);
	cr_expect_geq(w.rand, 1, "%s", flags);
	cr_expect_leq(w.unnamed, 1, "%s", flags);
	symbols_destroy(s);
}

Test(plt, names_lazy_stubs)
{
	check("liblazy.so", "-O1 -Wl,-z,lazy -fcf-protection=none");
}

Test(plt, names_stubs_bound_at_start)
{
	check("libnow.so", "-O1 -Wl,-z,now -fcf-protection=none");
}

Test(plt, names_stubs_with_ibt)
{
	check("libibt.so", "-O1 -Wl,-z,lazy -Wl,-z,ibtplt -fcf-protection=full");
	check("libibtnow.so", "-O1 -Wl,-z,now -Wl,-z,ibtplt -fcf-protection=full");
}

Test(plt, names_stubs_of_other_linkers)
{
	if (has_tool("ld.gold"))
		check("libgold.so", "-O1 -fuse-ld=gold");
	if (has_tool("ld.lld"))
		check("liblld.so", "-O1 -fuse-ld=lld");
}

Test(plt, names_stubs_of_stripped_files)
{
	check("libplts.so", "-O1 -s -Wl,-z,lazy");
}

/* The call instruction's own target, not only a table that looks right. */
Test(plt, the_target_of_a_call_is_named_after_what_it_calls)
{
	void *lib = load("libcall.so", source, "-O1 -fno-optimize-sibling-calls");
	const uint8_t *code = dlsym(lib, "call_getppid");
	struct symbols *s = own_symbols();
	int32_t distance;

	while (*code != 0xe8)
		code++;
	memcpy(&distance, code + 1, sizeof distance);
	uint64_t target = (uint64_t)code + 5 + distance;
	const struct symbol *stub = symbols_find(s, target);
	cr_assert_not_null(stub);
	cr_assert(stub->is_plt);
	cr_assert_str_eq(stub->name, "getppid");
	cr_assert_eq(stub->start, target);
	cr_assert(symbols_function_start(s, target));
	cr_assert_not(symbols_function_start(s, target + 6));
	symbols_destroy(s);
}
