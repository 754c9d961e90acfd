/* The steps of percpu_tags:xchg: the count is changed by compare-and-swap, so that a thief can take it away at any moment. */
#include "list.h"

#define STEALING 0xffffffffu

static noinline long take(void)
{
	for (;;) {
		u32 n = READ_ONCE(list.count), tag;

		if (n == 0 || n == STEALING)
			return -1;
		tag = READ_ONCE(list.tags[n - 1]);
		if (cmpxchg(&list.count, n, n - 1) == n)
			return tag;
	}
}

static noinline void give(u32 tag)
{
	u32 n = READ_ONCE(list.count);

	BUG_ON(tag >= limit);
	for (;;) {
		u32 seen;

		BUG_ON(n == STEALING);
		WRITE_ONCE(list.tags[n], tag);
		seen = cmpxchg(&list.count, n, n + 1);
		if (seen == n)
			break;
		n = seen;
	}
	BUG_ON(n + 1 == MOST);
}
