/* plug: the library of plugs.c. */
volatile int ticks;
volatile struct { int left, right; } pair = { 1, 2 };
static volatile int hidden;

__attribute__((constructor)) static void begin(void)
{
	ticks = 100;
}

int tick(int times)
{
	for (int i = 0; i < times; i++)
		ticks++;
	pair.right = times;
	hidden = times * 10;
	return times + 1;       /* the constructor's */
}
