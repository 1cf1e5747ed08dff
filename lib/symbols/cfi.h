/* cfi.h - unwind rules of one ELF file: .eh_frame and .debug_frame.
 *
 * All FDEs are indexed once, in one pass; rules are computed for one pc at a
 * time.  This is a parser of its own because libdwarf's reads every FDE of a
 * file into objects (seconds for a big program), while call stacks are wanted
 * by the thousand.  Addresses are the file's.
 */
#ifndef TRACER_SYMBOLS_CFI_H
#define TRACER_SYMBOLS_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf-file.h"

#define CFI_REGISTERS 17                /* DWARF numbers 0-15, and 16: the return address */

enum cfi_kind {
	CFI_UNSPECIFIED,        /* by the ABI: kept, if callee-saved */
	CFI_UNDEFINED,          /* lost; for the return address: no caller */
	CFI_SAME,
	CFI_OFFSET,             /* stored at CFA + offset */
	CFI_VAL_OFFSET,         /* is CFA + offset */
	CFI_REGISTER,           /* is in register `offset` */
	CFI_EXPRESSION,         /* stored where `expression` computes */
	CFI_VAL_EXPRESSION,     /* is what `expression` computes */
};

struct cfi_rule {
	uint32_t kind;
	uint32_t size;                  /* of the expression */
	union {
		int64_t offset;
		const uint8_t *expression;      /* in the file's data */
	};
};

/* The rules for a range of pcs. */
struct cfi_row {
	struct cfi_rule registers[CFI_REGISTERS];
	struct cfi_rule cfa;            /* CFI_VAL_EXPRESSION, or cfa_register + offset
	                                 * (CFI_VAL_OFFSET) */
	uint32_t cfa_register;
	bool is_signal;                 /* a signal trampoline's */
};

struct cfi_fde {
	uint64_t start, size;
	uint32_t offset;                /* of the record in its section */
	uint8_t section;                /* in cfi.sections */
};

struct cfi_section {
	struct bytes data;
	uint64_t address;
	bool is_eh;
};

struct cfi {
	struct cfi_section sections[2];
	unsigned section_count;
	struct cfi_fde *fdes;           /* by start */
	size_t count, room;
};

/* The files must outlive it.  NULL: no rules, or out of memory. */
struct cfi *cfi_create(const struct elf_file *file, const struct elf_file *debug);
void cfi_destroy(struct cfi *cfi);              /* NULL allowed */

/* The FDE that covers `address`, or NULL. */
const struct cfi_fde *cfi_find(const struct cfi *cfi, uint64_t address);

/* The rules at `address`, which lies in `fde`.  Returns 0, or -EINVAL: damaged. */
int cfi_row(const struct cfi *cfi, const struct cfi_fde *fde, uint64_t address,
	    struct cfi_row *out);

/* Whether the rules at the FDE's start are those of a function just called (CFA is
 * rsp + 8): not so for a part split off that is jumped to. */
bool cfi_is_function_start(const struct cfi *cfi, const struct cfi_fde *fde);

/* ---- between cfi-index.c and cfi-row.c ---------------------------------- */

struct cfi_cie {
	uint32_t offset;                /* of the record */
	uint64_t code_align;
	int64_t data_align;
	uint64_t return_register;
	uint8_t fde_encoding;
	bool has_augmentation, is_signal;
	const uint8_t *instructions, *end;
};

struct cfi_record {
	uint64_t next;                  /* offset of the record behind it */
	uint64_t cie;                   /* offset of its CIE, when an FDE */
	bool is_cie;
	const uint8_t *body, *end;      /* behind the CIE pointer or id */
};

/* Reads the head of the record at `offset`.  False: the end, or damaged. */
bool cfi_read_record(const struct cfi_section *section, uint64_t offset,
		     struct cfi_record *out);
bool cfi_read_cie(const struct cfi_section *section, uint64_t offset, struct cfi_cie *out);

struct reader;
/* A DW_EH_PE_ encoded pointer. */
uint64_t cfi_read_pointer(const struct cfi_section *section, struct reader *r,
			  uint8_t encoding);

#endif
