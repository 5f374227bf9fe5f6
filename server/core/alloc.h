/*
 * Allocation of small objects of a size that we choose: out of memory ends the process, because
 * there is nothing sensible left to do. Where a peer chooses the size use malloc() and refuse.
 */
#ifndef SOUK_CORE_ALLOC_H
#define SOUK_CORE_ALLOC_H

#include <stddef.h>

void *xcalloc(size_t count, size_t size) __attribute__((returns_nonnull, malloc));
void *xrealloc(void *ptr, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((returns_nonnull, malloc));
char *xstrndup(const char *text, size_t len) __attribute__((returns_nonnull, malloc));
char *xasprintf(const char *format, ...)
	__attribute__((returns_nonnull, malloc, format(printf, 1, 2)));

#endif
