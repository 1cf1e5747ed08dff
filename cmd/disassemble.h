/* disassemble.h - the text of one instruction, in Intel's syntax, by capstone. */
#ifndef TRACER_DISASSEMBLE_H
#define TRACER_DISASSEMBLE_H

#include <stddef.h>
#include <stdint.h>

#define DISASSEMBLE_BYTES 256

struct disassembler;

struct disassembler *disassembler_create(void);         /* NULL: there is none */
void disassembler_destroy(struct disassembler *d);

/* Writes "mov eax, 1" at `at`, which has DISASSEMBLE_BYTES; "(bytes 62 f1 ...)" for
 * what capstone takes for something else than `len` bytes.  Returns the end. */
char *disassemble(struct disassembler *d, char *at, const uint8_t *bytes, size_t len, uint64_t pc);

#endif
