#include "helper.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

TestSuite(refresh, .timeout = 60);

static const char source[] = "int number(void) { return 1; }\nint variable = 5;\n";

Test(refresh, follows_dlopen_and_dlclose)
{
	struct symbols *s = own_symbols();
	struct symbols_change change;
	size_t cursor = 0, modules = 0;

	while (symbols_change_next(s, &cursor, &change)) {
		cr_assert(change.is_added);
		cr_assert_eq(change.module->id, modules);
		modules++;
	}
	cr_assert_eq(modules, symbols_module_count(s));
	write_file(in_directory("source.c"), source);
	run("gcc -shared -fPIC -o libopen.so source.c");
	cr_assert_eq(symbols_refresh(s, NULL) >= 0, true);
	while (symbols_change_next(s, &cursor, &change))
		;

	void *lib = dlopen(in_directory("libopen.so"), RTLD_NOW);
	uint64_t number = address_in(lib, "number");
	cr_assert_null(symbols_find(s, number));
	cr_assert_eq(symbols_refresh(s, NULL), 1);
	cr_assert(symbols_change_next(s, &cursor, &change));
	cr_assert(change.is_added);
	cr_assert_str_eq(change.module->name, "libopen.so");
	cr_assert_not(symbols_change_next(s, &cursor, &change));
	const struct symbol *f = symbols_find(s, number);
	cr_assert_str_eq(f->name, "number");
	cr_assert_eq(symbols_refresh(s, NULL), 0);
	cr_assert_eq(symbols_find(s, number), f);

	dlclose(lib);
	cr_assert_eq(symbols_refresh(s, NULL), 1);
	cr_assert(symbols_change_next(s, &cursor, &change));
	cr_assert_not(change.is_added);
	cr_assert(change.module->is_retired);
	cr_assert_eq(symbols_find(s, number), f, "what was there last, where nothing is");
	cr_assert_str_eq(f->name, "number");
	cr_assert_str_eq(f->module->name, "libopen.so");

	lib = dlopen(in_directory("libopen.so"), RTLD_NOW);
	cr_assert_eq(symbols_refresh(s, NULL), 1);
	const struct symbol *again = symbols_find(s, address_in(lib, "number"));
	cr_assert_eq(again->name, f->name, "names are interned");
	cr_assert_neq(again->module, f->module);
	symbols_destroy(s);
}

Test(refresh, gives_modules_their_base_range_and_text)
{
	void *lib = load("librange.so", source, "");
	struct symbols *s = own_symbols();
	uint64_t number = address_in(lib, "number"), variable = address_in(lib, "variable");
	const struct symbols_module *m = symbols_module_find(s, number);
	Dl_info info;

	cr_assert(dladdr((void *)number, &info));
	cr_assert_eq(m->base, (uint64_t)info.dli_fbase);
	cr_assert_eq(m, symbols_module_find(s, variable));
	cr_assert(m->start <= number && number < m->end);
	cr_assert(m->start <= variable && variable < m->end);
	cr_assert_eq(m->text_count, 1);
	cr_assert(m->text[0].start <= number && number < m->text[0].end);
	cr_assert_str_eq(m->path, in_directory("librange.so"));
	for (size_t i = 1; i < symbols_module_count(s); i++)
		cr_assert_gt(symbols_module_at(s, i)->start, symbols_module_at(s, i - 1)->start);
	cr_assert_null(symbols_module_at(s, symbols_module_count(s)));
	symbols_destroy(s);
}

Test(refresh, finds_bss_in_its_module)
{
	void *lib = load("libbss.so", "char big[100000];\n", "");
	struct symbols *s = own_symbols();
	uint64_t big = address_in(lib, "big");
	const struct symbol *object = symbols_find_object(s, big + 99999);

	cr_assert_not_null(object);
	cr_assert_str_eq(object->name, "big");
	cr_assert_eq(object->size, 100000);
	cr_assert_null(symbols_find_object(s, big + 100000));
	symbols_destroy(s);
}

Test(refresh, reads_deleted_and_replaced_files)
{
	void *lib = load("libgone.so", source, "");
	uint64_t number = address_in(lib, "number");
	const struct symbol *f;

	cr_assert_eq(unlink(in_directory("libgone.so")), 0);
	struct symbols *s = own_symbols();
	f = symbols_find(s, number);
	/* by /proc/PID/map_files, which not everybody may use */
	if (geteuid() == 0)
		cr_assert_str_eq(f->name, "number");
	cr_assert_str_eq(symbols_module_find(s, number)->name, "libgone.so");
	symbols_destroy(s);

	write_file(in_directory("other.c"), "int a; int other(void) { return 7; }\n"
					    "int more(void) { return 8; }\n");
	run("gcc -shared -fPIC -o libgone.so other.c");
	s = own_symbols();
	f = symbols_find(s, number);
	cr_assert(!f || strcmp(f->name, "number") == 0, "%s", f ? f->name : "");
	symbols_destroy(s);
}

Test(refresh, does_not_take_mapped_data_for_modules)
{
	write_file(in_directory("source.c"), source);
	run("gcc -shared -fPIC -o libdata.so source.c");
	FILE *f = fopen(in_directory("libdata.so"), "r");
	void *map = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fileno(f), 0);
	struct symbols *s = own_symbols();

	cr_assert_neq(map, MAP_FAILED);
	cr_assert_null(symbols_module_find(s, (uint64_t)map));
	cr_assert_null(module_named(s, "libdata.so"));
	fclose(f);
	symbols_destroy(s);
}

Test(refresh, makes_a_module_without_symbols_of_other_code)
{
	char path[64];
	int fd = memfd_create("code", 0);
	char buf[64];

	cr_assert_eq(ftruncate(fd, 8192), 0);
	void *map = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	struct symbols *s = own_symbols();

	cr_assert_null(symbols_find(s, (uint64_t)map + 16));
	symbols_format(s, (uint64_t)map + 16, buf, sizeof buf);
	cr_assert_str_eq(buf, "memfd:code+0x10");
	cr_assert_eq(symbols_ignore_range(s, (uint64_t)map, (uint64_t)map + 8192), 0);
	cr_assert_eq(symbols_refresh(s, NULL), 1);
	cr_assert_null(symbols_module_find(s, (uint64_t)map));
	snprintf(path, sizeof path, "0x%lx", (unsigned long)map);
	symbols_format(s, (uint64_t)map, buf, sizeof buf);
	cr_assert_str_eq(buf, path);
	symbols_destroy(s);
}

Test(refresh, says_when_there_is_no_process)
{
	pid_t pid = fork();
	struct symbols_memory memory = { read_process, &pid };
	struct err err = {0};

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	struct symbols *s = symbols_create(pid, &memory);
	cr_assert_eq(symbols_refresh(s, &err), -ESRCH);
	cr_assert_neq(err.text[0], 0);
	cr_assert_eq(symbols_module_count(s), 0);
	cr_assert_null(symbols_find(s, 0x1000));
	symbols_destroy(s);
	symbols_destroy(NULL);
}

Test(refresh, knows_a_program_that_is_not_position_independent)
{
	int status;
	char buf[64];

	write_file(in_directory("source.c"),
		   "#include <unistd.h>\nint data = 3;\n"
		   "int main(void) { pause(); return 0; }\n");
	run("gcc -no-pie -o fixed source.c");
	pid_t pid = fork();
	if (pid == 0) {
		execl(in_directory("fixed"), "fixed", NULL);
		_exit(127);
	}
	usleep(100000);
	struct symbols *s = symbols_of(&pid);
	struct symbols_match *found;
	cr_assert_eq(symbols_lookup_name(s, "fixed!main", SYMBOL_FUNCTION, &found, NULL), 1);
	cr_assert_lt(found[0].address, 0x500000);
	cr_assert_eq(found[0].symbol->module->base, 0);
	cr_assert(found[0].symbol->module->is_main);
	symbols_format(s, found[0].address + 1, buf, sizeof buf);
	cr_assert_str_eq(buf, "fixed!main+0x1");
	free(found);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	symbols_destroy(s);
}
