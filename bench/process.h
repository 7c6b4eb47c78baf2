/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

/* What a measuring process does about itself. */

/* Says |what| went wrong, and exits. */
_Noreturn void bench_fail(const char *what);

/* Stays on one processor, if it can. */
void bench_pin(int cpu);

/* Allows as many descriptors as the system lets it. */
void bench_raise_descriptor_limit(void);

/* CPU time of this process so far, microseconds. */
double bench_cpu_us(void);

/* Memory of the process that is in use, KiB. */
long bench_resident_kib(void);

#endif
