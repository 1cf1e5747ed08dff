/* symbols.h - what is at an address of a process: module, function, line.
 *
 * One `struct symbols` belongs to one address space.  It knows which ELF files
 * are mapped (symbols_refresh), reads a file the first time something in it is
 * asked for, and answers from sorted arrays after that.
 *
 *     struct symbols *s = symbols_create(pid, &memory);
 *     if (!s || symbols_refresh(s, &err) < 0)
 *         ...
 *     const struct symbol *f = symbols_find(s, pc);
 *     if (f)
 *         use(f->module->name, f->name, pc - f->start);
 *     symbols_destroy(s);
 *
 * Ownership and lifetime: every struct symbol, struct symbols_module and string
 * handed out belongs to `s` and stays valid, at the same place, until
 * symbols_destroy(), also when the module is unmapped in the meantime.  Nothing
 * in them changes but a module's is_retired, end and text, at a refresh.  One
 * function of one module is one struct symbol, so pointers may be compared; a
 * module that comes back is a new one.  The same text is the same `name` pointer.
 *
 * Only symbols_refresh and symbols_refresh_range look at the process's map.  After
 * dlopen, dlclose, exec or mmap the answers are those of the last refresh.  Where
 * nothing is mapped any more, they are about the module that was there last.
 *
 * A file that is missing, unreadable or damaged is no error: its module has no
 * symbols, and addresses in it are written as module+0xOFFSET.
 *
 * Nothing here stops, seizes or writes to the process.  Not thread-safe: calls
 * for one `s` come one at a time.
 *
 * See also: source.h (file and line), unwind.h (call stacks).
 */
#ifndef TRACER_SYMBOLS_H
#define TRACER_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

struct symbols;

/* How to read the process's memory.  `read` copies up to `len` bytes from
 * `address` to `buf` and returns how many were copied (fewer at the end of a
 * mapping), or a negative errno when not even the first can be read. */
struct symbols_memory {
	ssize_t (*read)(void *context, uint64_t address, void *buf, size_t len);
	void *context;
};

struct symbols_range {
	uint64_t start, end;            /* [start, end) in the process */
};

/* One ELF file mapped at one place, or the vdso. */
struct symbols_module {
	const char *name;               /* "libc.so.6", "prog", "[vdso]" */
	const char *path;               /* as the process sees it, without " (deleted)" */
	uint64_t base;                  /* load bias: address = base + ELF virtual address */
	uint64_t start, end;            /* from its first mapping to the end of its last */
	const struct symbols_range *text;       /* executable mappings, ascending */
	size_t text_count;
	unsigned id;                    /* counts from 0 in the order of appearance */
	bool is_retired;                /* no longer mapped */
	bool is_vdso;
	bool is_main;                   /* the program itself: /proc/PID/exe */
};

enum symbol_kind {
	SYMBOL_FUNCTION = 1,
	SYMBOL_OBJECT = 2,              /* data; thread-local variables are left out */
};

struct symbol {
	const char *name;       /* demangled, without parameter list; the mangled
	                         * name with symbols_set_demangle(s, false); "" for
	                         * a function that is known from unwind data alone */
	const char *mangled;    /* as it stands in the file; the same pointer as
	                         * `name` when it is not mangled */
	uint64_t start;         /* address in the process */
	uint64_t size;          /* bytes; an unsized symbol extends to the next one,
	                         * but 0 when even that is unknown */
	const struct symbols_module *module;
	enum symbol_kind kind;
	bool is_plt;            /* a stub: `name` is the function it leads to */
	bool is_ifunc;          /* an indirect function: its resolver, or the code in
	                         * use when the file has no other name for that */
	bool is_local;          /* static */
};

/* A table for the address space of `pid`, without modules until the first
 * symbols_refresh().  `*memory` is copied; its context must outlive the table.
 * NULL: out of memory. */
struct symbols *symbols_create(pid_t pid, const struct symbols_memory *memory);
void symbols_destroy(struct symbols *s);        /* NULL allowed */

/* From now on the map is read through /proc/PID of another task of the same
 * address space: the former one has ended. */
void symbols_set_pid(struct symbols *s, pid_t pid);

/* Whether symbol.name is demangled (it is by default).  Call it before the
 * first lookup: symbols that were handed out keep their names. */
void symbols_set_demangle(struct symbols *s, bool on);

/* Mappings that overlap [start, end) are not looked at from the next refresh on:
 * the tracer's own.  -ENOMEM. */
int symbols_ignore_range(struct symbols *s, uint64_t start, uint64_t end) must_check;

/* Reads /proc/PID/maps again: keeps modules that are where they were, adds new
 * ones, retires those that are gone.  Opens no file; costs about what reading
 * the map costs, so it may be called at every mmap.  Returns 1 when a module
 * came or went, 0 when none did.  -ESRCH: no such process, or it has ended (the modules
 * stay as they are); -EACCES; -ENOMEM. */
int symbols_refresh(struct symbols *s, struct err *err) must_check;

/* The same where all that has changed since the last refresh lies in [start, end): looks at
 * that part of the map and what belongs to it, so that the work does not grow with the map.
 * -ENOTTY (the kernel, before 6.11, cannot be asked for a part), -E2BIG (it is a large part, or
 * all of the map is to be looked at now and then, in case that something was not told) and
 * other errors: symbols_refresh() is to be called. */
int symbols_refresh_range(struct symbols *s, uint64_t start, uint64_t end) must_check;

/* Is what is known of `address` still so, if its entry of the map is now this one?  Then a
 * refresh would tell nothing new of it. */
struct map;
bool symbols_is_current(const struct symbols *s, uint64_t address, const struct map *map);

/* Was there code in [start, end), at the last refresh? */
bool symbols_has_code(const struct symbols *s, uint64_t start, uint64_t end);

/* ---- modules ------------------------------------------------------------ */

/* The module of which a mapping holds `address`, or NULL. */
const struct symbols_module *symbols_module_find(struct symbols *s, uint64_t address);

/* The modules mapped now, ascending by start: index 0 to count - 1. */
size_t symbols_module_count(const struct symbols *s);
const struct symbols_module *symbols_module_at(const struct symbols *s, size_t index);

/* What refreshes have changed, in order.  Start with *cursor 0 to hear of
 * every module from the beginning; false: nothing new.
 *
 *     while (symbols_change_next(s, &cursor, &change))
 *         module_event(change.module, change.is_added);
 */
struct symbols_change {
	const struct symbols_module *module;
	bool is_added;                  /* else: retired */
};
bool symbols_change_next(const struct symbols *s, size_t *cursor,
			 struct symbols_change *out);

/* ---- address to name ---------------------------------------------------- */

/* The function that holds `address`, or NULL when it lies in no module, or in a
 * module that knows no function there.  Of several names for one address the
 * choice is: a function's before a label's, exported before static, sized before
 * unsized, then fewer leading underscores (`puts`, not `_IO_puts`), a name of
 * .dynsym, global before weak, the shorter, the alphabetically first. */
const struct symbol *symbols_find(struct symbols *s, uint64_t address);

/* The data object that holds `address`, or NULL. */
const struct symbol *symbols_find_object(struct symbols *s, uint64_t address);

/* True when a function (or a PLT stub) starts at exactly `address`, by symbol or
 * by unwind data: a jump to it is a tail call. */
bool symbols_function_start(struct symbols *s, uint64_t address);

/* Writes "module!func+0x1c", "module!func" at its start, "module+0x1139" (offset
 * from the load bias) without a name, "0x7f..." outside modules.  Always
 * terminated; returns the length that the whole text has, as snprintf does. */
size_t symbols_format(struct symbols *s, uint64_t address, char *buf, size_t len);

/* The demangled name with its parameter list ("ns::f(int, char const*)"), or
 * `name` where there is none.  Interned. */
const char *symbols_signature(struct symbols *s, const struct symbol *symbol);

/* ---- name to address ---------------------------------------------------- */

struct symbols_match {
	uint64_t address;               /* offset included */
	uint64_t size;                  /* bytes from `address` to the symbol's end */
	const struct symbol *symbol;
};

/* Every symbol that `spec` names:
 *
 *     name   module!name   file.c:name   module!file.c:name   any of them +OFFSET
 *
 * `name` is the whole name: mangled, or demangled with or without parameter
 * list.  `module` is a module's name, its path, or its name up to ".so".
 * `file.c` is the source file of a static symbol (its last component).  OFFSET
 * is decimal or 0x....  `kinds`: enum symbol_kind, or-ed.  PLT stubs and
 * retired modules are left out; aliases at one address count once.
 *
 * Returns how many there are, ascending by address, in *out (to be freed with
 * free(); NULL when none).  -ENOENT: nothing has this name; -EINVAL: not
 * such a text; -ENOMEM. */
ssize_t symbols_lookup_name(struct symbols *s, const char *spec, unsigned kinds,
			    struct symbols_match **out, struct err *err) must_check;

/* Calls `visit` for each function (and object, as `kinds` says) of a mapped
 * module, until it returns false: PLT stubs, then functions, then objects, each
 * ascending; aliases and functions without a name are left out. */
void symbols_each(struct symbols *s, const struct symbols_module *module, unsigned kinds,
		  bool (*visit)(void *context, const struct symbol *symbol), void *context);

#endif
