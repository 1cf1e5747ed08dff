#include "disassemble.h"

#include <capstone/capstone.h>
#include <dlfcn.h>
#include <stdlib.h>

#include "line.h"
#include "message.h"

#define STRING(x) #x
#define SONAME(major) "libcapstone.so." STRING(major)

/* Loaded where text is asked for: its tables are 80,000 addresses for the loader to
 * relocate, which is as long as it takes to start all the rest of us. */
struct capstone {
	__typeof__(cs_open) *open;
	__typeof__(cs_close) *close;
	__typeof__(cs_option) *option;
	__typeof__(cs_malloc) *malloc;
	__typeof__(cs_free) *free;
	__typeof__(cs_disasm_iter) *disasm_iter;
};

struct disassembler {
	struct capstone capstone;
	csh handle;
	cs_insn *insn;
};

static bool find(void *library, const char *name, void *function)
{
	*(void **)function = dlsym(library, name);
	return *(void **)function;
}

static bool load(struct capstone *c)
{
	void *library = dlopen(SONAME(CS_API_MAJOR), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

	if (library && find(library, "cs_open", &c->open) &&
	    find(library, "cs_close", &c->close) && find(library, "cs_option", &c->option) &&
	    find(library, "cs_malloc", &c->malloc) && find(library, "cs_free", &c->free) &&
	    find(library, "cs_disasm_iter", &c->disasm_iter))
		return true;
	message_warning("instructions are shown as bytes: %s (install libcapstone4)", dlerror());
	return false;
}

struct disassembler *disassembler_create(void)
{
	struct disassembler *d = calloc(1, sizeof *d);

	if (!d || !load(&d->capstone) ||
	    d->capstone.open(CS_ARCH_X86, CS_MODE_64, &d->handle) != CS_ERR_OK) {
		free(d);
		return NULL;
	}
	d->capstone.option(d->handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_INTEL);
	d->insn = d->capstone.malloc(d->handle);
	return d;
}

void disassembler_destroy(struct disassembler *d)
{
	if (!d)
		return;
	if (d->insn)
		d->capstone.free(d->insn, 1);
	d->capstone.close(&d->handle);
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

	if (!d || !d->insn || !d->capstone.disasm_iter(d->handle, &code, &left, &pc, d->insn) ||
	    left)
		return put_bytes(at, bytes, len);
	at = put_string(at, d->insn->mnemonic);
	if (d->insn->op_str[0]) {
		*at++ = ' ';
		at = put_string(at, d->insn->op_str);
	}
	return at;
}
