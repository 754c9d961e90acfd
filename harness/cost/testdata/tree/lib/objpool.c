#include <linux/objpool.h>
#include <linux/slab.h>
#include "near.h"

int objpool_init(struct objpool_head *pool, int count, int bytes, gfp_t gfp, void *context, void *start, void *end)
{
	spin_lock_init(&pool->lock);
	pool->objects = kcalloc_node(count, sizeof(*pool->objects), gfp, NUMA_NO_NODE);
	while (pool->count < count)
		pool->objects[pool->count++] = kmalloc(bytes, gfp);
	return 0;
}

void *objpool_pop(struct objpool_head *pool)
{
	void *object = NULL;

	spin_lock(&pool->lock);
	if (pool->count > 0)
		object = pool->objects[--pool->count];
	spin_unlock(&pool->lock);
	atomic_inc(&pool->used);
	return object;
}

int objpool_push(void *object, struct objpool_head *pool)
{
	BUG_ON(atomic_read(&pool->used) == 0);
	atomic_dec(&pool->used);
	spin_lock(&pool->lock);
	pool->objects[pool->count++] = object;
	spin_unlock(&pool->lock);
	return 0;
}
