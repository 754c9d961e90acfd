/* The steps of percpu_tags:lock: the list is changed under the CPU's own lock. */
#include "list.h"

static noinline long take(void)
{
	long tag = -1;

	spin_lock(&list.lock);
	if (likely(list.count))
		tag = list.tags[--list.count];
	spin_unlock(&list.lock);
	return tag;
}

static noinline void give(u32 tag)
{
	u32 n;

	BUG_ON(tag >= limit);
	spin_lock(&list.lock);
	list.tags[list.count] = tag;
	n = ++list.count;
	spin_unlock(&list.lock);
	BUG_ON(n == MOST);
}
