#include "limits.h"

#include <stdbool.h>
#include <sys/resource.h>

static struct rlimit before;
static bool is_known;

void limits_raise(void)
{
	struct rlimit most;

	is_known = is_known || getrlimit(RLIMIT_NOFILE, &before) == 0;
	most = (struct rlimit){ before.rlim_max, before.rlim_max };
	if (!is_known || setrlimit(RLIMIT_NOFILE, &most) < 0)
		return;         /* then it stays as it is */
}

void limits_restore(void)
{
	if (!is_known || setrlimit(RLIMIT_NOFILE, &before) < 0)
		return;
}
