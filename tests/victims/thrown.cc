// thrown [alone]: exceptions through many frames, destructors, rethrow; also from a thread, for
// which the first one waits or not, unless alone.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>

static int destroyed;
struct guard { ~guard() { destroyed++; } };

__attribute__((noipa)) static int deep(int n)
{
	guard g;
	if (n == 0)
		throw std::runtime_error("bottom");
	return deep(n - 1) + 1;
}

__attribute__((noipa)) static int again(int n)
{
	try {
		return deep(n);
	} catch (const std::runtime_error &e) {
		throw std::logic_error(std::string(e.what()) + " again");
	}
}

static void rounds(int *caught)
{
	for (int i = 0; i < 60; i++)
		try {
			again(i % 20);
		} catch (const std::logic_error &e) {
			*caught += e.what() == std::string("bottom again");
		}
}

int main(int argc, char **argv)
{
	int here = 0, there = 0;
	rounds(&here);
	if (argc > 1) {
		rounds(&there);
	} else {
		std::thread t(rounds, &there);
		t.join();
	}
	std::printf("%d %d %d\n", here, there, destroyed);
	return here == 60 && there == 60 ? 0 : 1;
}
