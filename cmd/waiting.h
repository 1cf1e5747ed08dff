/* waiting.h - system calls that a stop of ours ends early, made again.
 *
 * The kernel restarts almost every interrupted call by itself.  epoll_wait and
 * its kin, semtimedop, rt_sigtimedwait and calls on a socket with a time limit
 * return EINTR instead, although no handler ran.  Such a call is made again, with a
 * relative time limit shortened by the time that was already waited.
 *
 * The limit of a socket is an option of it: it is set to what is left, through a
 * descriptor of ours, and set back as soon as the call has read it and sleeps.
 *
 * How long a thread has waited is known from its scheduler clock, read before it
 * is disturbed (waiting_note); without that file the limit starts anew.
 */
#ifndef TRACER_WAITING_H
#define TRACER_WAITING_H

#include <stdbool.h>
#include <sys/user.h>

#include "target.h"

/* To be called before a thread is interrupted: notes how long it has waited. */
void waiting_note(struct thread *thread);

/* True when the registers are those of a thread that stands behind such a call,
 * ended by our stop and not by a signal that the program handles. */
bool waiting_was_cut(const struct user_regs_struct *regs);

/* True when they are those of a thread whose blocking write, or receive of all, a stop
 * of ours ended with a part.  What is left of it is to be made, which
 * waiting_make_rest() makes of them but for the pc; the results are added up. */
bool waiting_was_parted(const struct thread *thread, const struct user_regs_struct *regs);
void waiting_make_rest(struct user_regs_struct *regs);

/* Makes them those of a thread that is about to make the call again.  `regs` are
 * the program's; its pc afterwards is that of the `syscall` instruction. */
void waiting_again(struct thread *thread, struct user_regs_struct *regs);

/* To be called as soon as that thread runs: the limit of a socket, which had to be
 * shortened for the call, is whole again once the call has begun. */
void waiting_settle(struct thread *thread, pid_t tid);

#endif
