/* Call frame instructions, run up to one pc. */
#include <libdwarf/dwarf.h>
#include <errno.h>
#include <string.h>

#include "cfi.h"
#include "reader.h"

#define REMEMBER_MAX 8                  /* compilers nest one deep */
#define REGISTER_RSP 7

struct machine {
	const struct cfi_section *section;
	const struct cfi_cie *cie;
	uint64_t location, address;     /* where we are, where we want to be */
	struct cfi_row row, initial;
	struct cfi_row remembered[REMEMBER_MAX];
	unsigned depth;
	struct cfi_rule other;          /* of a register that we do not keep */
	bool failed;
};

static struct cfi_rule *rule_of(struct machine *m, uint64_t reg)
{
	if (reg == m->cie->return_register)
		reg = CFI_REGISTERS - 1;
	return reg < CFI_REGISTERS ? &m->row.registers[reg] : &m->other;
}

static void set_rule(struct machine *m, uint64_t reg, enum cfi_kind kind, int64_t offset)
{
	*rule_of(m, reg) = (struct cfi_rule){ .kind = kind, .offset = offset };
}

/* Factored offsets: foreign numbers, so that overflow must be harmless. */
static int64_t scaled(const struct machine *m, uint64_t factor)
{
	return factor * (uint64_t)m->cie->data_align;
}

static struct cfi_rule read_expression(struct reader *r, enum cfi_kind kind)
{
	uint64_t size = reader_uleb(r);
	struct cfi_rule rule = { .kind = kind, .expression = r->at };

	if (size > reader_left(r))
		r->failed = true;
	else
		rule.size = size;
	reader_skip(r, rule.size);
	return rule;
}

static void restore(struct machine *m, uint64_t reg)
{
	struct cfi_rule *rule = rule_of(m, reg);

	if (rule >= m->row.registers && rule < m->row.registers + CFI_REGISTERS)
		*rule = m->initial.registers[rule - m->row.registers];
}

static void define_cfa(struct machine *m, uint64_t reg, int64_t offset)
{
	m->row.cfa = (struct cfi_rule){ .kind = CFI_VAL_OFFSET, .offset = offset };
	m->row.cfa_register = reg;
	if (reg >= CFI_REGISTERS)
		m->failed = true;
}

static void run_remember(struct machine *m, bool is_remember)
{
	if (is_remember ? m->depth == REMEMBER_MAX : m->depth == 0)
		m->failed = true;
	else if (is_remember)
		m->remembered[m->depth++] = m->row;
	else
		m->row = m->remembered[--m->depth];
}

/* The instructions that define the CFA; false: not one of them. */
static bool run_cfa(struct machine *m, struct reader *r, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case DW_CFA_def_cfa:
		reg = reader_uleb(r);
		define_cfa(m, reg, reader_uleb(r));
		return true;
	case DW_CFA_def_cfa_sf:
		reg = reader_uleb(r);
		define_cfa(m, reg, scaled(m, reader_sleb(r)));
		return true;
	case DW_CFA_def_cfa_register:
		define_cfa(m, reader_uleb(r), m->row.cfa.offset);
		return true;
	case DW_CFA_def_cfa_offset:
		define_cfa(m, m->row.cfa_register, reader_uleb(r));
		return true;
	case DW_CFA_def_cfa_offset_sf:
		define_cfa(m, m->row.cfa_register, scaled(m, reader_sleb(r)));
		return true;
	case DW_CFA_def_cfa_expression:
		m->row.cfa = read_expression(r, CFI_VAL_EXPRESSION);
		return true;
	}
	return false;
}

/* The instructions that define a register's rule; false: not one of them. */
static bool run_register(struct machine *m, struct reader *r, uint8_t op)
{
	static const uint8_t first = DW_CFA_offset_extended, last = DW_CFA_val_expression;
	uint64_t reg;

	if (op != DW_CFA_GNU_negative_offset_extended && (op < first || op > last))
		return false;
	reg = reader_uleb(r);
	switch (op) {
	case DW_CFA_offset_extended:
		set_rule(m, reg, CFI_OFFSET, scaled(m, reader_uleb(r)));
		return true;
	case DW_CFA_offset_extended_sf:
		set_rule(m, reg, CFI_OFFSET, scaled(m, reader_sleb(r)));
		return true;
	case DW_CFA_GNU_negative_offset_extended:
		set_rule(m, reg, CFI_OFFSET, scaled(m, -reader_uleb(r)));
		return true;
	case DW_CFA_val_offset:
		set_rule(m, reg, CFI_VAL_OFFSET, scaled(m, reader_uleb(r)));
		return true;
	case DW_CFA_val_offset_sf:
		set_rule(m, reg, CFI_VAL_OFFSET, scaled(m, reader_sleb(r)));
		return true;
	case DW_CFA_restore_extended:
		restore(m, reg);
		return true;
	case DW_CFA_undefined:
		set_rule(m, reg, CFI_UNDEFINED, 0);
		return true;
	case DW_CFA_same_value:
		set_rule(m, reg, CFI_SAME, 0);
		return true;
	case DW_CFA_register:
		set_rule(m, reg, CFI_REGISTER, reader_uleb(r));
		return true;
	case DW_CFA_expression:
		*rule_of(m, reg) = read_expression(r, CFI_EXPRESSION);
		return true;
	case DW_CFA_val_expression:
		*rule_of(m, reg) = read_expression(r, CFI_VAL_EXPRESSION);
		return true;
	}
	m->failed = true;
	return true;
}

static void run_other(struct machine *m, struct reader *r, uint8_t op)
{
	switch (op) {
	case DW_CFA_nop:
		break;
	case DW_CFA_set_loc:
		m->location = cfi_read_pointer(m->section, r, m->cie->fde_encoding);
		break;
	case DW_CFA_advance_loc1:
		m->location += reader_fixed(r, 1) * m->cie->code_align;
		break;
	case DW_CFA_advance_loc2:
		m->location += reader_fixed(r, 2) * m->cie->code_align;
		break;
	case DW_CFA_advance_loc4:
		m->location += reader_fixed(r, 4) * m->cie->code_align;
		break;
	case DW_CFA_remember_state:
	case DW_CFA_restore_state:
		run_remember(m, op == DW_CFA_remember_state);
		break;
	case DW_CFA_GNU_args_size:
		reader_uleb(r);
		break;
	default:
		m->failed = true;
	}
}

/* Runs instructions until they speak of code behind m->address. */
static void run(struct machine *m, const uint8_t *at, const uint8_t *end)
{
	struct reader r = { at, end, false };

	while (reader_left(&r) && !r.failed && !m->failed) {
		uint8_t op = reader_fixed(&r, 1), low = op & 0x3f;

		switch (op & 0xc0) {
		case DW_CFA_advance_loc:
			m->location += low * m->cie->code_align;
			break;
		case DW_CFA_offset:
			set_rule(m, low, CFI_OFFSET, scaled(m, reader_uleb(&r)));
			break;
		case DW_CFA_restore:
			restore(m, low);
			break;
		default:
			/* most frequent first: offsets, then locations */
			if (!run_cfa(m, &r, op) && (op == DW_CFA_restore_state ||
			    op == DW_CFA_remember_state || !run_register(m, &r, op)))
				run_other(m, &r, op);
		}
		if (m->location > m->address)
			break;
	}
	m->failed |= r.failed;
}

int cfi_row(const struct cfi *cfi, const struct cfi_fde *fde, uint64_t address,
	    struct cfi_row *out)
{
	const struct cfi_section *section = &cfi->sections[fde->section];
	struct machine m = { .section = section, .address = address };
	struct cfi_record record;
	struct cfi_cie cie;

	if (!cfi_read_record(section, fde->offset, &record) || record.is_cie ||
	    !cfi_read_cie(section, record.cie, &cie))
		return -EINVAL;
	struct reader r = { record.body, record.end, false };
	m.cie = &cie;
	m.location = cfi_read_pointer(section, &r, cie.fde_encoding);
	cfi_read_pointer(section, &r, cie.fde_encoding & 0x0f);
	if (cie.has_augmentation)
		reader_skip(&r, reader_uleb(&r));
	if (r.failed)
		return -EINVAL;
	run(&m, cie.instructions, cie.end);
	m.initial = m.row;
	run(&m, r.at, record.end);
	if (m.failed || m.row.cfa.kind == CFI_UNSPECIFIED)
		return -EINVAL;
	*out = m.row;
	out->is_signal = cie.is_signal;
	return 0;
}

bool cfi_is_function_start(const struct cfi *cfi, const struct cfi_fde *fde)
{
	struct cfi_row row;

	return cfi_row(cfi, fde, fde->start, &row) == 0 && row.cfa.kind == CFI_VAL_OFFSET &&
	       row.cfa_register == REGISTER_RSP && row.cfa.offset == 8 && !row.is_signal;
}
