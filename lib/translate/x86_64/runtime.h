/* runtime.h - the labels of runtime.S, as offsets in the cache, where it is
 * copied to the start. */
#ifndef TRACER_RUNTIME_H
#define TRACER_RUNTIME_H

#include <stdint.h>

#define RUNTIME_LABEL(name) extern const uint8_t name[] __attribute__((visibility("hidden")))

RUNTIME_LABEL(runtime_start);
RUNTIME_LABEL(runtime_exit_miss);
RUNTIME_LABEL(runtime_request);
RUNTIME_LABEL(runtime_request_saved);
RUNTIME_LABEL(runtime_request_flags_saved);
RUNTIME_LABEL(runtime_request_answered);
RUNTIME_LABEL(runtime_request_idle);
RUNTIME_LABEL(runtime_quiet);
RUNTIME_LABEL(runtime_orphan);
RUNTIME_LABEL(runtime_request_end);
RUNTIME_LABEL(runtime_lookups);
RUNTIME_LABEL(runtime_lookup_call);
RUNTIME_LABEL(runtime_lookup_call_miss);
RUNTIME_LABEL(runtime_lookup_call_missed);
RUNTIME_LABEL(runtime_lookup_jmp);
RUNTIME_LABEL(runtime_lookup_jmp_miss);
RUNTIME_LABEL(runtime_lookup_jmp_missed);
RUNTIME_LABEL(runtime_return);
RUNTIME_LABEL(runtime_return_plain);
RUNTIME_LABEL(runtime_lookup_ret);
RUNTIME_LABEL(runtime_lookup_ret_miss);
RUNTIME_LABEL(runtime_lookup_ret_missed);
RUNTIME_LABEL(runtime_lookups_end);
RUNTIME_LABEL(runtime_syscall);
RUNTIME_LABEL(runtime_syscall_native);
RUNTIME_LABEL(runtime_syscall_insn);
RUNTIME_LABEL(runtime_syscall_done);
RUNTIME_LABEL(runtime_syscall_special);
RUNTIME_LABEL(runtime_syscall_check);
RUNTIME_LABEL(runtime_syscall_check_saved);
RUNTIME_LABEL(runtime_syscall_check_flags_saved);
RUNTIME_LABEL(runtime_syscall_checked);
RUNTIME_LABEL(runtime_syscall_note);
RUNTIME_LABEL(runtime_syscall_post);
RUNTIME_LABEL(runtime_syscall_resume);
RUNTIME_LABEL(runtime_syscall_noted);
RUNTIME_LABEL(runtime_syscall_again);
RUNTIME_LABEL(runtime_sigreturn);
RUNTIME_LABEL(runtime_sigreturn_edited);
RUNTIME_LABEL(runtime_sigreturn_edited_end);
RUNTIME_LABEL(runtime_sigreturn_landing);
RUNTIME_LABEL(runtime_sigreturn_end);
RUNTIME_LABEL(runtime_ring_full);
RUNTIME_LABEL(runtime_ring_saved);
RUNTIME_LABEL(runtime_ring_flags_saved);
RUNTIME_LABEL(runtime_ring_wait);
RUNTIME_LABEL(runtime_ring_retry);
RUNTIME_LABEL(runtime_ring_advance);
RUNTIME_LABEL(runtime_ring_commit);
RUNTIME_LABEL(runtime_ring_committed);
RUNTIME_LABEL(runtime_ring_drop_commit);
RUNTIME_LABEL(runtime_ring_drop_committed);
RUNTIME_LABEL(runtime_ring_return);
RUNTIME_LABEL(runtime_ring_end);
RUNTIME_LABEL(runtime_watch);
RUNTIME_LABEL(runtime_watch_saved);
RUNTIME_LABEL(runtime_watch_flags_saved);
RUNTIME_LABEL(runtime_watch_return);
RUNTIME_LABEL(runtime_watched);
RUNTIME_LABEL(runtime_watched_saved);
RUNTIME_LABEL(runtime_watched_flags_saved);
RUNTIME_LABEL(runtime_watched_return);
RUNTIME_LABEL(runtime_watched_ask);
RUNTIME_LABEL(runtime_watch_end);
RUNTIME_LABEL(runtime_end);

#define RUNTIME_BYTES 4096u     /* reserved for it; code begins behind them */
#define RUNTIME_OFFSET(label) ((uint32_t)((label) - runtime_start))

#endif
