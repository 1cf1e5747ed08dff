#include "disassemble.h"

#include <capstone/capstone.h>
#include <stdlib.h>

#include "line.h"

struct disassembler {
	csh handle;
	cs_insn *insn;
};

struct disassembler *disassembler_create(void)
{
	struct disassembler *d = calloc(1, sizeof *d);

	if (!d || cs_open(CS_ARCH_X86, CS_MODE_64, &d->handle) != CS_ERR_OK) {
		free(d);
		return NULL;
	}
	cs_option(d->handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_INTEL);
	d->insn = cs_malloc(d->handle);
	return d;
}

void disassembler_destroy(struct disassembler *d)
{
	if (!d)
		return;
	if (d->insn)
		cs_free(d->insn, 1);
	cs_close(&d->handle);
	free(d);
}

static char *put_bytes(char *at, const uint8_t *bytes, size_t len)
{
	at = put_literal(at, "(bytes");
	for (size_t i = 0; i < len; i++) {
		*at++ = ' ';
		*at++ = "0123456789abcdef"[bytes[i] >> 4];
		*at++ = "0123456789abcdef"[bytes[i] & 15];
	}
	*at++ = ')';
	return at;
}

char *disassemble(struct disassembler *d, char *at, const uint8_t *bytes, size_t len, uint64_t pc)
{
	const uint8_t *code = bytes;
	size_t left = len;

	if (!d || !d->insn || !cs_disasm_iter(d->handle, &code, &left, &pc, d->insn) || left)
		return put_bytes(at, bytes, len);
	at = put_string(at, d->insn->mnemonic);
	if (d->insn->op_str[0]) {
		*at++ = ' ';
		at = put_string(at, d->insn->op_str);
	}
	return at;
}
