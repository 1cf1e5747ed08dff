/* image.h - what one ELF file says, in its own addresses.
 *
 * An image belongs to a file and knows nothing of where it is mapped: every
 * address here is an ELF virtual address (process address - load bias).  Parts
 * are read when first asked for; a part that is damaged is empty.
 */
#ifndef TRACER_SYMBOLS_IMAGE_H
#define TRACER_SYMBOLS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf-file.h"

enum image_symbol_flags {
	IMAGE_FUNCTION = 1,
	IMAGE_OBJECT = 2,
	IMAGE_IFUNC = 4,
	IMAGE_LOCAL = 8,
	IMAGE_WEAK = 16,
	IMAGE_LABEL = 32,               /* STT_NOTYPE in code */
	IMAGE_DYNAMIC = 64,             /* from .dynsym */
};

#define IMAGE_NO_FILE UINT32_MAX

/* One line of a symbol table. */
struct image_symbol {
	uint64_t address, size;
	const char *name;               /* in the file's string table */
	uint32_t file;                  /* in table.files, or IMAGE_NO_FILE */
	uint32_t flags;
};

/* One address range with the best symbol for it. */
struct image_extent {
	uint64_t start, end;            /* end > start, or equal: size unknown */
	uint64_t reach;                 /* the largest end up to here: how far back
	                                 * an extent around an address may begin */
	uint32_t symbol;                /* in table.symbols */
};

struct image_extents {
	struct image_extent *items;     /* by start, one for each start */
	size_t count;
};

struct image_table {
	struct image_symbol *symbols;   /* all, aliases too; by address, best first */
	size_t count, room;
	const char **files;             /* STT_FILE names */
	size_t file_count, file_room;
	struct image_extents functions, objects;
};

struct image_stub {
	uint64_t start, size;
	const char *name;               /* "" for the common entry PLT[0] */
};

/* A GOT slot that the loader fills with what a resolver of this file returns. */
struct image_indirect {
	uint64_t slot;
	const char *name;               /* of the resolver */
};

struct image_stubs {
	struct image_stub *items;       /* by start */
	size_t count, room;
	struct image_indirect *indirects;
	size_t indirect_count, indirect_room;
};

struct cfi;
struct debug_info;

struct image {
	struct elf_file *file;
	struct elf_file *debug;         /* by image_debug_file() */
	char *root, *path;              /* where debug files are looked for */
	struct image_table table;
	struct image_stubs stubs;
	struct cfi *cfi;                /* by image_cfi() */
	struct debug_info *info;         /* by image_debug_info() */
	bool is_go;                     /* made by Go's own linker */
	bool has_debug, has_table, has_cfi, has_info;  /* tried */
};

/* Takes `file`, also on failure.  `path` is the file's path below `root`
 * ("/proc/PID/root").  NULL: out of memory. */
struct image *image_create(struct elf_file *file, const char *root, const char *path);
void image_destroy(struct image *image);        /* NULL allowed */

/* The separate debug file, or NULL: looked for once.  debug-file.c */
struct elf_file *image_debug_file(struct image *image);
struct elf_file *debug_file_find(const struct elf_file *file, const char *root,
				 const char *path);

/* The symbol tables and PLT stubs, loaded. */
const struct image_table *image_table(struct image *image);
const struct image_stubs *image_stubs(struct image *image);

struct cfi *image_cfi(struct image *image);             /* NULL: none */
struct debug_info *image_debug_info(struct image *image);         /* NULL: none */

/* Loads .symtab (the file's, else the debug file's) and .dynsym.  table.c */
void image_table_load(struct image_table *table, const struct elf_file *file,
		      const struct elf_file *debug);
void image_table_deinit(struct image_table *table);

/* Adds one; false: out of memory. */
bool image_table_push(struct image_table *table, const struct image_symbol *symbol);
/* Adds what the runtime of a stripped Go program knows.  gopclntab.c */
void image_table_load_go(struct image_table *table, const struct elf_file *file);

/* Sorts by address, the best name of each address first; builds the extents of the
 * symbols of one kind.  table-order.c */
void image_table_sort(struct image_table *table);
void image_extents_build(struct image_extents *extents, const struct image_table *table,
			 uint32_t kind, const struct elf_file *file);

/* The innermost extent that holds `address`, or NULL. */
const struct image_extent *image_extent_find(const struct image_extents *extents,
					     uint64_t address);

/* Finds the PLT stubs and names them; finds indirect functions.  plt.c */
void image_stubs_load(struct image_stubs *stubs, const struct elf_file *file,
		      const struct image_table *table);
void image_stubs_deinit(struct image_stubs *stubs);
const struct image_stub *image_stub_find(const struct image_stubs *stubs, uint64_t address);

#endif
