/*
 * Measures one original as a sample of headroom measures its translation: pinned, at real-time priority, warmed up, the
 * processor's own compare-and-swap before and after, the clock read once in a chunk. Prints one line of JSON.
 *
 * Arguments: the processor's number, the length of the measured interval in ns.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "run.h"

/* The numbers are those of harness/measure/cost.go and harness/workload/run.go. */
#define CAS_PER_BATCH 20000
#define BATCHES 15
#define CHUNK 4096
#define WARM_CHUNKS 10
#define CALIBRATE_NS 10000000LL
#define MAX_NS 400000000LL

static double ticks_per_ns;

static int64_t system_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Both clocks at once: the counter between two readings of the system's clock that lie close together. */
static void both(int64_t *ns, uint64_t *ticks)
{
	int64_t before, after;

	do {
		before = system_ns();
		*ticks = __rdtsc();
		after = system_ns();
	} while (after - before >= 1000);
	*ns = before + (after - before) / 2;
}

static void calibrate(void)
{
	int64_t first_ns, ns;
	uint64_t first, ticks;

	both(&first_ns, &first);
	do
		both(&ns, &ticks);
	while (ns - first_ns < CALIBRATE_NS);
	ticks_per_ns = (double)(ticks - first) / (double)(ns - first_ns);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static uint64_t word __attribute__((aligned(128)));

/* An uncontended compare-and-swap in ns: the median of batches, each a chain that changes the word. */
static double cas(void)
{
	double costs[BATCHES];

	for (int i = 0; i < BATCHES; i++) {
		uint64_t start;

		word = 0;
		start = __rdtsc();
		for (uint64_t v = 0; v < CAS_PER_BATCH; v++) {
			uint64_t seen = v;

			__asm__ volatile("lock cmpxchgq %2, %1" : "+a"(seen), "+m"(word) : "r"(v + 1) : "memory", "cc");
		}
		costs[i] = (double)(__rdtsc() - start) / ticks_per_ns / CAS_PER_BATCH;
	}
	qsort(costs, BATCHES, sizeof(costs[0]), ascending);
	return costs[BATCHES / 2];
}

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 2;
}

int main(int count, char **arguments)
{
	struct sched_param realtime = { .sched_priority = 1 };
	const char *refused = "";
	long ops = 0, failed = 0;
	double before, after;
	uint64_t start, end, interval, now;
	cpu_set_t one;

	if (count != 3 || atoll(arguments[2]) < 1 || atoll(arguments[2]) > MAX_NS) {
		fprintf(stderr, "give a processor and an interval of at most %lld ns\n", MAX_NS);
		return 2;
	}
	CPU_ZERO(&one);
	CPU_SET(atoi(arguments[1]), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return fail("pinning");
	calibrate();
	prepare();
	if (sched_setscheduler(0, SCHED_FIFO, &realtime))
		refused = strerror(errno);
	for (int i = 0; i < WARM_CHUNKS; i++)
		failed += pairs(CHUNK);
	before = cas();
	interval = (uint64_t)((double)atoll(arguments[2]) * ticks_per_ns);
	start = __rdtsc();
	end = start + interval;
	for (now = start; now < end; now = __rdtsc()) {
		failed += pairs(CHUNK);
		ops += CHUNK;
	}
	after = cas();
	printf("{\"nsPerOp\":%.4f,\"casNs\":[%.4f,%.4f],\"ops\":%ld,\"failed\":%ld,\"realtime\":\"%s\"}\n",
	       (double)(now - start) / ticks_per_ns / (double)ops, before, after, ops, failed, refused);
	return 0;
}
