/* limits.h - how many files the tracer may have open: as many as it is allowed to allow itself.
 *
 * Each thread may need some of its own, for its output or its breakpoints.  Programs that it
 * starts have the limit that it was started with.
 */
#ifndef TRACER_LIMITS_H
#define TRACER_LIMITS_H

/* The soft limit becomes the hard one. */
void limits_raise(void);
/* As it was before.  For a child, or until the next limits_raise(). */
void limits_restore(void);

#endif
