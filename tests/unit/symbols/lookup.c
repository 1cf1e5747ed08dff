#include "helper.h"

TestSuite(lookup, .timeout = 60);

static const char source[] =
	"int exported(void) { return 1; }\n"
	"static __attribute__((noinline,used)) int hidden(int x) { __asm__(\"\"); return x; }\n"
	"int counter = 7;\nstatic int quiet = 3;\nlong table[10];\nconst char text[] = \"abc\";\n"
	"int *quiet_at(void) { return &quiet; }\n"
	"int same_as(void) __attribute__((alias(\"exported\")));\n";

static const char cxx[] =
	"namespace ns { int f(int x, const char *) { return x; }\n"
	"template <class T> struct A { T get(T x) const { return x; } };\n"
	"template struct A<int>;\n"
	"struct B { int v; B(int x); int operator+(int x) { return v + x; } };\n"
	"B::B(int x) : v(x) {}\n"
	"int use(B b) { return b + 1; } int global = 4; }\n";

/* How many there are, and the address of the first. */
static ssize_t find(struct symbols *s, const char *spec, unsigned kinds, uint64_t *address,
		    uint64_t *size)
{
	struct symbols_match *found;
	struct err err = {0};
	ssize_t n = symbols_lookup_name(s, spec, kinds, &found, &err);

	if (n > 0) {
		*address = found[0].address;
		if (size)
			*size = found[0].size;
	} else {
		cr_assert_null(found);
		cr_assert_neq(err.text[0], 0);
	}
	free(found);
	return n;
}

Test(lookup, finds_functions_by_name_and_module)
{
	void *lib = load("liblook.so.1", source, "");
	struct symbols *s = own_symbols();
	uint64_t want = address_in(lib, "exported"), got;

	cr_assert_eq(find(s, "exported", SYMBOL_FUNCTION, &got, NULL), 1);
	cr_assert_eq(got, want);
	cr_assert_eq(find(s, "liblook.so.1!exported", SYMBOL_FUNCTION, &got, NULL), 1);
	cr_assert_eq(got, want);
	cr_assert_eq(find(s, "liblook!exported", SYMBOL_FUNCTION, &got, NULL), 1);
	cr_assert_eq(find(s, "libc.so.6!exported", SYMBOL_FUNCTION, &got, NULL), -ENOENT);
	cr_assert_eq(find(s, "exported", SYMBOL_OBJECT, &got, NULL), -ENOENT);
	cr_assert_eq(find(s, "exporte", SYMBOL_FUNCTION, &got, NULL), -ENOENT);
	cr_assert_eq(find(s, "", SYMBOL_FUNCTION, &got, NULL), -EINVAL);
	cr_assert_eq(find(s, "same_as", SYMBOL_FUNCTION, &got, NULL), 1);
	cr_assert_eq(got, want);
	cr_assert_eq(find(s, "exported+0x3", SYMBOL_FUNCTION, &got, NULL), 1);
	cr_assert_eq(got, want + 3);
	cr_assert_eq(find(s, "liblook.so.1!exported+4", SYMBOL_FUNCTION, &got, NULL), 1);
	cr_assert_eq(got, want + 4);
	symbols_destroy(s);
}

Test(lookup, finds_data_with_its_size)
{
	void *lib = load("liblookdata.so", source, "");
	struct symbols *s = own_symbols();
	uint64_t got, size;

	cr_assert_eq(find(s, "counter", SYMBOL_OBJECT, &got, &size), 1);
	cr_assert_eq(got, address_in(lib, "counter"));
	cr_assert_eq(size, sizeof(int));
	cr_assert_eq(find(s, "table+16", SYMBOL_OBJECT, &got, &size), 1);
	cr_assert_eq(got, address_in(lib, "table") + 16);
	cr_assert_eq(size, 8 * sizeof(long));
	cr_assert_eq(find(s, "table+800", SYMBOL_OBJECT, &got, &size), 1);
	cr_assert_eq(size, 0);
	cr_assert_eq(find(s, "text", SYMBOL_OBJECT | SYMBOL_FUNCTION, &got, &size), 1);
	cr_assert_eq(size, 4);
	symbols_destroy(s);
}

Test(lookup, finds_statics_by_their_file)
{
	void *lib = load("liblookstatic.so", source, "");
	uint64_t quiet = (uint64_t)((int *(*)(void))dlsym(lib, "quiet_at"))();
	struct symbols *s = own_symbols();
	uint64_t got, size;

	cr_assert_eq(find(s, "quiet", SYMBOL_OBJECT, &got, &size), 1);
	cr_assert_eq(got, quiet);
	cr_assert_eq(find(s, "source.c:quiet", SYMBOL_OBJECT, &got, &size), 1);
	cr_assert_eq(got, quiet);
	cr_assert_eq(find(s, "liblookstatic.so!source.c:hidden", SYMBOL_FUNCTION, &got, NULL), 1);
	cr_assert_str_eq(name_of(s, got), "hidden");
	cr_assert_eq(find(s, "liblookstatic.so!source.c:hidden+2", SYMBOL_FUNCTION, &got, NULL), 1);
	cr_assert_eq(find(s, "other.c:quiet", SYMBOL_OBJECT, &got, &size), -ENOENT);
	cr_assert_eq(find(s, "source.c:counter", SYMBOL_OBJECT, &got, &size), -ENOENT);
	symbols_destroy(s);
}

Test(lookup, finds_demangled_names_with_and_without_parameters)
{
	void *lib = load("liblookcxx.so", cxx, "-x c++");
	struct symbols *s = own_symbols();
	uint64_t f = address_in(lib, "_ZN2ns1fEiPKc"), got;
	static const char *const specs[] = {
		"ns::f", "ns::f(int, char const*)", "ns::f(int,char const*)", "_ZN2ns1fEiPKc",
		"liblookcxx.so!ns::f",
	};

	for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
		cr_assert_eq(find(s, specs[i], SYMBOL_FUNCTION, &got, NULL), 1, "%s", specs[i]);
		cr_assert_eq(got, f);
	}
	cr_assert_eq(find(s, "ns::A<int>::get", SYMBOL_FUNCTION, &got, NULL), 1);
	cr_assert_eq(find(s, "ns::A<int>::get(int) const", SYMBOL_FUNCTION, &got, NULL), 1);
	cr_assert_eq(find(s, "ns::B::operator+", SYMBOL_FUNCTION, &got, NULL), 1);
	cr_assert_eq(find(s, "ns::B::operator+(int)", SYMBOL_FUNCTION, &got, NULL), 1);
	cr_assert_eq(find(s, "ns::B::B", SYMBOL_FUNCTION, &got, NULL), 1);
	cr_assert_eq(find(s, "ns::global", SYMBOL_OBJECT, &got, NULL), 1);
	cr_assert_eq(find(s, "ns::f(int)", SYMBOL_FUNCTION, &got, NULL), -ENOENT);
	symbols_destroy(s);
}

Test(lookup, finds_one_name_in_several_modules)
{
	load("libtwin1.so", "int twin(void) { return 1; }\n", "");
	load("libtwin2.so", "int twin(void) { return 2; }\n", "");
	struct symbols *s = own_symbols();
	struct symbols_match *found;

	cr_assert_eq(symbols_lookup_name(s, "twin", SYMBOL_FUNCTION, &found, NULL), 2);
	cr_assert_lt(found[0].address, found[1].address);
	cr_assert_neq(found[0].symbol->module, found[1].symbol->module);
	free(found);
	symbols_destroy(s);
}

Test(lookup, leaves_out_plt_stubs)
{
	load("libcaller.so", "#include <unistd.h>\nint f(void) { return getppid() + 1; }\n", "");
	struct symbols *s = own_symbols();
	uint64_t got;

	cr_assert_eq(find(s, "getppid", SYMBOL_FUNCTION, &got, NULL), 1);
	cr_assert_str_eq(symbols_module_find(s, got)->name, "libc.so.6");
	symbols_destroy(s);
}
