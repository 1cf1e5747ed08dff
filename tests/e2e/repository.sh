#!/usr/bin/env bash
# The tree itself: headers, the manual page and the completions, installation, scripts.
. "$(dirname "$0")/../lib.sh"

limit_every_header_compiles_alone=120

test_every_header_compiles_alone() { make -C "$ROOT" -k check-headers; }

# What --help lists: -x or --name, one a line.
options() {
	"$TRACER" --help | sed -n 's/^  \(--*[A-Za-z-]*\).*/\1/p'
}

# in_every PATTERN FILE: the file has PATTERN with each option in the place of @.
in_every() {
	local missing='' option

	[ "$(options | wc -l)" -gt 20 ] || fail "too few options in --help"
	for option in $(options); do
		grep -qE -- "${1//@/$option}" "$ROOT/$2" || missing="$missing $option"
	done
	[ -z "$missing" ] || fail "not in $2:$missing"
}

test_manual_page_has_every_option() {
	# mdoc writes --name as `Fl -name`
	sed -nE 's/^\.It Fl ([^ ]*).*/-\1/p' "$ROOT/man/tracer.1" | sort -u >page
	options | sort -u >help
	missing=$(comm -13 page help)
	[ -z "$missing" ] || fail "not in the manual page: $missing"
	more=$(comm -23 page help)
	[ -z "$more" ] || fail "only in the manual page: $more"
}

test_bash_completion_has_every_option() { in_every "(^|[[:space:]'])@([[:space:]']|$)" completions/tracer.bash; }
test_zsh_completion_has_every_option() { in_every "@\[" completions/_tracer; }

test_fish_completion_has_every_option() {
	sed -nE 's/^complete -c tracer -l ([^ ]*).*/--\1/p; s/^complete -c tracer -[so] ([^ ]*).*/-\1/p' \
		"$ROOT/completions/tracer.fish" | sort -u >fish
	missing=$(options | sort -u | comm -13 fish -)
	[ -z "$missing" ] || fail "not in the fish completion: $missing"
}

test_completions_have_no_option_of_their_own() {
	{
		sed -nE 's/^complete -c tracer -l ([^ ]*).*/--\1/p; s/^complete -c tracer -[so] ([^ ]*).*/-\1/p' \
			"$ROOT/completions/tracer.fish"
		sed -nE "s/^\t'(\([^)]*\))?\*?(--?[A-Za-z-]*)\[.*/\2/p" "$ROOT/completions/_tracer"
	} | sort -u >completed
	more=$({ options; echo '-ff'; echo '-tt'; echo '-ttt'; } | sort -u | comm -23 completed -)
	[ -z "$more" ] || fail "only in the completions: $more"
}

test_bash_completion_completes() {
	bash -c '. "$0"; COMP_WORDS=(tracer --bl); COMP_CWORD=1; _tracer; echo "${COMPREPLY[*]}"' \
		"$ROOT/completions/tracer.bash" >out
	is out '--blocks'
}

test_install_and_uninstall() {
	make -C "$ROOT" DESTDIR="$TMP/root" PREFIX=/usr install >/dev/null
	find root -type f | sort >files
	diff - files <<-END
		root/usr/bin/tracer
		root/usr/share/bash-completion/completions/tracer
		root/usr/share/fish/vendor_completions.d/tracer.fish
		root/usr/share/man/man1/tracer.1
		root/usr/share/zsh/site-functions/_tracer
	END
	root/usr/bin/tracer --version
	make -C "$ROOT" DESTDIR="$TMP/root" PREFIX=/usr uninstall >/dev/null
	[ -z "$(find root -type f)" ]
}

# A trace, say, that somebody left beside the sources.
test_only_sources_are_kept() {
	local large

	git -C "$ROOT" rev-parse --git-dir >/dev/null 2>&1 || return 0  # a tarball
	large=$(git -C "$ROOT" ls-files -z | (cd "$ROOT" && xargs -0 du -ab --) | awk '$1 > 200000')
	[ -z "$large" ] || fail "larger than any source: $large"
}

# One that only an old build still has would be missing anywhere else.
test_every_victim_is_built() {
	local made

	made=$(make -C "$ROOT" -Bn tests-build)
	for source in "$ROOT"/tests/victims/*; do
		[[ $source != *.rs ]] || command -v rustc >/dev/null || continue
		grep -qE "tests/victims/${source##*/}( |$)" <<<"$made" || fail "nothing is made of ${source##*/}"
	done
}

# And can be run, if they say by what.
test_scripts_parse() {
	local script

	for script in "$ROOT"/tests/{e2e,soak}/*.sh "$ROOT"/tests/{run,lib.sh,servers.sh} \
		"$ROOT"/tests/{golden,fuzz}/run "$ROOT"/scripts/* "$ROOT"/.ci/run "$ROOT"/bench/{run,servers,peers,growth}; do
		[ -x "$script" ] || [ "$(head -c 2 "$script")" != '#!' ] || fail "no program: ${script#"$ROOT"/}"
		case $(head -n 1 "$script") in
		*python3) /usr/bin/python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$script" ;;
		*) bash -n "$script" ;;
		esac
	done
}

run_tests "$@"
