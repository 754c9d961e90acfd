/*
 * What the originals' sources expect of a kernel, for one user-space thread pinned to a processor.
 *
 * The program that builds an original puts this in front of every source file. Each header that a source then includes is
 * either one of the few that declare the original itself, taken from the tree the user names, or empty.
 *
 * What costs nothing here and something in a kernel: masking interrupts, disabling preemption, calls to tracing and to
 * debugging aids. A lock is taken by one compare-and-swap and released by a plain store, in place, where the kernel calls a
 * function. Waiting ends the program: a tight pair of alloc and free never waits.
 */
#ifndef SHIM_KERNEL_H
#define SHIM_KERNEL_H

#include "words.h"

void shim_die(const char *what) __attribute__((noreturn));
void *shim_memory(size_t bytes);
void shim_release(const void *memory);
void *memset(void *to, int byte, size_t bytes);
void *memcpy(void *to, const void *from, size_t bytes);

/* Errors. */
#define ENOENT 2
#define EAGAIN 11
#define ENOMEM 12
#define EBUSY 16
#define EEXIST 17
#define EINVAL 22
#define ENOSPC 28
#define MAX_ERRNO 4095
#define IS_ERR_VALUE(x) ((unsigned long)(x) >= (unsigned long)-MAX_ERRNO)
#define IS_ERR(p) IS_ERR_VALUE(p)
#define ERR_PTR(e) ((void *)(long)(e))
#define PTR_ERR(p) ((long)(p))

/* Assertions stay in: what a production kernel checks is checked, what only a debugging one checks is not. */
#define BUG() shim_die("BUG")
#define BUG_ON(wrong) do { if (unlikely(wrong)) shim_die("BUG_ON " #wrong); } while (0)
#define BUILD_BUG_ON(wrong) _Static_assert(!(wrong), "BUILD_BUG_ON")
#define WARN_ON(wrong) ({ bool wrong_ = !!(wrong); if (unlikely(wrong_)) shim_die("WARN_ON " #wrong); wrong_; })
#define WARN_ON_ONCE WARN_ON
#define WARN(wrong, ...) WARN_ON(wrong)
#define VM_BUG_ON(wrong) ((void)0)
#define VM_WARN_ON_ONCE(wrong) ((void)0)
#define might_sleep() ((void)0)
#define might_alloc(gfp) ((void)(gfp))
#define lockdep_is_held(lock) 1
#define lockdep_assert_held(lock) ((void)0)
#define kmemleak_update_trace(p) ((void)0)
#define kasan_mempool_poison_object(p) true
#define kasan_mempool_poison_pages(p, order) true
#define kasan_mempool_unpoison_object(p, bytes) ((void)0)
#define kasan_mempool_unpoison_pages(p, order) ((void)0)
#define kasan_poison_object_data(...) ((void)0)
#define kasan_slab_free_mempool(p) ((void)0)
#define kasan_poison_pages(...) ((void)0)
#define kasan_unpoison_range(...) ((void)0)
#define kasan_unpoison_pages(...) ((void)0)
#define pr_info(...) ((void)0)
#define pr_cont(...) ((void)0)
#define pr_err(...) ((void)0)
#define pr_debug(...) ((void)0)

/* Interrupts and preemption. */
#define raw_local_irq_save(flags) ((void)((flags) = 0))
#define raw_local_irq_restore(flags) ((void)(flags))
#define local_irq_save raw_local_irq_save
#define local_irq_restore raw_local_irq_restore
#define preempt_disable() barrier()
#define preempt_enable() barrier()

/* Locks. */
typedef struct { u32 taken; } raw_spinlock_t;
typedef raw_spinlock_t spinlock_t;
typedef struct { char none; } local_lock_t;
#define __SPIN_LOCK_UNLOCKED(name) { 0 }
#define raw_spin_lock_init(l) WRITE_ONCE((l)->taken, 0)
#define spin_lock_init raw_spin_lock_init
#define local_lock(l) barrier()
#define local_unlock(l) barrier()

static __always_inline void raw_spin_lock(raw_spinlock_t *l)
{
	u32 free_now = 0;

	while (unlikely(!try_cmpxchg(&l->taken, &free_now, 1))) {
		free_now = 0;
		__builtin_ia32_pause();
	}
}

static __always_inline void raw_spin_unlock(raw_spinlock_t *l)
{
	smp_store_release(&l->taken, 0);
}

static __always_inline bool raw_spin_trylock(raw_spinlock_t *l)
{
	return cmpxchg(&l->taken, 0, 1) == 0;
}
#define spin_lock raw_spin_lock
#define spin_unlock raw_spin_unlock
#define spin_trylock raw_spin_trylock
#define raw_spin_lock_irqsave(l, flags) do { (flags) = 0; raw_spin_lock(l); } while (0)
#define raw_spin_unlock_irqrestore(l, flags) do { (void)(flags); raw_spin_unlock(l); } while (0)
#define spin_lock_irqsave raw_spin_lock_irqsave
#define spin_unlock_irqrestore raw_spin_unlock_irqrestore
#define spin_lock_irq raw_spin_lock
#define spin_unlock_irq raw_spin_unlock
#define spin_lock_bh raw_spin_lock
#define spin_unlock_bh raw_spin_unlock
#define spin_lock_nested(l, depth) raw_spin_lock(l)
#define spin_lock_bh_nested(l, depth) raw_spin_lock(l)
#define spin_lock_irq_nested(l, depth) raw_spin_lock(l)
#define spin_lock_irqsave_nested(l, flags, depth) raw_spin_lock_irqsave(l, flags)

/* guard(raw_spinlock_irqsave)(lock): held to the end of the block. */
static __always_inline raw_spinlock_t *shim_hold(raw_spinlock_t *l)
{
	raw_spin_lock(l);
	return l;
}

static __always_inline void shim_let_go(raw_spinlock_t **l)
{
	raw_spin_unlock(*l);
}
#define guard(kind) raw_spinlock_t *held_ __maybe_unused __attribute__((cleanup(shim_let_go))) = shim_hold

/* Lists. */
struct list_head { struct list_head *next, *prev; };
#define LIST_HEAD_INIT(name) { &(name), &(name) }

static inline void INIT_LIST_HEAD(struct list_head *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list_head *l)
{
	return READ_ONCE(l->next) == l;
}

static inline void list_del_init(struct list_head *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	INIT_LIST_HEAD(l);
}

/* Read-copy-update: one thread, so what may be freed later may be freed at once. */
struct callback_head { struct callback_head *next; void (*func)(struct callback_head *); };
#define rcu_head callback_head
#define rcu_read_lock() barrier()
#define rcu_read_unlock() barrier()
#define rcu_dereference(p) READ_ONCE(p)
#define rcu_dereference_raw(p) READ_ONCE(p)
#define rcu_dereference_check(p, held) READ_ONCE(p)
#define rcu_dereference_protected(p, held) (p)
#define rcu_assign_pointer(p, value) smp_store_release(&(p), value)
#define RCU_INIT_POINTER(p, value) WRITE_ONCE(p, value)
#define call_rcu(head, f) f(head)

/* Tasks and wait queues. */
struct task_struct;
struct wait_queue_entry {
	unsigned int flags;
	void *private;
	int (*func)(struct wait_queue_entry *, unsigned int, int, void *);
	struct list_head entry;
};
typedef struct wait_queue_entry wait_queue_entry_t;
typedef struct { spinlock_t lock; struct list_head head; } wait_queue_head_t;
#define current ((struct task_struct *)NULL)
#define HZ 250
#define TASK_UNINTERRUPTIBLE 2
#define init_waitqueue_head(q) (spin_lock_init(&(q)->lock), INIT_LIST_HEAD(&(q)->head))
#define init_wait(entry) ((void)(entry))
#define waitqueue_active(q) (!list_empty(&(q)->head))
#define prepare_to_wait(q, entry, state) shim_die("prepare_to_wait")
#define prepare_to_wait_exclusive(q, entry, state) shim_die("prepare_to_wait_exclusive")
#define add_wait_queue(q, entry) shim_die("add_wait_queue")
#define finish_wait(q, entry) shim_die("finish_wait")
#define io_schedule_timeout(ticks) shim_die("io_schedule_timeout")
/* Waking takes the queue's lock, even when nobody is there. */
static inline int shim_wake(wait_queue_head_t *q)
{
	spin_lock(&q->lock);
	if (!list_empty(&q->head))
		shim_die("wake_up of a waiter");
	spin_unlock(&q->lock);
	return 0;
}
#define wake_up(q) shim_wake(q)
#define wake_up_nr(q, n) shim_wake(q)
#define wake_up_all(q) shim_wake(q)

/* Memory. */
#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define NUMA_NO_NODE (-1)
#define __GFP_IO 0x40u
#define __GFP_FS 0x80u
#define __GFP_ZERO 0x100u
#define __GFP_DIRECT_RECLAIM 0x400u
#define __GFP_KSWAPD_RECLAIM 0x800u
#define __GFP_NOWARN 0x2000u
#define __GFP_NORETRY 0x10000u
#define __GFP_NOMEMALLOC 0x80000u
#define __GFP_ACCOUNT 0x400000u
#define __GFP_HIGH 0x20u
#define __GFP_BITS_SHIFT 26
#define __GFP_BITS_MASK ((1u << __GFP_BITS_SHIFT) - 1)
#define GFP_NOWAIT (__GFP_KSWAPD_RECLAIM | __GFP_NOWARN)
#define GFP_ATOMIC (__GFP_HIGH | __GFP_KSWAPD_RECLAIM)
#define GFP_KERNEL (__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_NOFS (GFP_KERNEL & ~__GFP_FS)
#define gfpflags_allow_blocking(gfp) (!!((gfp) & __GFP_DIRECT_RECLAIM))
#define alloc_hooks(call) (call)

struct page;
struct list_lru;
struct kmem_cache { size_t bytes; void (*ctor)(void *); };
/* Fresh memory is zeroed: the program asks for none between the first and the last reading of its clock. */
#define kmalloc(bytes, gfp) shim_memory(bytes)
#define kzalloc(bytes, gfp) shim_memory(bytes)
#define kmalloc_noprof(bytes, gfp) shim_memory(bytes)
#define kmalloc_node(bytes, gfp, node) shim_memory(bytes)
#define kmalloc_node_noprof(bytes, gfp, node) shim_memory(bytes)
#define kzalloc_node(bytes, gfp, node) shim_memory(bytes)
#define kcalloc_node(count, bytes, gfp, node) shim_memory((count) * (bytes))
#define kvzalloc_node(bytes, gfp, node) shim_memory(bytes)
#define kvmalloc(bytes, gfp) shim_memory(bytes)
#define kvmalloc_node_noprof(bytes, gfp, node) shim_memory(bytes)
#define kvmalloc_noprof(bytes, gfp) shim_memory(bytes)
#define kmalloc_array(count, bytes, gfp) shim_memory((count) * (bytes))
#define kmalloc_array_node(count, bytes, gfp, node) shim_memory((count) * (bytes))
#define __vmalloc_node(bytes, align, gfp, node, caller) shim_memory(bytes)
#define kmem_cache_alloc(cache, gfp) shim_memory((cache)->bytes)
#define kmem_cache_alloc_noprof(cache, gfp) shim_memory((cache)->bytes)
#define kmem_cache_alloc_lru(cache, lru, gfp) shim_memory((cache)->bytes)
#define kmem_cache_free(cache, p) shim_release(p)
#define kmem_cache_size(cache) ((cache)->bytes)
#define alloc_percpu_gfp(type, gfp) ((type *)shim_memory(sizeof(type)))
#define alloc_percpu(type) alloc_percpu_gfp(type, 0)
#define alloc_pages(gfp, order) ((struct page *)shim_memory(PAGE_SIZE << (order)))
#define alloc_pages_noprof alloc_pages
#define __free_pages(p, order) shim_release(p)
#define page_address(p) ((void *)(p))
#define kfree shim_release
#define kvfree shim_release
#define vfree shim_release
#define free_percpu shim_release

/* The rest: where a bitmap's first hints come from, and what prints. */
u32 shim_random(void);
#define get_random_u32_below(limit) (shim_random() % (limit))
#define prandom_u32_max(limit) (shim_random() % (limit))
#define get_random_u32() shim_random()
struct seq_file;
#define seq_printf(m, ...) ((void)(m))
#define seq_puts(m, text) ((void)(m))
#define seq_putc(m, c) ((void)(m))

#endif
