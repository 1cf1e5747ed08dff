# bash completion of tracer(1)

_tracer()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} i
	local options='-p --exec --replay -f -ff --calls --blocks --insns --watch --watch-with --coverage --profile --stacks
		--none --tid -F -N -M -X -D --min-time --when --wait --limit --duration -o --record --format -c -k --sort
		-l -t -tt -ttt -r --clock --no-time --no-demangle --color --lossy --cache-size --trust -q -v --stats --help
		--version'
	local valued=' -p --exec --replay --watch --watch-with --tid -F -N -M -X -D --min-time --when --limit --duration -o
		--record --format --sort --clock --color --cache-size --trust '

	COMPREPLY=()
	case $before in
	-p) mapfile -t COMPREPLY < <(compgen -W "$(ps -e -o pid=)" -- "$word"); return ;;
	--exec) mapfile -t COMPREPLY < <(compgen -c -- "$word"; compgen -f -- "$word"); return ;;
	-o | --record | --replay) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
	--format) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$word"); return ;;
	--sort)
		mapfile -t COMPREPLY < <(compgen -W 'total self calls min avg max name' -- "$word")
		return ;;
	--watch-with) mapfile -t COMPREPLY < <(compgen -W 'auto hw code' -- "$word"); return ;;
	--clock) mapfile -t COMPREPLY < <(compgen -W 'tsc coarse' -- "$word"); return ;;
	--color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$word"); return ;;
	--watch | --tid | -F | -N | -M | -X | -D | --min-time | --when | --limit | --duration) return ;;
	esac
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
		return
	fi
	# the program, and then what it takes
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -* ]] && continue
		[[ $valued == *[[:space:]]"${COMP_WORDS[i - 1]}"[[:space:]]* ]] && continue
		if declare -F _command_offset >/dev/null; then
			_command_offset "$i"
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
		fi
		return
	done
	mapfile -t COMPREPLY < <(compgen -c -- "$word"; compgen -f -- "$word")
}

complete -o filenames -F _tracer tracer
