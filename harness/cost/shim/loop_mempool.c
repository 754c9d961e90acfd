/* mempool over the backing: full, so that only its way through is paid. */
#include <linux/mempool.h>
#include "backing.h"

static mempool_t pool;

void prepare(void)
{
	fill();
	if (mempool_init(&pool, ITEMS, take, give, NULL))
		shim_die("mempool_init");
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
