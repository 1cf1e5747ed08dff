/* symbols-internal.h - struct symbols from inside, for the files of this library alone. */
#ifndef TRACER_SYMBOLS_INTERNAL_H
#define TRACER_SYMBOLS_INTERNAL_H

#include "image.h"
#include "maps.h"
#include "pool.h"
#include "source.h"
#include "symbols.h"

struct module {
	struct symbols_module public;   /* first: a public pointer is one to this */
	struct image *image;            /* by module_image() */
	bool has_image;                 /* tried */
	bool is_seen;                   /* by the refresh under way */
	bool is_known;                  /* in symbols.ever */
	bool is_elf;
	uint64_t span_end;              /* where the program headers end; 0: unknown */

	/* which mapping it is: equal means unchanged */
	uint64_t inode, offset;
	uint32_t dev_major, dev_minor;

	uint64_t first_end;             /* end of the first mapping now */

	/* implementations of the file's indirect functions, by address: from the
	 * slots that the loader has filled */
	struct module_indirect {
		uint64_t address;
		const char *name;
	} *indirects;
	size_t indirect_count;
	unsigned indirect_generation;   /* of symbols, when they were read; 0: never */

	/* what was handed out, by index in the image's arrays; from malloc */
	struct symbol **functions, **objects, **stubs, **fdes;
};

/* A mapping, for finding modules: module NULL for code outside modules. */
struct mapping {
	uint64_t start, end;
	struct module *module;
	bool is_code;
	uint64_t inode;                 /* 0: no file */
};

#define SYMBOLS_RETIRED_MAX 32

struct symbols {
	pid_t pid;
	struct symbols_memory memory;
	bool no_demangle;
	struct symbols_given given;     /* symbols_create_given(); else NULLs */
	unsigned generation;            /* counts refreshes that changed something */

	struct pool pool;
	struct module **modules;        /* mapped now, by start */
	size_t module_count;
	struct module **ever;           /* all, by id */
	size_t ever_count;
	struct symbols_change *changes;
	size_t change_count;
	struct symbols_range *ignored;
	size_t ignored_count;
	char *maps_text;                /* of the last refresh */
	size_t maps_size;
	struct mapping *mappings;       /* by start */
	size_t mapping_count;
	size_t parts;                   /* refreshed since all of the map was read */
	bool cannot_ask;                /* the kernel for a part of it */

	/* unloaded ones, the last of them, for addresses that were noted before; a ring */
	struct mapping retired[SYMBOLS_RETIRED_MAX];
	size_t retired_count;           /* ever */
};

/* The number of the first mapping that ends behind `address`; mapping_count: none does. */
size_t symbols_mapping_behind(const struct symbols *s, uint64_t address);

/* The mapping at `address`; where nothing is mapped, that of the module that was
 * there last; or NULL. */
const struct mapping *symbols_mapping(const struct symbols *s, uint64_t address);

/* Does [start, end) overlap what symbols_ignore_range() was told of? */
bool symbols_is_ignored(const struct symbols *s, uint64_t start, uint64_t end);

/* The file of a module, opened at the first call; NULL: none.  module-file.c */
struct image *module_image(struct symbols *s, struct module *module);
void module_close(struct module *module);

/* All of `len` bytes or false. */
bool symbols_read_memory(const struct symbols *s, uint64_t address, void *buf, size_t len);

/* The public symbol for an entry of an image, made at the first call. */
const struct symbol *module_function(struct symbols *s, struct module *m, size_t index);
const struct symbol *module_object(struct symbols *s, struct module *m, size_t index);
const struct symbol *module_stub(struct symbols *s, struct module *m, size_t index);

/* The name of the indirect function (memcpy) that the code at `address` implements
 * (and that has no name of its own in a stripped file), or NULL.  indirect.c */
const char *module_indirect_name(struct symbols *s, struct module *m, uint64_t address);

/* The length of a name without the version that a linker may append:
 * "memcpy@@GLIBC_2.14" */
size_t symbol_name_length(const char *name);

#endif
