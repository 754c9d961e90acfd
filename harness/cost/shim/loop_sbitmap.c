/* sbitmap: a queue of tags with hints for each CPU, not round robin, as the block layer makes it. */
#include <linux/sbitmap.h>
#include "run.h"

static struct sbitmap_queue queue;

void prepare(void)
{
	if (sbitmap_queue_init_node(&queue, ITEMS, -1, false, GFP_KERNEL, NUMA_NO_NODE))
		shim_die("sbitmap_queue_init_node");
}

long pairs(long ops)
{
	long failed = 0;

	while (ops-- > 0) {
		unsigned int cpu;
		int tag = sbitmap_queue_get(&queue, &cpu);

		if (tag < 0) {
			failed++;
			continue;
		}
		sbitmap_queue_clear(&queue, tag, cpu);
	}
	return failed;
}
