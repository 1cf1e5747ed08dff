# servers.sh: real servers for the end-to-end tests, on 127.0.0.1 at a free port, and what
# a process is before and after it was traced.  Beside lib.sh, which ends them.
# shellcheck shell=bash disable=SC2034

port_answers() {
	(: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

free_port() {
	local port

	for _ in $(seq 100); do
		port=$((20000 + RANDOM % 12000))
		if ! port_answers $port; then
			echo $port
			return
		fi
	done
	fail "no free port"
}

# A redis-server in $redis at $port.
start_redis() {
	port=$(free_port)
	start redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no \
		--daemonize no --dir "$TMP" >redis.log
	redis=$STARTED
	wait_for 10 redis-cli -p "$port" ping
	redis-benchmark -p "$port" -q -n 200 >/dev/null
}


# configure_nginx WORKERS: in this directory, at $port.
configure_nginx() {
	port=$(free_port)
	mkdir -p www logs
	seq 1000 >www/index.html
	cat >nginx.conf <<-END
		daemon off;
		worker_processes $1;
		pid $PWD/nginx.pid;
		error_log $PWD/logs/error.log;
		events { worker_connections 200; }
		http {
			access_log off;
			client_body_temp_path $PWD/body;
			proxy_temp_path $PWD/proxy;
			fastcgi_temp_path $PWD/fastcgi;
			uwsgi_temp_path $PWD/uwsgi;
			scgi_temp_path $PWD/scgi;
			server { listen 127.0.0.1:$port; root $PWD/www; }
		}
	END
}

# start_nginx [CMD...]: behind CMD, the master in $master; it answers.
start_nginx() {
	start "$@" nginx -p "$PWD" -c "$PWD/nginx.conf"
	wait_for 20 port_answers "$port"
	master=$(cat nginx.pid)
	curl -sf "http://127.0.0.1:$port/" >/dev/null
}

# ---- what a process is, before and after ---------------------------------------------------------

# Where memory is mapped, but for the heap and what malloc and threads map meanwhile.
state_of() {
	awk '$6 != "" && $6 !~ /^\[(heap|anon)/ { print $1, $2, $6 }' "/proc/$1/maps"
	# `ls` of a running server: its connections come and go, files do not
	for fd in "/proc/$1/fd"/*; do
		readlink "$fd" || true
	done | grep -v '^socket:' | sort
	grep -E '^(TracerPid|SigCgt|SigIgn|SigBlk):' "/proc/$1/status"
}

nothing_is_left() {
	state_of "$1" >after
	diff before after || fail "something is left behind"
	! grep -q 'State:.*[Tt] (' "/proc/$1/status" || fail "it is stopped"
}

# cycles N PID MODE...: attaches and detaches N times.
cycles() {
	local n=$1 pid=$2

	shift 2
	for i in $(seq "$n"); do
		"$TRACER" -q -p "$pid" --duration 100ms -o trace "$@" || fail "cycle $i: status $?"
		kill -0 "$pid" || fail "cycle $i: the process is gone"
	done
}
