/* The call tree, fed by hand with what a thread's events would be. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "calltree.h"

/* ---- a small world of names, and a trace as text ---------------------------------------- */

#define NAMES 64

static struct name names[NAMES];
static unsigned name_count;
static char trace[8192];
static struct calltree tree;

static struct name *name(const char *function)
{
	for (unsigned i = 0; i < name_count; i++)
		if (!strcmp(names[i].function, function))
			return &names[i];
	struct name *n = &names[name_count++];
	*n = (struct name){ .address = 0x1000u * name_count, .function = function,
			    .module = "prog", .text = function, .is_start = true };
	n->start = n->address;
	n->of_function = n;
	return n;
}

static const struct name *name_at(void *context, uint64_t address)
{
	static struct name nowhere = { .function = "", .module = "", .text = "?" };

	(void)context;
	for (unsigned i = 0; i < name_count; i++)
		if (names[i].address == address)
			return &names[i];
	nowhere.of_function = &nowhere;
	return &nowhere;
}

static void say(const char *what, const struct frame *frame)
{
	size_t len = strlen(trace);

	snprintf(trace + len, sizeof trace - len, "%s%s ", what, frame->callee->function);
}

static void opened(void *context, struct frame *frame, struct frame *parent)
{
	(void)context, (void)parent;
	say(frame->is_tail ? "~" : "+", frame);
}

static void renamed(void *context, struct frame *frame, struct frame *parent)
{
	(void)context, (void)parent;
	say("=", frame);
}

static void closed(void *context, struct frame *frame, enum calltree_end how, uint64_t tsc)
{
	(void)context, (void)tsc;
	say(how == CALLTREE_UNWOUND ? "!" : how == CALLTREE_TAILCALL ? "^" : "-", frame);
}

static const struct calltree_ops ops = { opened, renamed, closed, name_at, NULL };

static void setup(void)
{
	name_count = 0;
	trace[0] = 0;
	cr_assert_eq(calltree_init(&tree), 0);
}

static void teardown(void)
{
	calltree_deinit(&tree);
}

static void call(const char *callee, uint32_t slot)
{
	calltree_call(&tree, &ops, name(callee), 0x99, slot, 0);
}

static void jump(const char *callee, uint32_t sp)
{
	calltree_tailcall(&tree, &ops, name(callee), 0, sp, 0);
}

/* A return to behind a call. */
static void ret(uint32_t sp)
{
	calltree_return(&tree, &ops, 0x77, true, sp, 0);
}

/* A return to a function's start. */
static void ret_into(const char *callee, uint32_t sp)
{
	calltree_return(&tree, &ops, name(callee)->address, false, sp, 0);
}

static void expect(const char *expected)
{
	size_t len = strlen(trace);

	if (len)
		trace[len - 1] = 0;
	cr_expect_str_eq(trace, expected, "got:  %s\nwant: %s", trace, expected);
	trace[0] = 0;
}

TestSuite(calltree, .init = setup, .fini = teardown, .timeout = 10);

/* ---- calls and returns -------------------------------------------------------------------- */

Test(calltree, nests_calls_and_returns)
{
	call("main", 0xff00);
	call("f", 0xfec8);
	ret(0xfed0);
	call("g", 0xfec8);
	ret(0xfed0);
	ret(0xff08);
	expect("+main +f -f +g -g -main");
	cr_expect_eq(tree.current->count, 0u);
}

Test(calltree, longjmp_takes_all_frames_below)
{
	call("main", 0xff00);
	call("f", 0xfe00);
	call("g", 0xfd00);
	call("longjmp", 0xfc00);
	ret(0xfef8);            /* in main, behind setjmp */
	expect("+main +f +g +longjmp !longjmp !g !f");
}

Test(calltree, an_exception_arrives_at_a_landing_pad)
{
	call("main", 0xff00);
	for (uint32_t slot = 0xfe00; slot > 0xf000; slot -= 0x40)
		call("deep", slot);
	trace[0] = 0;
	calltree_return(&tree, &ops, 0x77, false, 0xfed0, 0);
	cr_expect_eq(tree.current->count, 1u);
}

Test(calltree, a_return_beyond_what_is_known_is_no_frame)
{
	ret(0xff08);
	call("f", 0xfe00);
	ret(0xfe08);
	ret(0xff88);
	expect("+f -f");
}

Test(calltree, slots_wrap_at_32_bits)
{
	call("main", 0x100);
	call("f", 0xfffffff0u);
	ret(0xfffffff8u);
	ret(0x108);
	expect("+main +f -f -main");
}

Test(calltree, a_frame_with_large_locals_is_on_the_same_stack)
{
	call("main", 0xf0000000u);
	call("big", 0xef000000u);
	ret(0xef000008u);
	ret(0xf0000008u);
	expect("+main +big -big -main");
}

/* ---- jumps ------------------------------------------------------------------------------------ */

Test(calltree, a_tail_call_takes_the_place)
{
	call("main", 0xff00);
	call("f", 0xfe00);
	jump("g", 0xfe00);
	ret(0xfe08);
	expect("+main +f ^f ~g -g");
}

Test(calltree, a_loop_to_its_own_start_is_no_call)
{
	call("f", 0xfe00);
	jump("f", 0xfe00);
	ret(0xfe08);
	expect("+f -f");
}

Test(calltree, a_loop_to_the_start_of_an_unknown_frame_is_no_call)
{
	uint64_t start = name("main")->address;

	calltree_tailcall(&tree, &ops, name("main"), start, 0xfec0, 0);
	call("f", 0xfeb8);
	expect("+f");
}

Test(calltree, the_cold_part_of_a_function_belongs_to_it)
{
	call("f", 0xfe00);
	name("f.cold")->is_cold = true;
	jump("f.cold", 0xfdc0);
	call("abort", 0xfdb8);
	expect("+f +abort");
}

Test(calltree, a_bound_stub_becomes_its_function)
{
	call("main", 0xff00);
	name("puts@plt")->is_plt = true;
	call("puts@plt", 0xfe00);
	jump("puts", 0xfe00);
	ret(0xfe08);
	expect("+main +puts@plt =puts -puts");
}

Test(calltree, a_lazy_stub_holds_the_resolver)
{
	call("main", 0xff00);
	name("puts@plt")->is_plt = true;
	name("_dl_runtime_resolve_xsavec")->is_resolver = true;
	call("puts@plt", 0xfe00);
	jump("", 0xfdf8);
	jump("_dl_runtime_resolve_xsavec", 0xfdf0);
	call("_dl_fixup", 0xfa00);
	ret(0xfa08);
	jump("puts", 0xfe00);
	ret(0xfe08);
	expect("+main +puts@plt +_dl_fixup -_dl_fixup =puts -puts");
}

Test(calltree, a_jump_into_a_stub_is_one_tail_call)
{
	call("main", 0xff00);
	call("f", 0xfe00);
	name("puts@plt")->is_plt = true;
	jump("puts@plt", 0xfe00);
	jump("puts", 0xfe00);
	ret(0xfe08);
	expect("+main +f ^f ~puts@plt =puts -puts");
}

Test(calltree, a_thunk_that_returns_into_a_function_is_a_tail_call)
{
	call("main", 0xff00);
	call("thunk", 0xfe00);
	call("capture", 0xfdf8);
	ret_into("f", 0xfe00);
	ret(0xfe08);
	expect("+main +thunk +capture -capture ^thunk ~f -f");
}

/* ---- signals -------------------------------------------------------------------------------------- */

static void handler(const char *callee, uint32_t slot, uint32_t interrupted)
{
	calltree_signal(&tree, &ops, name(callee), 10, slot, interrupted, 0);
}

Test(calltree, a_handler_returns_and_the_interrupted_goes_on)
{
	call("main", 0xff00);
	call("f", 0xfe00);
	handler("h", 0xf800, 0xfdc0);
	call("g", 0xf700);
	ret(0xf708);
	ret(0xf808);
	calltree_sigreturn(&tree, &ops, 0x77, 0xfdc0, 0);
	ret(0xfe08);
	expect("+main +f +h +g -g -h -f");
}

Test(calltree, siglongjmp_leaves_the_alternate_stack)
{
	call("main", 0x80ff00);
	call("f", 0x80fe00);
	handler("h", 0x20000, 0x80fdc0);        /* below the stack ... */
	call("siglongjmp", 0x1f000);
	ret(0x80fef8);
	expect("+main +f +h +siglongjmp !siglongjmp !h !f");
	call("f", 0x80fe00);
	handler("h", 0x900000, 0x80fdc0);       /* ... and above it */
	call("siglongjmp", 0x8ff000);
	ret(0x80fef8);
	expect("+f +h +siglongjmp !siglongjmp !h !f");
}

Test(calltree, a_handler_may_put_in_a_call)
{
	call("f", 0xfe00);
	handler("h", 0xf800, 0xfdc0);
	ret(0xf808);
	calltree_sigreturn(&tree, &ops, name("preempt")->address, 0xfdb8, 0);
	ret(0xfdc0);
	expect("+f +h -h +preempt -preempt");
}

/* ---- several stacks ---------------------------------------------------------------------------------- */

Test(calltree, coroutines_keep_their_frames)
{
	name("swapcontext")->switches_stacks = true;
	call("main", 0xff00);
	call("swapcontext", 0xfe00);
	ret_into("co", 0x8000);                 /* close by: no distance tells them apart */
	call("work", 0x7f00);
	call("swapcontext", 0x7e00);
	ret(0xfe08);
	expect("+main +swapcontext +co +work +swapcontext -swapcontext");
	call("swapcontext", 0xfe00);
	ret(0x7e08);
	ret(0x7f08);
	expect("+swapcontext -swapcontext -work");
}

Test(calltree, a_goroutine_begins_by_a_jump)
{
	name("runtime.gogo")->switches_stacks = true;
	name("runtime.mcall")->switches_stacks = true;
	call("schedule", 0xff00);
	call("runtime.gogo", 0xfe00);
	jump("main.main", 0x8000);
	call("runtime.mcall", 0x7f00);
	call("park", 0xfef0);                   /* on the scheduler's stack, where gogo was */
	expect("+schedule +runtime.gogo +main.main +runtime.mcall !runtime.gogo +park");
	call("runtime.gogo", 0xfe00);
	ret(0x7f08);
	expect("+runtime.gogo -runtime.mcall");
}

Test(calltree, frames_follow_a_stack_that_is_copied)
{
	name("runtime.gogo")->switches_stacks = true;
	name("runtime.morestack")->switches_stacks = true;
	name("runtime.morestack")->grows_stack = true;
	call("g0", 0xff00);
	call("runtime.gogo", 0xfe00);
	jump("main.f", 0x8000);
	calltree_call(&tree, &ops, name("runtime.morestack"), 0x72, 0x7f00, 0);
	call("newstack", 0xfef0);
	call("runtime.gogo", 0xfe00);
	trace[0] = 0;
	ret(0x47f08);           /* at 0x77, behind the call at 0x72 */
	ret(0x48008);
	expect("-runtime.morestack -main.f");
}

/* What tracing took is taken off, but never all of it: an event may take less than was measured. */
Test(calltree, a_duration_is_without_the_events)
{
	struct calltree_cost cost = { .event = 10, .events = 3, .waited = 50 };
	struct frame frame;

	frame_init(&frame, name("f"), 0, 0, 0x8000, 1000, &cost);
	cost.events = 13;
	cost.waited = 250;
	cr_expect_eq(frame_duration(&frame, 2000, &cost), 1000 - 200 - 10 * 10);
	cost.event = 100;
	cr_expect_eq(frame_duration(&frame, 2000, &cost), (1000 - 200) / 16);
	cr_expect_eq(frame_duration(&frame, 1100, &cost), 0, "it has done nothing but wait");
}
