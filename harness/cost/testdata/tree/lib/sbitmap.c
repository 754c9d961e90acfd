#include <linux/sbitmap.h>

this does not compile
