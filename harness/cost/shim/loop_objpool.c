/* objpool: a ring of prepared objects for each CPU. */
#include <linux/objpool.h>
#include "run.h"

static struct objpool_head pool;

void prepare(void)
{
	if (objpool_init(&pool, ITEMS, 64, GFP_KERNEL, NULL, NULL, NULL))
		shim_die("objpool_init");
}

long pairs(long ops)
{
	long failed = 0;

	while (ops-- > 0) {
		void *object = objpool_pop(&pool);

		if (!object) {
			failed++;
			continue;
		}
		objpool_push(object, &pool);
	}
	return failed;
}
