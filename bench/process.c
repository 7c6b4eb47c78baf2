/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "process.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

_Noreturn void bench_fail(const char *what)
{
  (void)fprintf(stderr, "bench: %s\n", what);
  exit(1);
}

void bench_pin(int cpu)
{
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((unsigned)cpu, &set);
  (void)sched_setaffinity(0, sizeof(set), &set); /* one processor will do */
}

void bench_raise_descriptor_limit(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }
}

double bench_cpu_us(void)
{
  struct rusage usage;
  (void)getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

long bench_resident_kib(void)
{
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%*s %ld", &pages) != 1) {
    pages = 0;
  }
  if (file != NULL) {
    (void)fclose(file);
  }
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}
