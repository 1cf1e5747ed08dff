# pipes, job control, traps, here documents, subshells
set -m
trap 'echo got USR1' USR1
trap 'echo bye' EXIT
f() { local n=$1; ((n < 2)) && { echo "$n"; return; }; echo $(($(f $((n - 1))) + $(f $((n - 2))))); }
f 6
for i in {1..20}; do echo "$i"; done | sort -r | head -n 3
kill -USR1 $$
(sleep 0.05; exit 4) &
wait $!
echo "status $?"
cat <<END
$(printf '%s-' a b c)
END
[[ abc =~ b(.) ]] && echo "${BASH_REMATCH[1]}"
exit 12
