/* What an original's file tells the program that measures it. */
#ifndef SHIM_RUN_H
#define SHIM_RUN_H

/* prepare makes the allocator; it is called once, before anything is measured. */
void prepare(void);

/* pairs takes an item and gives it back, ops times, and returns how often there was none. */
long pairs(long ops);

/* ITEMS is how many items an allocator of a fixed size is made for: what the workload fastpath gives one CPU. */
#define ITEMS 128

#endif
