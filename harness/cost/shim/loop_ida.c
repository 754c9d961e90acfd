/* ida: the lowest free number of an empty one. */
#include <linux/idr.h>
#include "run.h"

/* What lib/radix-tree.c would have: a cache of tree nodes. A pair on an empty ida needs none. */
static struct kmem_cache nodes = { .bytes = sizeof(struct xa_node) };
struct kmem_cache *radix_tree_node_cachep = &nodes;

void radix_tree_node_rcu_free(struct rcu_head *head)
{
	shim_release(container_of(head, struct xa_node, rcu_head));
}

static struct ida ida;

void prepare(void)
{
	ida_init(&ida);
}

long pairs(long ops)
{
	long failed = 0;

	while (ops-- > 0) {
		int id = ida_alloc(&ida, GFP_NOWAIT);

		if (id < 0) {
			failed++;
			continue;
		}
		ida_free(&ida, id);
	}
	return failed;
}
