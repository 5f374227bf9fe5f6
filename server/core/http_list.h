/*
 * Header fields that are lists (RFC 9110 §5.6.1): whether a token is among the elements, in
 * whatever case. Pure; any thread.
 */
#ifndef SOUK_CORE_HTTP_LIST_H
#define SOUK_CORE_HTTP_LIST_H

#include <stdbool.h>

bool http_list_has(const char *list, const char *token);

/* Of what somebody takes (§12.4.2): the element may have a weight, which is above 0. */
bool http_list_accepts(const char *list, const char *token);

#endif
