# tracer: one non-recursive makefile.
#
#   make MODE=release|debug|asan|ubsan|tsan|cov    built in build/$(MODE)
#   make V=1                                       shows each command
#   make help                                      the targets

MODE    ?= release
B       := build/$(MODE)
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
SHELL     := /bin/sh
RUN       := $(MAKE) --no-print-directory

# ---- flags ------------------------------------------------------------------

FLAGS_release := -O2 -g
FLAGS_debug   := -Og -g3
FLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_ubsan   := -O1 -g -fsanitize=undefined -fno-sanitize-recover=all
FLAGS_tsan    := -O1 -g -fsanitize=thread
FLAGS_cov     := -O0 -g --coverage
FLAGS_fuzz    := $(FLAGS_asan)
FLAGS_libfuzzer := $(FLAGS_fuzz) -fsanitize=fuzzer-no-link

WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
          -Wpointer-arith -Wvla -Wno-unused-parameter -Wno-missing-field-initializers
CFLAGS += -std=gnu11 $(FLAGS_$(MODE)) $(WARN) $(if $(DEVELOPER),-Werror) -D_GNU_SOURCE
LDLIBS := -lZydis -ldwarf -lelf -liberty -lz $(shell pkg-config --libs libzstd) -lpthread -ldl

# ---- the libraries, lowest first: each sees itself and what stands before it -----

base_SEES         := base
ptrace_SEES       := base ptrace
remote-alloc_SEES := base ptrace remote-alloc
events_SEES       := base events
translate_SEES    := base events translate
symbols_SEES      := base ptrace symbols
cmd_SEES          := base ptrace remote-alloc events translate symbols

LIBS := symbols translate events remote-alloc ptrace base

lib_src = $(wildcard lib/$(1)/*.c lib/$(1)/*.S lib/$(1)/x86_64/*.c lib/$(1)/x86_64/*.S)
lib_obj = $(patsubst %,$(B)/%.o,$(call lib_src,$(1)))
inc     = $(foreach l,$($(1)_SEES),-Ilib/$(l) $(if $(filter translate,$(l)),-Ilib/translate/x86_64))
archives_of = $(foreach l,$(LIBS),$(if $(filter $(l),$($(1)_SEES)),$(B)/lib$(l).a))

ARCHIVES := $(foreach l,$(LIBS),$(B)/lib$(l).a)

define LIB_RULES
$(B)/lib$(1).a: $(call lib_obj,$(1))
	$$(call say,AR,$$@)
	$(Q)rm -f $$@ && ar rcs $$@ $$^
$(B)/lib/$(1)/%.c.o: lib/$(1)/%.c
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(call inc,$(1)) -MMD -MP -c -o $$@ $$<
$(B)/lib/$(1)/%.S.o: lib/$(1)/%.S
	@mkdir -p $$(@D)
	$$(call say,AS,$$<)
	$(Q)$(CC) $(CPPFLAGS) $(call inc,$(1)) -MMD -MP -c -o $$@ $$<
endef
$(foreach l,$(LIBS),$(eval $(call LIB_RULES,$(l))))

# ---- the command ------------------------------------------------------------

CMD_OBJ := $(patsubst %,$(B)/%.o,$(wildcard cmd/*.c))

$(B)/cmd/%.c.o: cmd/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(call inc,cmd) -MMD -MP -c -o $@ $<

$(B)/tracer: $(CMD_OBJ) $(ARCHIVES)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(CMD_OBJ) $(ARCHIVES) $(LDLIBS)

# ---- tests: tests/unit/LIB/NAME.c is one Criterion program --------------------

# what says that translations are right
LDLIBS_golden := -lcapstone

UNIT := $(foreach l,$(LIBS),$(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/$(l)/*.c)))

define UNIT_RULES
$(B)/tests/unit/$(1)/%: tests/unit/$(1)/%.c $(call archives_of,$(1))
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-shadow -Wno-missing-prototypes $(call inc,$(1)) -MMD -MP -MF $$@.d \
	    -o $$@ $$< $(call archives_of,$(1)) -lcriterion $(LDLIBS) $$(LDLIBS_$$*)
endef
$(foreach l,$(LIBS),$(eval $(call UNIT_RULES,$(l))))

# the command's own, against all of it but main()
UNIT_CMD := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/cmd/*.c))
UNIT     += $(UNIT_CMD)

# what says that the JSON is valid
LDLIBS_json := -lyajl

$(UNIT_CMD): $(B)/tests/unit/cmd/%: tests/unit/cmd/%.c $(CMD_OBJ) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-shadow -Wno-missing-prototypes -Icmd $(call inc,cmd) -MMD -MP -MF $@.d \
	    -o $@ $< $(filter-out %/cmd/main.c.o,$(CMD_OBJ)) $(ARCHIVES) \
	    -lcriterion $(LDLIBS) $(LDLIBS_$*)

# ---- tests: what reads foreign bytes, given any -----------------------------------------
#
# In build/fuzz with driver.c, by gcc; in build/libfuzzer with clang's libFuzzer, where
# clang is.  They begin with what tests/fuzz/seeds finds on this machine.

FUZZ_SECONDS ?= 60
FUZZ         := fuzz-translate fuzz-ring fuzz-trace fuzz-elf fuzz-dwarf
FUZZ_MODE     = $(if $(wildcard $(shell clang --print-runtime-dir 2>/dev/null)/libclang_rt.fuzzer-*),libfuzzer,fuzz)

fuzz-translate_LIB := translate
fuzz-ring_LIB      := events
fuzz-trace_LIB     := events
fuzz-elf_LIB       := symbols
fuzz-dwarf_LIB     := symbols

# and files of the command
fuzz-trace_CMD := cmd/replay-origin.c cmd/replay-names.c

define FUZZ_RULES
build/fuzz/$(1) build/libfuzzer/$(1): tests/fuzz/$(1).c tests/fuzz/driver.c tests/fuzz/fuzz.h \
		$($(1)_CMD) $(call archives_of,$($(1)_LIB))
	$$(call say,CC,$$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -Itests/fuzz $(call inc,$($(1)_LIB)) \
	    $(if $($(1)_CMD),-Icmd $(call inc,cmd)) -o $$@ $$< $($(1)_CMD) \
	    $(if $(filter libfuzzer,$(MODE)),-fsanitize=fuzzer,tests/fuzz/driver.c) \
	    $(call archives_of,$($(1)_LIB)) $(LDLIBS)
endef
$(foreach f,$(FUZZ),$(eval $(call FUZZ_RULES,$(f))))

# ---- tests: the programs that are traced, and the truth beside them; as a user would build them ----

V_DIR := build/victims

# what is built     how, and from what
VICTIMS := \
	blocked       signals       order       counted       fib       watched       ends \
	ends-stripped ends-nopie    ends-static thrown        hello-go  tiny          steps \
	bits32        stepper       filtered      confined      sequences     threads       jit \
	notices       crash         parts         vforks        gc-go         flood         life \
	dispatched    kernel        growing       guarded       mixed         corrupted     vforked       null \
	replaced      fills         frames        ticking       timed \
	plugs         plug.so       trapped       many          ring          breaks \
	debug-registers \
	$(if $(shell command -v rustc 2>/dev/null),hello-rust panics-rust)
VICTIM_CC := gcc -std=gnu11 -O2 -g -pthread

victim_blocked       = $(VICTIM_CC) -o $@ tests/victims/blocked.c
victim_signals       = $(VICTIM_CC) -o $@ tests/victims/signals.c
victim_order         = $(VICTIM_CC) -o $@ tests/victims/order.c
victim_counted       = $(VICTIM_CC) -o $@ tests/victims/counted.c
victim_fib           = $(VICTIM_CC) -o $@ tests/victims/fib.c
victim_timed         = $(VICTIM_CC) -o $@ tests/victims/timed.c
victim_ticking       = $(VICTIM_CC) -o $@ tests/victims/ticking.c
victim_watched       = $(VICTIM_CC) -o $@ tests/victims/watched.c
victim_ends          = $(VICTIM_CC) -o $@ tests/victims/ends.c
victim_ends-stripped = $(VICTIM_CC) -s -o $@ tests/victims/ends.c
victim_ends-nopie    = $(VICTIM_CC) -no-pie -o $@ tests/victims/ends.c
victim_ends-static   = musl-gcc -O2 -static -o $@ tests/victims/ends.c
victim_thrown        = g++ -O2 -g -pthread -o $@ tests/victims/thrown.cc
victim_tiny          = gcc -nostdlib -static -no-pie -Wl,--build-id=none -o $@ tests/victims/tiny.S
victim_steps         = musl-gcc -O2 -static -o $@ tests/victims/steps.c
victim_bits32        = gcc -m32 -nostdlib -static -o $@ tests/victims/bits32.S
victim_stepper       = $(VICTIM_CC) -o $@ tests/e2e/stepper.c
victim_filtered      = $(VICTIM_CC) -o $@ tests/victims/filtered.c
victim_confined      = $(VICTIM_CC) -o $@ tests/victims/confined.c
victim_sequences     = $(VICTIM_CC) -o $@ tests/victims/sequences.c
victim_threads       = $(VICTIM_CC) -o $@ tests/victims/threads.c
victim_jit           = $(VICTIM_CC) -o $@ tests/victims/jit.c
victim_crash         = gcc -O1 -g -pthread -o $@ tests/victims/crash.c
victim_parts         = $(VICTIM_CC) -o $@ tests/victims/parts.c
victim_vforks        = $(VICTIM_CC) -o $@ tests/victims/vforks.c
victim_vforked       = $(VICTIM_CC) -o $@ tests/victims/vforked.c
victim_null          = $(VICTIM_CC) -o $@ tests/victims/null.c
victim_replaced      = $(VICTIM_CC) -o $@ tests/victims/replaced.c
victim_fills         = $(VICTIM_CC) -no-pie -o $@ tests/victims/fills.c
victim_plugs         = $(VICTIM_CC) -o $@ tests/victims/plugs.c
victim_plug.so       = $(VICTIM_CC) -fPIC -shared -o $@ tests/victims/plug.c
victim_trapped       = $(VICTIM_CC) -o $@ tests/victims/trapped.c
victim_breaks        = $(VICTIM_CC) -o $@ tests/victims/breaks.c
victim_debug-registers = $(VICTIM_CC) -o $@ tests/victims/debug-registers.c
victim_ring          = $(VICTIM_CC) -o $@ tests/victims/ring.c
victim_many          = $(VICTIM_CC) -o $@ tests/victims/many.c
victim_frames        = gcc -nostdlib -static -no-pie -Wl,--section-start=.space=0xfff0000 -o $@ tests/victims/frames.S
victim_flood          = $(VICTIM_CC) -o $@ tests/victims/flood.c
victim_life           = $(VICTIM_CC) -mfsgsbase -o $@ tests/victims/life.c
victim_dispatched     = $(VICTIM_CC) -o $@ tests/victims/dispatched.c
victim_kernel        = $(VICTIM_CC) -o $@ tests/victims/kernel.c
victim_corrupted     = g++ -O1 -g -pthread -o $@ tests/victims/corrupted.cc
victim_growing       = $(VICTIM_CC) -o $@ tests/victims/growing.c
victim_guarded       = $(VICTIM_CC) -o $@ tests/victims/guarded.c
victim_mixed         = $(VICTIM_CC) -o $@ tests/victims/mixed.c
victim_gc-go         = GOCACHE=$(abspath build/go) GO111MODULE=off go build -o $@ tests/victims/gc.go
victim_panics-rust   = env -u MAKEFLAGS rustc -O -o $@ tests/victims/panics.rs
victim_notices       = $(VICTIM_CC) -o $@ tests/victims/notices.c
victim_hello-go      = GOCACHE=$(abspath build/go) GO111MODULE=off go build -o $@ tests/victims/hello.go
victim_hello-rust    = env -u MAKEFLAGS rustc -O -o $@ tests/victims/hello.rs

VICTIM_FILES := $(VICTIMS:%=$(V_DIR)/%)

victim_source = $(lastword $(filter tests/%,$(victim_$(1))))
define VICTIM_RULE
$(V_DIR)/$(1): $(call victim_source,$(1))
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)
	$(Q)$$(victim_$(1))
endef
$(foreach v,$(VICTIMS),$(eval $(call VICTIM_RULE,$(v))))

# ---- tests: every header compiles alone, with what its library sees ------------------

HEADERS := $(wildcard lib/*/*.h lib/*/*/*.h cmd/*.h)

header_home = $(firstword $(subst /, ,$(patsubst lib/%,%,$(1))))
define HEADER_RULE
$(B)/headers/$(1).ok: $(1)
	@mkdir -p $$(@D)
	$(Q)echo '#include "$(abspath $(1))"' | $(CC) $(CPPFLAGS) $(CFLAGS) -Werror \
	    $(call inc,$(call header_home,$(1))) $(if $(filter cmd/%,$(1)),-Icmd) -MMD -MF $$@.d -MT $$@ \
	    -x c -fsyntax-only - && touch $$@
endef
$(foreach h,$(HEADERS),$(eval $(call HEADER_RULE,$(h))))

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# ---- what a person types ------------------------------------------------------

.PHONY: all help demo check soak bench bench-quick unit check-headers tests-build deps lint format \
        install uninstall clean $(FUZZ)
all: $(B)/tracer ## build the tracer (MODE=release, debug, asan, ubsan, tsan, cov; V=1 shows the commands)

demo: ## install what is missing, build, and show three traces of real programs
	$(Q)$(MAKE) --no-print-directory deps all
	$(Q)scripts/demo $(B)/tracer

check: ## install what is missing, build, run every test; the last line counts them
	$(Q)$(RUN) deps
	$(Q)$(RUN) tests-build
	$(Q)TRACER_BUILD=$(B) tests/run $(UNIT) tests/golden/run tests/fuzz/check $(wildcard tests/e2e/*.sh)

soak: ## the same tests with many more rounds, and with sanitizers: about two hours
	$(Q)SOAK=1 $(RUN) check
	$(Q)$(RUN) deps ONLY=soak
	$(Q)tests/run tests/soak/cycles.sh tests/soak/python.sh
	$(Q)$(RUN) MODE=asan unit
	$(Q)$(RUN) MODE=tsan all $(VICTIM_FILES)
	$(Q)TRACER_BUILD=build/tsan tests/run tests/soak/races.sh

fuzz-translate: ## give the translator any bytes, for FUZZ_SECONDS=60 (fuzz-ring, fuzz-trace, fuzz-elf, fuzz-dwarf: the like)
$(FUZZ):
	$(Q)$(RUN) MODE=$(FUZZ_MODE) $(if $(filter libfuzzer,$(FUZZ_MODE)),CC=clang) build/$(FUZZ_MODE)/$@
	$(Q)tests/fuzz/run build/$(FUZZ_MODE)/$@ $(FUZZ_SECONDS)

unit: $(UNIT) ## build and run the unit tests alone
	$(Q)TRACER_BUILD=$(B) tests/run $(UNIT)

bench: all ## what tracing costs, also servers and other tools: tables, build/bench*.json and .svg; two hours
	$(Q)$(RUN) deps ONLY=bench
	$(Q)bench/run --cpu --json build/bench.json --svg build/bench.svg $(B)/tracer
	$(Q)bench/servers --json build/bench-servers.json $(B)/tracer
	$(Q)bench/peers --json build/bench-peers.json $(B)/tracer

bench-quick: all ## the same with a tenth of the work, once, without the other tools
	$(Q)$(RUN) deps ONLY=bench
	$(Q)bench/run --quick $(B)/tracer
	$(Q)bench/servers --quick $(B)/tracer

check-headers: $(HEADERS:%=$(B)/headers/%.ok) ## every header compiles alone

tests-build: all $(UNIT) $(VICTIM_FILES) ## build all that the tests need
	$(Q)$(RUN) MODE=fuzz $(FUZZ:%=build/fuzz/%)

deps: ## install the Debian packages that are missing (ONLY=build: for a build alone)
	$(Q)scripts/deps packages.txt $(or $(ONLY),build test)

lint: ## what cppcheck, clang-tidy and shellcheck have to say, where they are installed
	$(Q)scripts/lint

format: ## lay out the C files as .clang-format says: FILES='cmd/x.c ...'
	$(Q)clang-format -i $(or $(FILES),$(error which? FILES='cmd/x.c ...'))

install: $(B)/tracer ## install to $(DESTDIR)$(PREFIX): the program, its page, its completions
	install -D -m 755 $(B)/tracer '$(DESTDIR)$(PREFIX)/bin/tracer'
	install -D -m 644 man/tracer.1 '$(DESTDIR)$(PREFIX)/share/man/man1/tracer.1'
	install -D -m 644 completions/tracer.bash '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/tracer'
	install -D -m 644 completions/_tracer '$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_tracer'
	install -D -m 644 completions/tracer.fish '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/tracer.fish'

uninstall: ## take away what install put there
	rm -f '$(DESTDIR)$(PREFIX)/bin/tracer' '$(DESTDIR)$(PREFIX)/share/man/man1/tracer.1' \
	    '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/tracer' \
	    '$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_tracer' \
	    '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/tracer.fish'

clean: ## remove what was built
	$(Q)rm -rf build

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 18
