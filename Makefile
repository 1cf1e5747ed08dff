# tracer: one non-recursive makefile.
#
#   make MODE=release|debug|asan|ubsan|tsan|cov    built in build/$(MODE)
#   make V=1                                       shows each command

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

# ---- flags ------------------------------------------------------------------

FLAGS_release := -O2 -g
FLAGS_debug   := -Og -g3
FLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer
FLAGS_ubsan   := -O1 -g -fsanitize=undefined -fno-sanitize-recover=all
FLAGS_tsan    := -O1 -g -fsanitize=thread
FLAGS_cov     := -O0 -g --coverage

WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
          -Wpointer-arith -Wvla -Wno-unused-parameter -Wno-missing-field-initializers
CFLAGS += -std=gnu11 $(FLAGS_$(MODE)) $(WARN) $(if $(DEVELOPER),-Werror) -D_GNU_SOURCE
LDLIBS := -lcapstone -lZydis -ldwarf -lelf -liberty -lyajl -lz -lpthread

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

UNIT := $(foreach l,$(LIBS),$(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/$(l)/*.c)))

define UNIT_RULES
$(B)/tests/unit/$(1)/%: tests/unit/$(1)/%.c $(call archives_of,$(1))
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-shadow -Wno-missing-prototypes $(call inc,$(1)) -MMD -MP -MF $$@.d \
	    -o $$@ $$< $(call archives_of,$(1)) -lcriterion -lZydis $(LDLIBS)
endef
$(foreach l,$(LIBS),$(eval $(call UNIT_RULES,$(l))))

# the command's own, against all of it but main()
UNIT_CMD := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/cmd/*.c))
UNIT     += $(UNIT_CMD)

$(UNIT_CMD): $(B)/tests/unit/cmd/%: tests/unit/cmd/%.c $(CMD_OBJ) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-shadow -Wno-missing-prototypes -Icmd $(call inc,cmd) -MMD -MP -MF $@.d \
	    -o $@ $< $(filter-out %/cmd/main.c.o,$(CMD_OBJ)) $(ARCHIVES) -lcriterion $(LDLIBS)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# ---- what a person types ------------------------------------------------------

.PHONY: all help deps clean unit
all: $(B)/tracer ## build the tracer

unit: $(UNIT) ## build and run the unit tests
	$(Q)set -e; for t in $(UNIT); do echo "== $$t"; timeout 300 $$t --quiet; done

deps: ## install the Debian packages that are missing
	$(Q)sh tests/deps.sh packages.txt

clean: ## remove what was built
	$(Q)rm -rf build

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16
