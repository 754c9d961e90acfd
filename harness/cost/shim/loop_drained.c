/* mempool alone: its backing has nothing, so every element comes from the pool and goes back to it, under its lock. */
#include <linux/mempool.h>
#include "backing.h"

static mempool_t pool;

void prepare(void)
{
	fill();
	if (mempool_init(&pool, ITEMS, take, give, NULL))
		shim_die("mempool_init");
	while (take(GFP_NOWAIT, NULL))
		;
}

long pairs(long ops)
{
	long failed = 0;

	while (ops-- > 0) {
		void *element = mempool_alloc(&pool, GFP_NOWAIT);

		if (!element) {
			failed++;
			continue;
		}
		mempool_free(element, &pool);
	}
	return failed;
}
