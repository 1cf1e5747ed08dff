// corrupted: a thread copies too much into a buffer, over the object beside it.
#include <cstdio>
#include <cstring>
#include <thread>

enum class State { Idle, Running = 4, Done };

struct Account {
	long id = 7;
	unsigned flags = 1;
	double balance = 12.5;
	bool open = true;
	State state = State::Idle;
	const char *name = nullptr;
	void deposit(double amount) { balance += amount; }
	void advance() { state = State::Running; }
};

namespace bank {
struct Branch {
	char note[16];
	Account account;
} branch;
Account *best = &branch.account;
}

static const char text[24] = "far too long, ha ha ha!";
volatile size_t length = sizeof text;

__attribute__((noinline)) static void scribble()
{
	asm volatile("rep movsb" :: "D"(bank::branch.note), "S"(text), "c"(length) : "memory");
}

__attribute__((noinline)) static void stray() { scribble(); asm volatile(""); }

int main()
{
	bank::best->deposit(1);
	bank::best->name = text;
	bank::best->open = false;
	bank::best->advance();
	std::thread(stray).join();
	std::printf("%ld\n", bank::branch.account.id);
}
