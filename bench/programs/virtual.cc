/* virtual N: N calls of virtual functions, every thousandth throws through ten frames. */
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

struct shape {
	virtual ~shape() = default;
	virtual long weigh(long x) const = 0;
};

struct box : shape {
	long weigh(long x) const override { return x * 3 + 1; }
};

struct ball : shape {
	long weigh(long x) const override { return x / 2 - 5; }
};

struct cone : shape {
	long weigh(long x) const override { return x ^ 0x55; }
};

__attribute__((noinline)) static long descend(int depth, long x)
{
	if (depth == 0)
		throw x;
	return descend(depth - 1, x) + 1;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 20000000, x = 0, caught = 0;
	std::vector<std::unique_ptr<shape>> shapes;

	for (int i = 0; i < 30; i++) {
		if (i % 3 == 0)
			shapes.push_back(std::make_unique<box>());
		else if (i % 3 == 1)
			shapes.push_back(std::make_unique<ball>());
		else
			shapes.push_back(std::make_unique<cone>());
	}
	for (long i = 0; i < n; i++) {
		x = shapes[static_cast<size_t>(i % 30)]->weigh(x) & 0xffffff;
		if (i % 1000 == 0) {
			try {
				descend(10, x);
			} catch (long) {
				caught++;
			}
		}
	}
	std::printf("%ld %ld\n", x, caught);
	return 0;
}
