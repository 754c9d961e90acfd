/* A stand-in with the interface that the shim's loop calls, for a test of how originals are built: a stack under a lock. */
#ifndef OBJPOOL_H
#define OBJPOOL_H

#include <linux/spinlock.h>

struct objpool_head {
	spinlock_t lock;
	atomic_t used;
	int count;
	void **objects;
};

int objpool_init(struct objpool_head *pool, int count, int bytes, gfp_t gfp, void *context, void *start, void *end);
void *objpool_pop(struct objpool_head *pool);
int objpool_push(void *object, struct objpool_head *pool);

#endif
