/* The part of the shim that is not in place: memory, the searches in bitmaps, the end of a program that went wrong. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

__thread unsigned long shim_cpu_offset;
__thread int shim_cpu;

void shim_die(const char *what)
{
	fprintf(stderr, "the original, on the shim: %s\n", what);
	exit(2);
}

/* Memory begins on a line of its own, so that no allocator shares one by chance. */
void *shim_memory(size_t bytes)
{
	size_t lines = (bytes + 63) / 64 * 64;
	uint64_t *memory = aligned_alloc(64, lines);

	if (!memory)
		shim_die("out of memory");
	for (size_t i = 0; i < lines / sizeof(*memory); i++)
		memory[i] = 0;
	return memory;
}

void shim_release(const void *memory)
{
	free((void *)memory);
}

/* xorshift: a start for a hint, not a secret. */
uint32_t shim_random(void)
{
	static uint32_t state = 2463534242u;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* The first bit from `from` on that is set in words, each taken exclusive-or flip; bits when there is none. */
unsigned long shim_next_set(const unsigned long *words, unsigned long bits, unsigned long from, unsigned long flip)
{
	unsigned long word, at = from / 64;

	if (from >= bits)
		return bits;
	word = (words[at] ^ flip) & (~0UL << (from & 63));
	while (!word) {
		if (++at * 64 >= bits)
			return bits;
		word = words[at] ^ flip;
	}
	at = at * 64 + (unsigned long)__builtin_ctzl(word);
	return at < bits ? at : bits;
}
