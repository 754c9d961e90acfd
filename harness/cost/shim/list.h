/* A CPU's list of tags, for the steps of percpu_tags in C: no kernel's text, a check of what the same steps cost another compiler. */
#ifndef SHIM_LIST_H
#define SHIM_LIST_H

#include "run.h"

#define BATCH 32
#define MOST 64

static struct {
	u32 count;
	spinlock_t lock;
	char apart[56];
	u32 tags[MOST];
} list __attribute__((aligned(128)));

static u32 limit = ITEMS;

void prepare(void)
{
	while (list.count < BATCH) {
		list.tags[list.count] = list.count;
		list.count++;
	}
}

static noinline long take(void);
static noinline void give(u32 tag);

long pairs(long ops)
{
	long failed = 0;

	while (ops-- > 0) {
		long tag = take();

		if (tag < 0) {
			failed++;
			continue;
		}
		give(tag);
	}
	return failed;
}

#endif
