#!/usr/bin/env bash
# Libraries that come and go: named, and told of.
. "$(dirname "$0")/../lib.sh"

library() { # NAME FUNCTION
	printf 'int %s(int x) { return x + 1; } int variable = 5; char big[100000];\n' "$2" >l.c
	gcc -O1 -shared -fPIC -o "$1" l.c
}

# The map of a process is not that of its first thread alone.
test_what_comes_when_the_first_thread_has_ended() {
	for i in 0 1 2 3; do library "q$i.so" "number$i"; done
	cat >led.c <<-'END'
		#include <fcntl.h>
		#include <pthread.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/mman.h>
		#include <unistd.h>
		static pthread_t first;
		static long offset;             /* of the function, in memory and in the file */
		__attribute__((noipa)) static int call(char *at) { int n = 0; for (int i = 0; i < 5; i++) n += ((int (*)(int))at)(i); return n; }
		static int map_and_call(const char *name)
		{
			void *room = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			int fd = open(name, O_RDONLY);
			char *l = mmap(NULL, 5 * 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
			close(fd);
			munmap(room, 4096);             /* before it, the map is looked at */
			usleep(2000);
			return call(l + offset);
		}
		static void *go_on(void *arg)
		{
			int sum = map_and_call("q0.so");
			pthread_join(first, NULL);
			sum += map_and_call("q1.so");
			usleep(30000);
			sum += map_and_call("q2.so");
			usleep(30000);
			sum += map_and_call("q3.so");
			exit(sum != 4 * 15);
		}
		int main(int argc, char **argv)
		{
			pthread_t t;
			offset = strtol(argv[1], NULL, 16);
			first = pthread_self();
			pthread_create(&t, NULL, go_on, NULL);
			usleep(100000);
			pthread_exit(NULL);
		}
	END
	gcc -O1 -pthread -o led led.c
	"$TRACER" -q --calls -o trace ./led "$(nm -D q0.so | awk '/ number0$/ { print $1 }')" || fail "it ends with $?"
	for i in 0 1 2 3; do
		[ "$(grep -c " number$i(" trace)" = 5 ] || fail "number$i: $(grep -c " number$i(" trace)"
	done
	! grep -q '[^=] 0x[0-9a-f]*(' trace || fail "$(grep -m3 '[^=] 0x[0-9a-f]*(' trace)"
}

# Whoever looks at the map while another thread's munmap waits for it sees what is about to go; it is
# told of all the same.
test_what_goes_while_the_map_is_busy() {
	for i in 0 1 2 3 4 5 6 7; do library "l$i.so" "number$i"; done
	cat >busy.c <<-'END'
		#include <dlfcn.h>
		#include <pthread.h>
		#include <stdio.h>
		#include <sys/mman.h>
		#include <unistd.h>
		#define BYTES (120ul << 20)
		static volatile int ends, goes, step;
		static void *keep_busy(void *arg)
		{
			while (!ends) {
				while (!goes && !ends)
					usleep(50);
				void *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
				goes = 0;
				munmap(p, BYTES);
			}
			return NULL;
		}
		/* Functions that have never been called before: who names them looks at the map. */
		#define F(n) __attribute__((noipa, aligned(64))) void g##n(void) { __asm__(""); }
		#define TEN(n, X) X(n##0) X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7) X(n##8) X(n##9)
		#define NAME(n) g##n,
		TEN(1, F) TEN(2, F) TEN(3, F) TEN(4, F)
		static void (*const all[])(void) = { TEN(1, NAME) TEN(2, NAME) TEN(3, NAME) TEN(4, NAME) };
		static void *call_new_ones(void *arg)
		{
			for (unsigned i = 0; i < sizeof all / sizeof *all && !ends;) {
				for (int s = step; step == s && !ends;)
					usleep(20);
				for (int k = 0; k < 4; k++) {
					usleep(3000);
					all[i++]();
				}
			}
			return NULL;
		}
		int main(void)
		{
			pthread_t a, b;
			char name[32];
			pthread_create(&a, NULL, keep_busy, NULL);
			pthread_create(&b, NULL, call_new_ones, NULL);
			for (int i = 0; i < 8; i++) {
				snprintf(name, sizeof name, "./l%d.so", i);
				void *l = dlopen(name, RTLD_NOW);
				snprintf(name, sizeof name, "number%d", i);
				((int (*)(int))dlsym(l, name))(i);
				usleep(5000);
				goes = 1;
				usleep(2000);
				step++;
				dlclose(l);
				mmap(NULL, 0x5000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
				usleep(30000);
			}
			ends = 1;
			pthread_join(a, NULL);
			pthread_join(b, NULL);
			usleep(100000);
			unsigned char *more = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			*more = 0xc3;                   /* ret: something to be looked at, elsewhere */
			((void (*)(void))more)();
			usleep(10000);
			return 0;
		}
	END
	gcc -O1 -pthread -o busy busy.c
	"$TRACER" -q --calls --format json -o trace ./busy
	for i in 0 1 2 3 4 5 6 7; do
		[ "$(grep '"type":"module"' trace | grep "/l$i.so" | grep -c '"unloaded"')" = 1 ] ||
			fail "l$i.so: $(grep '"type":"module"' trace | grep "/l$i.so")"
	done
}

test_many_libraries() {
	local n=300
	library f.so f
	for i in $(seq "$n"); do cp f.so "f$i.so"; done
	cat >many.c <<-'END'
		#include <dlfcn.h>
		#include <stdio.h>
		#include <stdlib.h>
		int main(int argc, char **argv)
		{
			char name[32];
			int sum = 0;
			for (int i = 1; i <= atoi(argv[1]); i++) {
				snprintf(name, sizeof name, "./f%d.so", i);
				sum += ((int (*)(int))dlsym(dlopen(name, RTLD_NOW), "f"))(i);
			}
			return sum == 0;
		}
	END
	gcc -O1 -o many many.c
	"$TRACER" -q --calls --format json -o trace ./many "$n"
	[ "$(grep '"type":"module"' trace | grep '/f[0-9]*.so' | grep -c '"loaded"')" = "$n" ] ||
		fail "$(grep -c '"loaded"' trace) loaded"
	[ "$(grep -c '"text":"unloaded"' trace)" = 0 ] || fail "$(grep -m1 '"unloaded"' trace)"
	for i in 1 150 "$n"; do
		grep -q "\"function\":\"f\",\"module\":\"f$i.so\"" trace || fail "f of f$i.so is not there"
	done
}

# Pieces of one file without ELF headers, apart from each other (a compiler's code, mapped twice): each is
# named by its own offset in the file, whatever has been mapped before.
test_pieces_of_a_file() {
	cat >pieces.c <<-'END'
		#include <stdio.h>
		#include <string.h>
		#include <sys/mman.h>
		#include <unistd.h>
		int main(void)
		{
			int fd = memfd_create("pieces", 0);
			if (fd < 0 || ftruncate(fd, 64 * 4096))
				return 1;
			for (int i = 0; i < 64; i++) {
				char *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, i * 4096);
				memcpy(w, "\xf3\x0f\x1e\xfa\xc3", 5);           /* endbr64; ret */
				char *x = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, i * 4096);
				mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
				((void (*)(void))x)();
				((void (*)(void))x)();
			}
			return 0;
		}
	END
	gcc -O1 -D_GNU_SOURCE -o pieces pieces.c
	"$TRACER" -q --calls -o trace ./pieces
	for i in 1 2 17 40 63; do
		[ "$(grep -c "memfd:pieces+$(printf '0x%x' $((i * 4096)))(" trace)" = 2 ] ||
			fail "piece $i: $(grep -m3 memfd trace)"
	done
}

run_tests "$@"
