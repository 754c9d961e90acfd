// Package reservation promises memory ahead of its use: the counter-proposal to mempool. A caller reserves what it may need at worst, in a place where
// it can still be told no or be made to wait; from then on a draw on the promise does not fail, and what is not drawn is given back.
//
// The idea is Benjamin LaHaise's (mails of 14 and 15 December 2001, in the thread on mempool-2.5.1-D2). Never to fail, he held, is a matter for the
// allocator itself: it has the statistics to say "yes" or "wait until another user frees", reserved memory may hold clean pages until it is drawn, and
// the ordinary path pays one branch, where a layer above pays calls through pointers and repeats the allocator's logic. No code of his is known; what
// is here follows the mails. Peter Zijlstra's patches for swap over the network (mem_reserve, 2008) came near it and were not merged. The prefilled
// sheaves of Linux's SLUB (Vlastimil Babka, posted on 12 November 2024, merged in 2025) are a promise of objects: an array filled for the worst case
// where one may sleep, drawn from where one may not, the rest returned.
//
//	page    promises of pages; everybody else is served as before (kernel/page, which holds the mechanism)
//	strict  every allocation is admitted, or waits until another user frees: LaHaise's fix of the cause
//	slab    promises of objects of a slab cache. The objects are set aside: a free object of a slab in use is no page, and pages that back a promise
//	        of objects one for one would be many, so these promises do hold memory idle. Molnar said that mempool's properties could not be had so
//	sheaf   promises of objects in an array of each CPU, filled by the reserver, who may sleep for memory but waits for no other user
//
// Invariants:
//
//	I1  every promise can be drawn at once, whatever others do: pages by I17 and I19 of kernel/page, objects because as many lie in the depot, or in
//	    the sheaves, as are promised (mutants RS-01, RS-07; RV-01, RV-02, RV-03, RV-06 of kernel/page)
//	I2  strict refuses nobody who may wait (mutant RS-02)
//	I3  a promised object is in one place, and goes to one drawer (mutant RS-08)
//	I4  nobody waits for a promise beside memory that would do: pages by I18 of kernel/page, objects except those that other CPUs of the cache have at
//	    hand, for which it has room to spare (mutants RS-03, RS-04; RV-04, RV-05 of kernel/page)
//	I5  what is cancelled, or was collected for a promise that was refused, is everybody's again (mutants RS-05, RS-06)
//
// Orderings:
//
//	O1  slab: a free puts the object into the cache, then looks whether any is wanted; a reserver announces what it wants (a full barrier), then looks
//	    into the cache. Swapped, an object may lie in the slabs, and the reserver sleep.
//	O2  slab: a reserver reads changes, looks, enters the queue (a full barrier), and looks at changes again; who adds objects raises changes (a full
//	    barrier), then looks at the queue.
//
// Those of pages are O4 and O5 of kernel/page.
//
// Admission counts what is free above the mark, by the exact sum of the shared word and every CPU's share, or, with the knob drift, by the shared word
// less all that the shares may hide: cheaper on many CPUs, wrong on the side of refusing only. A caller who waits is always admitted by the exact sum,
// or estimates could keep him from memory that is there. To trust the shared word as it is would promise what is not there, as Linux's watermarks did
// until 2010 (commit aa45484031dd; mutant RV-06 of kernel/page).
//
// Cost: page and strict, one branch in an ordinary alloc, 3 instructions of about 270 for an alloc and a free (make bench-callgrind), and none in a
// free, which finds a waiting reserver by the word it reads anyway; a promise takes the lock of each zone once, however many pages it is for, and a draw one zone's lock. slab, one load in a free; a promise moves its objects, and a
// draw takes the depot's lock twice. sheaf, nothing on ordinary paths; a draw takes a lock that other CPUs do not use. A wait is seldom: all who wait try
// again whenever anything is freed, in no order, so a large promise can be overtaken by small ones.
//
// Contexts: Alloc, Free, AllocReserved and Cancel any but NMI; Reserve likewise, with DirectReclaim process context with no spinning lock held.
//
// Promises, to whom: page, slab and sheaf promise what Reserve returns nil for; ordinary callers may fail. strict promises all who may wait that they
// are served as long as those who hold pages give them back; who waits with pages in hand can bring about a deadlock, as with any allocator that waits.
//
// Differences from the mails: promises bear no owner's name. The pages on a CPU's list are nobody's promise: they count again when they have gone back,
// which a reserver who may not wait brings about for lists whose lock is free. A clean page that backs a promise can be pinned or made dirty only by way
// of page.CachePin, which moves the promise, waits, or refuses. Single pages only.
//
// Differences from SLUB's sheaves: there a caller gets a sheaf of his own, filled with what he asked for at least, draws from that, refills it or gives
// it back. Here each CPU has one, in which all who reserved there have their share, and a caller who has moved draws through the other CPUs' locks.
// There a sheaf that comes back serves ordinary callers of the CPU; here sheaves hold promised objects only, and ordinary callers have the cache's lists.
package reservation
