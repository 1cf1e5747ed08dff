#include "rseq.h"

#include <sys/ptrace.h>

#include "tracee.h"

#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif

#define DESCRIPTOR_AT 8         /* in the area: struct rseq of linux/rseq.h */

struct descriptor {             /* struct rseq_cs */
	uint32_t version, flags;
	uint64_t start, length, abort;
};

uint64_t rseq_area(pid_t tid)
{
	struct {                /* struct ptrace_rseq_configuration */
		uint64_t area;
		uint32_t size, signature, flags, pad;
	} configuration = { 0 };

	if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, tid, sizeof configuration, &configuration) < 0)
		return 0;
	return configuration.area;
}

void rseq_abort(pid_t tid, uint64_t area, struct user_regs_struct *regs)
{
	struct descriptor descriptor;
	uint64_t address, none = 0;

	if (!area || tracee_read(tid, area + DESCRIPTOR_AT, &address, 8) != 8 || !address ||
	    tracee_read(tid, address, &descriptor, sizeof descriptor) != sizeof descriptor ||
	    regs->rip - descriptor.start >= descriptor.length)
		return;
	regs->rip = descriptor.abort;
	tracee_write(tid, area + DESCRIPTOR_AT, &none, 8);
}
