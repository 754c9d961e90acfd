/*
 * Words: types, atomic words, bits, and one CPU's own words, as the originals' sources name them.
 *
 * Only the names are the kernel's; what is behind each is written for user space on x86-64. An atomic read-modify-write is
 * one locked instruction, as it is there.
 */
#ifndef SHIM_WORDS_H
#define SHIM_WORDS_H

typedef __UINT8_TYPE__ uint8_t, u8, __u8;
typedef __UINT16_TYPE__ uint16_t, u16, __u16;
typedef __UINT32_TYPE__ uint32_t, u32, __u32;
typedef __UINT64_TYPE__ uint64_t, u64, __u64;
typedef __INT32_TYPE__ s32;
typedef __INT64_TYPE__ s64;
typedef __SIZE_TYPE__ size_t;
typedef __UINTPTR_TYPE__ uintptr_t;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)
typedef long ssize_t;
typedef unsigned int gfp_t;
typedef struct { int counter; } atomic_t;
typedef struct { long counter; } atomic_long_t;
typedef struct { atomic_t refs; } refcount_t;

/* What the compiler is told, and what a checker would be told. */
#define __always_inline inline __attribute__((always_inline))
#define noinline __attribute__((noinline))
#define __must_check
#define __malloc
#define __rcu
#define __percpu
#define __force
#define __bitwise
#define __user
#define __init
#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define __maybe_unused __attribute__((unused))
#define __must_hold(x)
#define __acquires(x)
#define __releases(x)
#define __counted_by(x)
#define fallthrough __attribute__((fallthrough))
#define ____cacheline_aligned __attribute__((aligned(64)))
#define ____cacheline_aligned_in_smp ____cacheline_aligned
#define SMP_CACHE_BYTES 64
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define EXPORT_SYMBOL(name)
#define EXPORT_SYMBOL_GPL(name)
#define data_race(x) (x)
#define offsetof(type, member) __builtin_offsetof(type, member)
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - __builtin_offsetof(type, member)))
#define struct_size(pointer, member, count) (sizeof(*(pointer)) + sizeof((pointer)->member[0]) * (count))

#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile __typeof__(x) *)&(x) = (value))
#define barrier() __asm__ volatile("" ::: "memory")

/* On x86-64 only a store followed by a load is reordered, and a locked instruction orders everything. */
#define smp_mb() __asm__ volatile("lock addl $0, -4(%%rsp)" ::: "memory", "cc")
#define smp_rmb() barrier()
#define smp_wmb() barrier()
#define smp_mb__before_atomic() barrier()
#define smp_mb__after_atomic() barrier()
#define smp_load_acquire(p) ({ __typeof__(*(p)) got_ = READ_ONCE(*(p)); barrier(); got_; })
#define smp_store_release(p, value) do { barrier(); WRITE_ONCE(*(p), value); } while (0)

/* Numbers. */
#define BITS_PER_LONG 64
#define BITS_PER_BYTE 8
#define BITS_PER_TYPE(type) (sizeof(type) * 8)
#define BIT(n) (1UL << (n))
#define GENMASK(high, low) ((~0UL >> (63 - (high))) & (~0UL << (low)))
#define INT_MAX 0x7fffffff
#define UINT_MAX 0xffffffffu
#define LONG_MAX 0x7fffffffffffffffL
#define ULONG_MAX 0xffffffffffffffffUL
#define U32_MAX UINT_MAX
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define ALIGN(n, to) (((n) + (to) - 1) & ~((__typeof__(n))(to) - 1))
#define min(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b) ({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); a_ > b_ ? a_ : b_; })
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))
#define clamp_t(type, value, low, high) min_t(type, max_t(type, value, low), high)
#define clamp(value, low, high) clamp_t(__typeof__(value), value, low, high)
#define clamp_val(value, low, high) clamp(value, low, high)
#define do_div(n, by) ({ u32 rest_ = (n) % (u32)(by); (n) /= (u32)(by); rest_; })
#define ilog2(n) (63 - __builtin_clzl(n))
#define roundup_pow_of_two(n) ((n) <= 1 ? 1UL : 1UL << (64 - __builtin_clzl((unsigned long)(n) - 1)))

/* No option is on. This one older trees take for a number. */
#define IS_ENABLED(option) 0
#define CONFIG_BASE_SMALL 0

/* Atomic words. */
#define shim_locked_add(p, n) ({						\
	__typeof__(*(p)) added_ = (n);						\
	__asm__ volatile("lock xadd %0, %1" : "+r"(added_), "+m"(*(p)) :: "memory", "cc"); \
	added_; })
#define xchg(p, value) ({							\
	__typeof__(*(p)) new_ = (value);					\
	__asm__ volatile("xchg %0, %1" : "+r"(new_), "+m"(*(p)) :: "memory");	\
	new_; })
#define cmpxchg(p, old, value) ({						\
	__typeof__(*(p)) seen_ = (old), new_ = (value);				\
	__asm__ volatile("lock cmpxchg %2, %1" : "+a"(seen_), "+m"(*(p)) : "r"(new_) : "memory", "cc"); \
	seen_; })
#define try_cmpxchg(p, expected, value) ({					\
	__typeof__(*(p)) seen_ = *(expected), new_ = (value);			\
	bool done_;								\
	__asm__ volatile("lock cmpxchg %3, %2"					\
		: "=@ccz"(done_), "+a"(seen_), "+m"(*(p)) : "r"(new_) : "memory"); \
	if (!done_)								\
		*(expected) = seen_;						\
	done_; })
#define try_cmpxchg_acquire try_cmpxchg
#define try_cmpxchg_release try_cmpxchg

#define ATOMIC_INIT(n) { (n) }
#define atomic_read(v) READ_ONCE((v)->counter)
#define atomic_set(v, n) WRITE_ONCE((v)->counter, n)
#define atomic_add(n, v) ((void)shim_locked_add(&(v)->counter, n))
#define atomic_sub(n, v) atomic_add(-(n), v)
#define atomic_inc(v) atomic_add(1, v)
#define atomic_dec(v) atomic_add(-1, v)
#define atomic_cmpxchg(v, old, value) cmpxchg(&(v)->counter, old, value)
#define atomic_try_cmpxchg(v, expected, value) try_cmpxchg(&(v)->counter, (int *)(expected), (int)(value))
#define atomic_long_try_cmpxchg(v, expected, value) try_cmpxchg(&(v)->counter, (long *)(expected), (long)(value))
static inline void atomic_long_andnot(long bits, atomic_long_t *v)
{
	__asm__ volatile("lock andq %1, %0" : "+m"(v->counter) : "r"(~bits) : "memory", "cc");
}
#define refcount_set(r, n) atomic_set(&(r)->refs, n)
#define refcount_sub_and_test(n, r) (shim_locked_add(&(r)->refs.counter, -(n)) == (n))
#define refcount_dec_and_test(r) refcount_sub_and_test(1, r)

/* Bits. The locked forms index memory by the bit's number, as the kernel's do. */
static inline bool test_bit(long bit, const volatile unsigned long *words)
{
	return words[bit / 64] >> (bit & 63) & 1;
}

static inline void set_bit(long bit, volatile unsigned long *words)
{
	__asm__ volatile("lock btsq %1, %0" : "+m"(*words) : "r"(bit) : "memory", "cc");
}

static inline void clear_bit(long bit, volatile unsigned long *words)
{
	__asm__ volatile("lock btrq %1, %0" : "+m"(*words) : "r"(bit) : "memory", "cc");
}

static inline bool test_and_set_bit(long bit, volatile unsigned long *words)
{
	bool was;

	__asm__ volatile("lock btsq %2, %1" : "=@ccc"(was), "+m"(*words) : "r"(bit) : "memory");
	return was;
}
#define test_and_set_bit_lock test_and_set_bit

static inline void __set_bit(long bit, volatile unsigned long *words)
{
	words[bit / 64] |= 1UL << (bit & 63);
}

static inline void __clear_bit(long bit, volatile unsigned long *words)
{
	words[bit / 64] &= ~(1UL << (bit & 63));
}

static inline bool __test_and_set_bit(long bit, volatile unsigned long *words)
{
	bool was = test_bit(bit, words);

	__set_bit(bit, words);
	return was;
}

static inline bool __test_and_clear_bit(long bit, volatile unsigned long *words)
{
	bool was = test_bit(bit, words);

	__clear_bit(bit, words);
	return was;
}

#define __ffs(word) ((unsigned long)__builtin_ctzl(word))
#define ffz(word) __ffs(~(word))
#define hweight_long(word) ((unsigned long)__builtin_popcountl(word))

#define BITMAP_FIRST_WORD_MASK(from) (~0UL << ((from) & 63))
#define BITMAP_LAST_WORD_MASK(bits) (~0UL >> (-(bits) & 63))
#define BITS_TO_LONGS(bits) DIV_ROUND_UP(bits, 64)
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]

/* The searches are functions of their own, in heap.c, as they are in the kernel unless the size is a constant of one word. */
unsigned long shim_next_set(const unsigned long *words, unsigned long bits, unsigned long from, unsigned long flip);

static inline unsigned long find_next_bit(const unsigned long *words, unsigned long bits, unsigned long from)
{
	if (__builtin_constant_p(bits) && bits <= 64 && bits > 0) {
		unsigned long rest = from < bits ? *words & BITMAP_FIRST_WORD_MASK(from) & BITMAP_LAST_WORD_MASK(bits) : 0;

		return rest ? __ffs(rest) : bits;
	}
	return shim_next_set(words, bits, from, 0);
}

static inline unsigned long find_next_zero_bit(const unsigned long *words, unsigned long bits, unsigned long from)
{
	if (__builtin_constant_p(bits) && bits <= 64 && bits > 0) {
		unsigned long rest = from < bits ? ~*words & BITMAP_FIRST_WORD_MASK(from) & BITMAP_LAST_WORD_MASK(bits) : 0;

		return rest ? __ffs(rest) : bits;
	}
	return shim_next_set(words, bits, from, ~0UL);
}
#define find_first_bit(words, bits) find_next_bit(words, bits, 0)
#define find_first_zero_bit(words, bits) find_next_zero_bit(words, bits, 0)

static inline bool bitmap_empty(const unsigned long *words, unsigned int bits)
{
	return find_first_bit(words, bits) >= bits;
}

static inline bool bitmap_full(const unsigned long *words, unsigned int bits)
{
	return find_first_zero_bit(words, bits) >= bits;
}

static inline void bitmap_fill(unsigned long *words, unsigned int bits)
{
	for (unsigned int i = 0; i < BITS_TO_LONGS(bits); i++)
		words[i] = ~0UL;
}

static inline void bitmap_clear(unsigned long *words, unsigned int from, unsigned int count)
{
	while (count--)
		__clear_bit(from++, words);
}

static inline unsigned int bitmap_weight(const unsigned long *words, unsigned int bits)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < bits; i++)
		n += test_bit(i, words);
	return n;
}

/*
 * CPUs. The program runs as CPU 0 of a machine of one. A CPU's own word lies at its base plus the CPU's offset, which is read
 * through a segment register, as it is there; reading it in place would save one instruction.
 */
extern __thread unsigned long shim_cpu_offset;
extern __thread int shim_cpu;
#define nr_cpu_ids 1U
#define NR_CPUS 1
#define num_possible_cpus() 1U
#define num_online_cpus() 1U
#define cpu_possible(cpu) ((cpu) == 0)
#define cpu_possible_mask NULL
#define cpumask_next_wrap(cpu, mask, start, wrap) 0
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < 1; (cpu)++)
#define for_each_online_cpu(cpu) for_each_possible_cpu(cpu)
#define cpu_to_node(cpu) 0
#define raw_smp_processor_id() (shim_cpu)
#define smp_processor_id() (shim_cpu)
#define get_cpu() (shim_cpu)
#define put_cpu() barrier()
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) name
#define DEFINE_PER_CPU(type, name) __typeof__(type) name
#define per_cpu_ptr(p, cpu) ((void)(cpu), (p))
#define raw_cpu_ptr(p) ((__typeof__(p))((unsigned long)(p) + shim_cpu_offset))
#define this_cpu_ptr raw_cpu_ptr
#define this_cpu_read(x) (*raw_cpu_ptr(&(x)))
#define this_cpu_write(x, value) (*raw_cpu_ptr(&(x)) = (value))

#endif
