#include "seccomp.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>

#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c
#endif

int seccomp_mode(pid_t tid)
{
	char name[40], line[128];
	int mode = SECCOMP_MODE_DISABLED;

	snprintf(name, sizeof name, "/proc/%d/status", tid);
	FILE *f = fopen(name, "re");
	if (!f)
		return -ESRCH;
	while (fgets(line, sizeof line, f))
		if (!strncmp(line, "Seccomp:", 8)) {
			mode = atoi(line + 8);
			break;
		}
	fclose(f);
	return mode;
}

/* ---- the machine: an accumulator, an index register, 16 words ------------------------ */

struct machine {
	const struct seccomp_data *data;
	uint32_t a, x, memory[BPF_MEMWORDS];
	bool is_broken;
};

static uint32_t word_of(struct machine *m, uint32_t at)
{
	uint32_t word = 0;

	if (at % 4 || at > sizeof *m->data - 4)
		m->is_broken = true;
	else
		memcpy(&word, (const char *)m->data + at, 4);
	return word;
}

static uint32_t *memory_of(struct machine *m, uint32_t k)
{
	m->is_broken |= k >= BPF_MEMWORDS;
	return &m->memory[k % BPF_MEMWORDS];
}

static uint32_t loaded(struct machine *m, const struct sock_filter *i)
{
	switch (BPF_MODE(i->code)) {
	case BPF_ABS: return word_of(m, i->k);
	case BPF_IMM: return i->k;
	case BPF_MEM: return *memory_of(m, i->k);
	case BPF_LEN: return sizeof *m->data;
	default: m->is_broken = true; return 0;
	}
}

static uint32_t computed(struct machine *m, uint16_t code, uint32_t by)
{
	switch (BPF_OP(code)) {
	case BPF_ADD: return m->a + by;
	case BPF_SUB: return m->a - by;
	case BPF_MUL: return m->a * by;
	case BPF_DIV: m->is_broken |= !by; return by ? m->a / by : 0;
	case BPF_OR: return m->a | by;
	case BPF_AND: return m->a & by;
	case BPF_XOR: return m->a ^ by;
	case BPF_LSH: return by < 32 ? m->a << by : 0;
	case BPF_RSH: return by < 32 ? m->a >> by : 0;
	case BPF_NEG: return -m->a;
	default: m->is_broken = true; return 0;
	}
}

/* How many instructions it goes on. */
static uint32_t jump(struct machine *m, const struct sock_filter *i, uint32_t with)
{
	bool yes = false;

	switch (BPF_OP(i->code)) {
	case BPF_JA: return i->k;
	case BPF_JEQ: yes = m->a == with; break;
	case BPF_JGT: yes = m->a > with; break;
	case BPF_JGE: yes = m->a >= with; break;
	case BPF_JSET: yes = m->a & with; break;
	default: m->is_broken = true;
	}
	return yes ? i->jt : i->jf;
}

unsigned seccomp_run(const struct sock_filter *code, size_t count, const struct seccomp_data *data)
{
	struct machine m = { .data = data };

	for (size_t pc = 0; pc < count && !m.is_broken; pc++) {
		const struct sock_filter *i = &code[pc];
		uint32_t operand = BPF_SRC(i->code) == BPF_X ? m.x : i->k;

		switch (BPF_CLASS(i->code)) {
		case BPF_LD: m.a = loaded(&m, i); break;
		case BPF_LDX: m.x = loaded(&m, i); break;
		case BPF_ST: *memory_of(&m, i->k) = m.a; break;
		case BPF_STX: *memory_of(&m, i->k) = m.x; break;
		case BPF_ALU: m.a = computed(&m, i->code, operand); break;
		case BPF_JMP: pc += jump(&m, i, operand); break;
		case BPF_RET: return BPF_RVAL(i->code) == BPF_A ? m.a : i->k;
		default:
			if (BPF_MISCOP(i->code) == BPF_TAX)
				m.x = m.a;
			else
				m.a = m.x;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

/* ---- a thread's filters ------------------------------------------------------------------ */

bool seccomp_allows(pid_t tid, const struct seccomp_data *data)
{
	struct sock_filter code[BPF_MAXINSNS];

	for (unsigned long n = 0;; n++) {
		long count = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, (void *)n, code);

		if (count < 0)
			return errno == ENOENT && n;    /* all have been asked */
		unsigned says = seccomp_run(code, (size_t)count, data) & SECCOMP_RET_ACTION_FULL;
		if (says != SECCOMP_RET_ALLOW && says != SECCOMP_RET_LOG)
			return false;
	}
}
