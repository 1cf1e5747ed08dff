#include "helper.h"

#include "variable.h"

TestSuite(variable, .timeout = 120);

static const char text[] =
	"typedef unsigned char byte;\n"
	"enum color { RED, GREEN = 5, BLUE = -1 };\n"
	"struct point { int x, y; };\n"
	"union either { double d; struct { short low, high; }; };\n"
	"struct server {\n"
	"\tchar name[16];\n"
	"\tconst volatile long long dirty;\n"
	"\tbyte flags;\n"
	"\t_Bool on;\n"
	"\tdouble load;\n"
	"\tenum color color;\n"
	"\tstruct point points[4];\n"
	"\tunion either either;\n"
	"\tstruct server *next;\n"
	"\tint grid[2][3];\n"
	"};\n"
	"struct server second = { .points = { { 1, 2 } } };\n"
	"struct server server = { .next = &second };\n"
	"unsigned counts[10];\n"
	"static int hidden = 3;\n"
	"struct server *current = &second;\n"
	"struct server *nobody;\n"
	"int use(void) { static int inside = 4; return hidden++ + inside++; }\n";

static struct symbols *s;

static uint64_t at(void *lib, const char *name)
{
	void *p = dlsym(lib, name);

	cr_assert_not_null(p);
	return (uint64_t)(uintptr_t)p;
}

static void is(const char *name, uint64_t address, enum symbols_type_kind kind, uint64_t size)
{
	struct symbols_variable v;
	struct err err = {0};

	cr_assert_eq(symbols_variable_find(s, name, &v, &err), 0, "%s: %s", name, err.text);
	cr_expect_eq(v.address, address, "%s", name);
	cr_expect_eq(v.type.kind, kind, "%s: kind %d", name, v.type.kind);
	cr_expect_eq(v.size, size, "%s: %lu bytes", name, v.size);
}

static void check(const char *flags)
{
	void *lib = load("libvariable.so", text, flags);

	s = own_symbols();
	uint64_t server = at(lib, "server"), second = at(lib, "second");
	is("server.dirty", server + 16, SYMBOLS_TYPE_INT, 8);
	is("server.flags", server + 24, SYMBOLS_TYPE_UNSIGNED, 1);
	is("server.on", server + 25, SYMBOLS_TYPE_BOOL, 1);
	is("server.load", server + 32, SYMBOLS_TYPE_FLOAT, 8);
	is("server.color", server + 40, SYMBOLS_TYPE_ENUM, 4);
	is("server.points[3].y", server + 44 + 28, SYMBOLS_TYPE_INT, 4);
	is("server.points", server + 44, SYMBOLS_TYPE_UNKNOWN, 32);
	is("server.either.high", server + 80 + 2, SYMBOLS_TYPE_INT, 2);
	is("server.next", server + 88, SYMBOLS_TYPE_POINTER, 8);
	is("server.next->dirty", second + 16, SYMBOLS_TYPE_INT, 8);
	is("current->points[1].x", second + 44 + 8, SYMBOLS_TYPE_INT, 4);
	is("current[0].name", second, SYMBOLS_TYPE_UNKNOWN, 16);
	is("server.grid", server + 96, SYMBOLS_TYPE_UNKNOWN, 24);
	is("counts[9]", at(lib, "counts") + 36, SYMBOLS_TYPE_UNSIGNED, 4);
	is("libvariable.so!server.dirty", server + 16, SYMBOLS_TYPE_INT, 8);
	struct symbols_variable v;
	cr_expect_eq(symbols_variable_find(s, "source.c:hidden", &v, NULL), 0);
	cr_expect_eq(v.type.kind, SYMBOLS_TYPE_INT);
	symbols_destroy(s);
	dlclose(lib);
}

Test(variable, members_and_types_with_dwarf_5) { check("-g -gdwarf-5"); }
Test(variable, members_and_types_with_dwarf_4) { check("-g -gdwarf-4"); }

Test(variable, enumerators_have_names)
{
	void *lib = load("libvariable.so", text, "-g");
	struct symbols_variable v;

	s = own_symbols();
	cr_assert_eq(symbols_variable_find(s, "server.color", &v, NULL), 0);
	cr_assert_eq(v.type.enumerator_count, 3);
	cr_expect_str_eq(v.type.enumerators[1].name, "GREEN");
	cr_expect_eq(v.type.enumerators[1].value, 5);
	cr_expect_eq(v.type.enumerators[2].value, -1);
	symbols_destroy(s);
	dlclose(lib);
}

Test(variable, what_is_wrong_is_said)
{
	void *lib = load("libvariable.so", text, "-g");
	struct symbols_variable v;
	struct err err = {0};

	s = own_symbols();
	cr_expect_eq(symbols_variable_find(s, "server.nothing", &v, &err), -ENXIO);
	cr_expect_eq(symbols_variable_find(s, "no_such_variable.x", &v, &err), -ENOENT);
	cr_expect_eq(symbols_variable_find(s, "nobody->dirty", &v, &err), -EFAULT);
	cr_expect_eq(symbols_variable_find(s, "server.points[x]", &v, &err), -EINVAL);
	cr_expect_eq(symbols_variable_find(s, "server.dirty.x", &v, &err), -ENXIO);
	symbols_destroy(s);
	dlclose(lib);
}

Test(variable, without_dwarf_a_symbol_alone)
{
	void *lib = load("libvariable.so", text, "-g0");
	struct symbols_variable v;
	struct err err = {0};

	s = own_symbols();
	cr_assert_eq(symbols_variable_find(s, "counts", &v, &err), 0, "%s", err.text);
	cr_expect_eq(v.size, 40);
	cr_expect_eq(v.type.kind, SYMBOLS_TYPE_UNKNOWN);
	cr_expect_eq(symbols_variable_find(s, "server.dirty", &v, &err), -ENODATA);
	symbols_destroy(s);
	dlclose(lib);
}

static const char cxx[] =
	"namespace ns { struct base { long id; };\n"
	"struct thing : base { bool ready; float ratio; static int made; };\n"
	"int thing::made = 7; thing one; namespace { thing two; }\n"
	"thing *keep() { return two.ready ? &two : &one; } }\n";

Test(variable, of_cxx)
{
	void *lib = load("libvariable.so", cxx, "-g -x c++");
	struct symbols_variable v;
	struct err err = {0};

	s = own_symbols();
	is("ns::one.ready", at(lib, "_ZN2ns3oneE") + 8, SYMBOLS_TYPE_BOOL, 1);
	is("ns::one.id", at(lib, "_ZN2ns3oneE"), SYMBOLS_TYPE_INT, 8);
	is("ns::thing::made", at(lib, "_ZN2ns5thing4madeE"), SYMBOLS_TYPE_INT, 4);
	cr_expect_eq(symbols_variable_find(s, "ns::(anonymous namespace)::two.ratio", &v, &err), 0,
		     "%s", err.text);
	cr_expect_eq(v.type.kind, SYMBOLS_TYPE_FLOAT);
	symbols_destroy(s);
	dlclose(lib);
}
