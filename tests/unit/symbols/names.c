#include "helper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/wait.h>

#include "demangle.h"
#include "image.h"

TestSuite(names, .timeout = 60);

static __attribute__((noinline)) int a_static_function(int x)
{
	__asm__ volatile("");
	return x + 1;
}

Test(names, finds_a_static_function_of_the_program)
{
	struct symbols *s = own_symbols();
	const struct symbol *f = symbols_find(s, (uint64_t)a_static_function);

	cr_assert_not_null(f);
	cr_assert_str_eq(f->name, "a_static_function");
	cr_assert_eq(f->start, (uint64_t)a_static_function);
	cr_assert_gt(f->size, 0);
	cr_assert(f->is_local && !f->is_plt && !f->is_ifunc);
	cr_assert(f->module->is_main);
	cr_assert_eq(symbols_find(s, f->start + f->size - 1), f);
	cr_assert_eq(a_static_function(1), 2);
	symbols_destroy(s);
}

Test(names, finds_the_names_of_libc_that_people_use)
{
	static const char *const names[] = { "puts", "malloc", "free", "printf", "write",
					     "fopen", "exit", "qsort", "fwrite" };
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	struct symbols *s = own_symbols();

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		uint64_t address = address_in(libc, names[i]);
		const struct symbol *f = symbols_find(s, address);

		cr_assert_not_null(f, "%s", names[i]);
		cr_assert_str_eq(f->name, names[i]);
		cr_assert_eq(f->start, address);
		cr_assert_str_eq(f->module->name, "libc.so.6");
		cr_assert(symbols_function_start(s, address));
		cr_assert_not(symbols_function_start(s, address + 1));
	}
	symbols_destroy(s);
}

Test(names, knows_the_vdso)
{
	struct symbols *s = own_symbols();
	const struct symbols_module *vdso = symbols_module_find(s, getauxval(AT_SYSINFO_EHDR));
	struct symbols_match *found;

	cr_assert_not_null(vdso);
	cr_assert_str_eq(vdso->name, "[vdso]");
	cr_assert(vdso->is_vdso);
	cr_assert_eq(symbols_lookup_name(s, "[vdso]!__vdso_clock_gettime", SYMBOL_FUNCTION,
					 &found, NULL), 1);
	cr_assert_eq(symbols_module_find(s, found[0].address), vdso);
	free(found);
	symbols_destroy(s);
}

/* Its names are asked for by who reads the last events of a program that has ended. */
Test(names, knows_the_vdso_of_a_process_that_has_gone)
{
	struct symbols_match *found;
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	struct symbols *s = symbols_of(&pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	cr_assert_eq(symbols_lookup_name(s, "[vdso]!__vdso_clock_gettime", SYMBOL_FUNCTION,
					 &found, NULL), 1);
	free(found);
	symbols_destroy(s);
}

Test(names, chooses_among_aliases_of_one_address)
{
	void *lib = load("libalias.so",
		"int __hidden_impl(void) { return 1; }\n"
		"int one(void) __attribute__((weak, alias(\"__hidden_impl\")));\n"
		"int _one(void) __attribute__((alias(\"__hidden_impl\")));\n"
		"static int two_local(void) { return 2; }\n"
		"int __two(void) __attribute__((alias(\"two_local\")));\n"
		"int bbb(void) { return 3; }\n"
		"int aaa(void) __attribute__((alias(\"bbb\")));\n"
		"int longer(void) __attribute__((alias(\"bbb\")));\n", "");
	struct symbols *s = own_symbols();

	cr_assert_str_eq(name_of(s, address_in(lib, "_one")), "one");
	cr_assert_str_eq(name_of(s, address_in(lib, "__two")), "__two");
	cr_assert_str_eq(name_of(s, address_in(lib, "longer")), "aaa");
	symbols_destroy(s);
}

Test(names, extends_unsized_functions_to_the_next_one)
{
	void *lib = load("libasm.so",
		"__asm__(\".text\\n.globl first\\n.type first,@function\\nfirst: nop\\nnop\\n\"\n"
		"        \".globl label\\nlabel: nop\\nnop\\nnop\\n\"\n"
		"        \".globl last\\n.type last,@function\\nlast: ret\\n\");\n", "-nostdlib");
	struct symbols *s = own_symbols();
	uint64_t first = address_in(lib, "first"), label = address_in(lib, "label");
	const struct symbol *f = symbols_find(s, first + 1);

	cr_assert_str_eq(f->name, "first");
	cr_assert_eq(f->size, 2);
	f = symbols_find(s, label + 2);
	cr_assert_str_eq(f->name, "label");
	cr_assert_eq(f->start + f->size, address_in(lib, "last"));
	cr_assert(symbols_function_start(s, label));
	cr_assert_str_eq(name_of(s, address_in(lib, "last")), "last");
	symbols_destroy(s);
}

Test(names, ignores_labels_inside_functions)
{
	void *lib = load("liblabel.so",
		"__asm__(\".text\\n.globl f\\n.type f,@function\\nf: nop\\ninner: nop\\n.globl outer\\n\"\n"
		"        \"outer: nop\\nret\\n.size f,.-f\\n\");\n", "");
	struct symbols *s = own_symbols();

	cr_assert_str_eq(name_of(s, address_in(lib, "f") + 1), "f");
	cr_assert_str_eq(name_of(s, address_in(lib, "outer")), "f");
	symbols_destroy(s);
}

Test(names, demangles)
{
	static const struct { const char *mangled, *name, *signature; } cases[] = {
		{ "_ZN2ns1fEiPKc", "ns::f", "ns::f(int, char const*)" },
		{ "_ZNKSt6vectorIiSaIiEE4sizeEv", "std::vector<int, std::allocator<int> >::size",
		  "std::vector<int, std::allocator<int> >::size() const" },
		{ "_Z3maxIiET_S0_S0_", "max<int>", "int max<int>(int, int)" },
		{ "_ZN3FooC2Ev", "Foo::Foo", "Foo::Foo()" },
		{ "_Z4mainv.cold", "main.cold", "main().cold" },
		{ "_ZN1a1bEv.isra.0.part.1", "a::b.isra.0.part.1", "a::b().isra.0.part.1" },
		{ "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", "core::fmt::Write::write_fmt",
		  "core::fmt::Write::write_fmt" },
		{ "_RNvCs1234_7mycrate4main", "mycrate::main", "mycrate::main" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *name = demangle_name(cases[i].mangled, false);
		char *signature = demangle_name(cases[i].mangled, true);

		cr_expect_str_eq(name, cases[i].name);
		cr_expect_str_eq(signature, cases[i].signature);
		free(name);
		free(signature);
	}
	cr_assert_null(demangle_name("main", false));
	cr_assert_null(demangle_name("_Zebra", false));
	cr_assert_null(demangle_name("", false));
}

Test(names, gives_demangled_and_mangled_names)
{
	void *lib = load("libcxx.so",
		"namespace ns { struct A { int get(int) const; };\n"
		"int A::get(int x) const { return x; } }\n"
		"extern \"C\" int plain(void) { return 0; }\n", "-x c++");
	struct symbols *s = own_symbols();
	uint64_t get = address_in(lib, "_ZNK2ns1A3getEi");
	const struct symbol *f = symbols_find(s, get);

	cr_assert_str_eq(f->name, "ns::A::get");
	cr_assert_str_eq(f->mangled, "_ZNK2ns1A3getEi");
	cr_assert_str_eq(symbols_signature(s, f), "ns::A::get(int) const");
	f = symbols_find(s, address_in(lib, "plain"));
	cr_assert_eq(f->name, f->mangled);
	cr_assert_eq(symbols_signature(s, f), f->name);
	symbols_destroy(s);

	s = own_symbols();
	symbols_set_demangle(s, false);
	cr_assert_str_eq(name_of(s, get), "_ZNK2ns1A3getEi");
	symbols_destroy(s);
}

Test(names, formats_addresses)
{
	void *lib = load("libformat.so", "int f(void) { return 1; }\n", "");
	struct symbols *s = own_symbols();
	uint64_t f = address_in(lib, "f");
	char buf[64], want[64];

	symbols_format(s, f, buf, sizeof buf);
	cr_assert_str_eq(buf, "libformat.so!f");
	symbols_format(s, f + 2, buf, sizeof buf);
	cr_assert_str_eq(buf, "libformat.so!f+0x2");
	const struct symbols_module *m = symbols_module_find(s, f);
	symbols_format(s, m->base + 8, buf, sizeof buf);
	cr_assert_str_eq(buf, "libformat.so+0x8");
	symbols_format(s, 0x10, buf, sizeof buf);
	cr_assert_str_eq(buf, "0x10");
	cr_assert_eq(symbols_format(s, f, buf, 5), strlen("libformat.so!f"));
	cr_assert_str_eq(buf, "libf");
	snprintf(want, sizeof want, "0x%lx", (unsigned long)&m);
	symbols_format(s, (uint64_t)&m, buf, sizeof buf);
	cr_assert_str_eq(buf, want);
	symbols_destroy(s);
}

Test(names, finds_function_starts_of_stripped_code)
{
	void *lib = load("libstripped.so",
		"__attribute__((noinline)) static int hidden(int x) { __asm__ volatile(\"\"); return x; }\n"
		"int shown(int x) { return hidden(x) + 1; }\n"
		"void *where(void) { return hidden; }\n", "-O1 -s");
	void *(*where)(void) = (void *(*)(void))dlsym(lib, "where");
	struct symbols *s = own_symbols();
	uint64_t hidden = (uint64_t)where();
	const struct symbol *f = symbols_find(s, hidden + 1);
	char buf[64], want[64];

	cr_assert_not_null(f);
	cr_assert_str_eq(f->name, "");
	cr_assert_eq(f->start, hidden);
	cr_assert(symbols_function_start(s, hidden));
	cr_assert_not(symbols_function_start(s, hidden + 1));
	symbols_format(s, hidden + 1, buf, sizeof buf);
	snprintf(want, sizeof want, "libstripped.so+0x%lx",
		 (unsigned long)(hidden + 1 - f->module->base));
	cr_assert_str_eq(buf, want);
	cr_assert_str_eq(name_of(s, address_in(lib, "shown")), "shown");
	symbols_destroy(s);
}

Test(names, cold_parts_are_no_function_starts)
{
	void *lib = load("libcold.so",
		"__attribute__((cold)) void bad(int x) { __asm__ volatile(\"\"); }\n"
		"int f(int x) { if (x == 7) { bad(1); bad(2); } return x; }\n", "-O2");
	struct symbols *s = own_symbols();
	struct symbols_match *found;
	ssize_t n = symbols_lookup_name(s, "libcold.so!f.cold", SYMBOL_FUNCTION, &found, NULL);

	cr_assert(symbols_function_start(s, address_in(lib, "f")));
	cr_assert_eq(n, 1);
	cr_assert_str_eq(name_of(s, found[0].address), "f.cold");
	cr_assert_not(symbols_function_start(s, found[0].address));
	free(found);
	symbols_destroy(s);
}

Test(names, names_the_code_that_an_indirect_function_stands_for)
{
	void *lib = load("libifunc.so",
		"static int fast(int x) { return x * 2; }\n"
		"static int slow(int x) { __asm__ volatile(\"\"); return x + x; }\n"
		"int cpu = 1;\n"
		"static int (*pick(void))(int) { return fast; }\n"
		"__attribute__((visibility(\"protected\"))) int twice(int) __attribute__((ifunc(\"pick\")));\n"
		"int use(int x) { return cpu ? twice(x) + 1 : slow(x); }\n"
		"void *where(void) { return fast; }\nvoid *other(void) { return slow; }\n", "-O1 -s");
	struct symbols *s = own_symbols();
	uint64_t fast = (uint64_t)((void *(*)(void))dlsym(lib, "where"))();
	uint64_t slow = (uint64_t)((void *(*)(void))dlsym(lib, "other"))();
	const struct symbol *f = symbols_find(s, fast);

	cr_assert_str_eq(f->name, "twice");
	cr_assert(f->is_ifunc);
	cr_assert_eq(f->start, fast);
	cr_assert_str_eq(name_of(s, slow), "");
	symbols_destroy(s);
}

/* objcopy leaves the section numbers of .dynsym as they were. */
Test(names, reads_symbols_whose_section_numbers_are_stale)
{
	write_file(in_directory("source.c"), "int f(void) { return 1; }\nint g(void) { return 2; }\n");
	run("gcc -shared -fPIC -s -o libstale.so source.c && "
	    "objcopy --remove-section .note.gnu.build-id --remove-section .gnu.version libstale.so");
	struct elf_file *file = elf_file_open(open(in_directory("libstale.so"), O_RDONLY));
	struct image *image = image_create(file, "", in_directory("libstale.so"));
	const struct image_table *table = image_table(image);
	unsigned found = 0;

	for (size_t i = 0; i < table->functions.count; i++) {
		const char *name = table->symbols[table->functions.items[i].symbol].name;

		found += strcmp(name, "f") == 0 || strcmp(name, "g") == 0;
	}
	cr_assert_eq(found, 2);
	image_destroy(image);
}

Test(names, reads_the_function_table_of_a_stripped_go_program)
{
	const struct image_table *table;
	bool has_main = false, has_add = false;

	if (!has_tool("go"))
		cr_skip_test("no go");
	write_file(in_directory("go.go"),
		   "package main\n//go:noinline\nfunc add(a, b int) int { return a + b }\n"
		   "func main() { println(add(1, 2)) }\n");
	run("HOME=. GOCACHE=$PWD/cache GOFLAGS=-modcacherw go build -ldflags='-s -w' -o go-prog go.go");
	struct elf_file *file = elf_file_open(open(in_directory("go-prog"), O_RDONLY));
	struct image *image = image_create(file, "", in_directory("go-prog"));
	table = image_table(image);
	for (size_t i = 0; i < table->functions.count; i++) {
		const struct image_extent *f = &table->functions.items[i];
		const char *name = table->symbols[f->symbol].name;

		has_main |= strcmp(name, "main.main") == 0;
		has_add |= strcmp(name, "main.add") == 0 && f->end > f->start;
	}
	cr_assert(has_main && has_add);
	image_destroy(image);
}

Test(names, resolves_a_hundred_thousand_addresses_in_under_100_ms)
{
	struct symbols *s = own_symbols();
	const struct symbols_module *libc = module_named(s, "libc.so.6");
	uint64_t start = libc->text[0].start, size = libc->text[0].end - start;
	double t0 = now_ms();
	size_t hits = 0;

	for (size_t i = 0; i < 100000; i++)
		hits += symbols_find(s, start + i * 2654435761u % size) != NULL;
	double took = now_ms() - t0;
	cr_log_info("%zu of 100000 found in %.1f ms", hits, took);
	cr_assert_lt(took, 100.0);
	cr_assert_gt(hits, 60000);
	symbols_destroy(s);
}
