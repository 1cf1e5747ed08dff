#include "helper.h"

#include "source.h"

TestSuite(source, .timeout = 120);

static const char text[] =
	"static inline __attribute__((always_inline)) int\n"                    /* 1 */
	"inner(int x) {\n"
	"\tvolatile int y = x;\n"
	"\treturn y + 1;\n"                                                     /* 4 */
	"}\n"
	"static inline __attribute__((always_inline)) int\n"
	"outer(int x) {\n"
	"\treturn inner(x) * 2;\n"                                              /* 8 */
	"}\n"
	"int shown(int x) {\n"
	"\tint y = x;\n"
	"\treturn y + outer(x);\n"                                              /* 12 */
	"}\n"
	"int other(int x) {\n"
	"\treturn x ^ 5;\n"                                                     /* 15 */
	"}\n";

static bool has_line(struct symbols *s, const struct symbol *f, const char *file, unsigned line)
{
	struct source_line found;

	for (uint64_t a = f->start; a < f->start + f->size; a++) {
		if (!symbols_line(s, a, &found))
			continue;
		const char *slash = strrchr(found.file, '/');
		if (found.line == line && strcmp(slash ? slash + 1 : found.file, file) == 0)
			return true;
	}
	return false;
}

static void check_lines(struct symbols *s, void *lib, const char *flags)
{
	const struct symbol *shown = symbols_find(s, address_in(lib, "shown"));
	const struct symbol *other = symbols_find(s, address_in(lib, "other"));
	struct source_line line;

	cr_expect(has_line(s, shown, "source.c", 12), "%s", flags);
	cr_expect(has_line(s, shown, "source.c", 4), "%s", flags);
	cr_expect_not(has_line(s, shown, "source.c", 15), "%s", flags);
	cr_expect(has_line(s, other, "source.c", 15), "%s", flags);
	cr_assert(symbols_line(s, other->start, &line), "%s", flags);
	cr_expect_str_eq(line.file, in_directory("source.c"), "%s", flags);
	cr_expect(line.line == 14 || line.line == 15, "%s", flags);
}

static void check_inline(struct symbols *s, void *lib, const char *flags)
{
	const struct symbol *shown = symbols_find(s, address_in(lib, "shown"));
	struct source_inline found[8];
	struct source_line line;
	size_t deepest = 0;

	for (uint64_t a = shown->start; a < shown->start + shown->size; a++) {
		size_t n = symbols_inline(s, a, found, 8);

		deepest = n > deepest ? n : deepest;
		if (n < 2 || !symbols_line(s, a, &line) || line.line != 4)
			continue;
		cr_expect_str_eq(found[0].name, "inner", "%s", flags);
		cr_expect_eq(found[0].call.line, 8, "%s", flags);
		cr_expect_str_eq(found[1].name, "outer", "%s", flags);
		cr_expect_eq(found[1].call.line, 12, "%s", flags);
		cr_expect_str_eq(found[1].call.file, in_directory("source.c"), "%s", flags);
		cr_expect_eq(symbols_inline(s, a, found, 1), 1, "%s", flags);
	}
	cr_expect_eq(deepest, 2, "%s", flags);
	cr_expect_eq(symbols_inline(s, address_in(lib, "other"), found, 8), 0, "%s", flags);
}

static void check(const char *name, const char *flags)
{
	void *lib = load(name, text, flags);
	struct symbols *s = own_symbols();

	check_lines(s, lib, flags);
	check_inline(s, lib, flags);
	symbols_destroy(s);
}

Test(source, reads_dwarf_of_all_versions)
{
	check("lib5.so", "-g -gdwarf-5 -O1");
	check("lib4.so", "-g -gdwarf-4 -O1");
	check("lib3.so", "-g -gdwarf-3 -O1 -gno-strict-dwarf");
	check("lib64.so", "-g -gdwarf64 -O1");
}

Test(source, reads_sections_of_their_own_and_compressed_ones)
{
	check("libsections.so", "-g -O1 -ffunction-sections -Wl,--gc-sections");
	check("libz.so", "-g -O1 -gz");
	check("libtypes.so", "-g -O1 -fdebug-types-section");
}

Test(source, reads_what_clang_writes)
{
	if (!has_tool("clang"))
		cr_skip_test("no clang");
	for (const char *const *flags = (const char *const[]){ "-gdwarf-5", "-gdwarf-4", NULL };
	     *flags; flags++) {
		write_file(in_directory("source.c"), text);
		run("clang -g %s -O1 -shared -fPIC -o libclang%s.so source.c", *flags, *flags);
		char name[32];
		snprintf(name, sizeof name, "libclang%s.so", *flags);
		void *lib = dlopen(in_directory(name), RTLD_NOW);
		struct symbols *s = own_symbols();

		check_lines(s, lib, *flags);
		check_inline(s, lib, *flags);
		symbols_destroy(s);
	}
}

static void check_separate(const char *name, const char *flags, const char *commands)
{
	write_file(in_directory("source.c"), text);
	run("gcc -g -O1 -shared -fPIC %s -o %s source.c", flags, name);
	run("objcopy --only-keep-debug %s %s.debug && %s", name, name, commands);
	void *lib = dlopen(in_directory(name), RTLD_NOW);
	struct symbols *s = own_symbols();
	struct symbols_match *found;

	cr_assert_not_null(lib);
	check_lines(s, lib, name);
	check_inline(s, lib, name);
	cr_assert_eq(symbols_lookup_name(s, "frame_dummy", SYMBOL_FUNCTION, &found, NULL) > 0,
		     true, "symbols of the debug file");
	free(found);
	symbols_destroy(s);
}

Test(source, reads_separate_debug_files)
{
	check_separate("liblink.so", "-Wl,--build-id=none",
		"strip -s liblink.so && objcopy --add-gnu-debuglink=liblink.so.debug liblink.so");
	check_separate("libid.so", "-Wl,--build-id=sha1",
		"strip -s libid.so && objcopy --add-gnu-debuglink=libid.so.debug libid.so && "
		"mkdir .debug && mv libid.so.debug .debug");
}

Test(source, refuses_a_debug_file_of_another_build)
{
	write_file(in_directory("source.c"), text);
	run("gcc -g -O1 -shared -fPIC -Wl,--build-id=none -o libx.so source.c && "
	    "objcopy --only-keep-debug libx.so x.debug && strip -s libx.so && "
	    "objcopy --add-gnu-debuglink=x.debug libx.so && "
	    "gcc -g -O0 -shared -fPIC -Wl,--build-id=none -o x.debug source.c");
	void *lib = dlopen(in_directory("libx.so"), RTLD_NOW);
	struct symbols *s = own_symbols();
	struct source_line line;

	cr_assert_not(symbols_line(s, address_in(lib, "shown"), &line));
	symbols_destroy(s);
}

static __attribute__((noipa)) unsigned here(uint64_t *address)
{
	*address = (uint64_t)__builtin_return_address(0);
	return 0;
}

Test(source, gives_the_line_of_a_call_in_this_program)
{
	struct symbols *s = own_symbols();
	struct source_line found;
	uint64_t address;
	unsigned line;

	line = __LINE__; here(&address);
	cr_assert(symbols_line(s, address - 1, &found));
	cr_assert_eq(found.line, line);
	cr_assert(strstr(found.file, "source.c"));
	cr_assert_not(symbols_line(s, 16, &found));
	cr_assert_not(symbols_line(s, (uint64_t)&found, &found));
	symbols_destroy(s);
}

/* Every third address of a C++ program, as addr2line says it. */
Test(source, agrees_with_addr2line)
{
	char command[512], line[1024];
	size_t compared = 0;

	void *lib = load("libmany.so",
		"#include <map>\n#include <string>\n#include <vector>\n#include <algorithm>\n"
		"extern \"C\" int many(int n) { std::map<std::string, int> m; std::vector<int> v;\n"
		"for (int i = 0; i < n; i++) { m[std::to_string(i)] = i; v.push_back(n - i); }\n"
		"std::sort(v.begin(), v.end());\nreturn v[0] + m.size(); }\n", "-x c++ -g -O2");
	struct symbols *s = own_symbols();
	const struct symbol *f = symbols_find(s, address_in(lib, "many"));
	uint64_t bias = f->module->base;
	FILE *out = fopen(in_directory("addresses"), "w");
	for (uint64_t a = f->start; a < f->start + f->size; a += 3)
		fprintf(out, "0x%lx\n", (unsigned long)(a - bias));
	fclose(out);
	snprintf(command, sizeof command, "cd %s && addr2line -e libmany.so < addresses",
		 directory());
	FILE *in = popen(command, "r");
	for (uint64_t a = f->start; a < f->start + f->size; a += 3) {
		struct source_line found = {0};
		char want[1024];

		cr_assert_not_null(fgets(line, sizeof line, in));
		line[strcspn(line, " \n")] = 0;
		symbols_line(s, a, &found);
		char *file = realpath(found.file, NULL);
		snprintf(want, sizeof want, "%s:%u", file ? file : found.file, found.line);
		char *colon = strrchr(line, ':');
		*colon = 0;
		char *real = realpath(line, NULL);
		*colon = ':';
		snprintf(line, sizeof line, "%s:%u", real ? real : "??",
			 (unsigned)strtoul(colon + 1, NULL, 10));
		cr_expect_str_eq(want, line, "at 0x%lx", (unsigned long)(a - bias));
		free(file);
		free(real);
		compared++;
	}
	pclose(in);
	cr_assert_gt(compared, 100);
	symbols_destroy(s);
}
