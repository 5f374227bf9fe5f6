#include "load-tests/micro/cores.h"

#include <sys/resource.h>

void cores_pin(const cpu_set_t *cores, bool last)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	for (int core = 0; core < CPU_SETSIZE; core++) {
		if (!CPU_ISSET(core, cores))
			continue;
		CPU_ZERO(&set);
		CPU_SET(core, &set);
		if (!last)
			break;
	}
	(void)sched_setaffinity(0, sizeof(set), &set);
}

void cores_allow_files(unsigned files)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= files)
		return;
	limit.rlim_cur = files < limit.rlim_max ? files : limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}
