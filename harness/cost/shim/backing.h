/* The allocator under the mempool: a list of elements, last in first out, without a lock. Not inlined, as no allocator is. */
#ifndef SHIM_BACKING_H
#define SHIM_BACKING_H

#include "run.h"

/* Elements beyond those that the pool keeps for itself. */
#define SPARE 16

struct element { struct element *next; char rest[56]; };
static struct element elements[ITEMS + SPARE];
static struct element *unused;

static noinline void *take(gfp_t gfp, void *data)
{
	struct element *e = unused;

	if (e)
		unused = e->next;
	return e;
}

static noinline void give(void *element, void *data)
{
	struct element *e = element;

	e->next = unused;
	unused = e;
}

static void fill(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(elements); i++)
		give(&elements[i], NULL);
}

#endif
