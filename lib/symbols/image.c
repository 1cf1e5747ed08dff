#include "image.h"

#include <stdlib.h>
#include <string.h>

#include "cfi.h"
#include "debug-info.h"

struct image *image_create(struct elf_file *file, const char *root, const char *path)
{
	struct image *image = calloc(1, sizeof *image);

	if (image) {
		image->root = strdup(root);
		image->path = strdup(path);
	}
	if (!image || !image->root || !image->path) {
		elf_file_close(file);
		image_destroy(image);
		return NULL;
	}
	image->file = file;
	image->is_go = elf_file_section(file, ".go.buildinfo") ||
		       elf_file_section(file, ".gopclntab");
	return image;
}

void image_destroy(struct image *image)
{
	if (!image)
		return;
	image_table_deinit(&image->table);
	image_stubs_deinit(&image->stubs);
	cfi_destroy(image->cfi);
	debug_info_destroy(image->info);
	elf_file_close(image->debug);
	elf_file_close(image->file);
	free(image->root);
	free(image->path);
	free(image);
}

struct elf_file *image_debug_file(struct image *image)
{
	if (!image->has_debug) {
		image->has_debug = true;
		image->debug = debug_file_find(image->file, image->root, image->path);
	}
	return image->debug;
}

static void load_table(struct image *image)
{
	if (image->has_table)
		return;
	image->has_table = true;
	image_table_load(&image->table, image->file, image_debug_file(image));
	image_stubs_load(&image->stubs, image->file, &image->table);
}

const struct image_table *image_table(struct image *image)
{
	load_table(image);
	return &image->table;
}

const struct image_stubs *image_stubs(struct image *image)
{
	load_table(image);
	return &image->stubs;
}

struct cfi *image_cfi(struct image *image)
{
	if (!image->has_cfi) {
		image->has_cfi = true;
		image->cfi = cfi_create(image->file, image_debug_file(image));
	}
	return image->cfi;
}

struct debug_info *image_debug_info(struct image *image)
{
	if (!image->has_info) {
		image->has_info = true;
		image->info = debug_info_create(image->file, image_debug_file(image));
	}
	return image->info;
}
