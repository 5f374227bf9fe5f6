#include "server/core/http_list.h"

#include <string.h>
#include <strings.h>

/* RFC 9110 §12.4.2: ";q=0" and ";q=0.000" mean "not acceptable". */
static bool is_wanted(const char *weight, size_t len)
{
	static const char none[] = ";q=0.000";
	char compact[sizeof(none)];
	size_t used = 0;
	for (size_t i = 0; i < len && used < sizeof(none) - 1; i++)
		if (weight[i] != ' ' && weight[i] != '\t')
			compact[used++] = weight[i];
	return used < sizeof(";q=0") - 1 || strncasecmp(compact, none, used) != 0;
}

static bool list_has(const char *list, const char *token, bool weighted)
{
	const size_t token_len = strlen(token);
	while (*list) {
		list += strspn(list, ", \t");
		const size_t whole = strcspn(list, ",");
		size_t len = weighted ? strcspn(list, ",;") : whole;
		const char *weight = list + len;
		while (len && (list[len - 1] == ' ' || list[len - 1] == '\t'))
			len--;
		if (len == token_len && !strncasecmp(list, token, len))
			return !weighted || is_wanted(weight, whole - (size_t)(weight - list));
		list += whole;
	}
	return false;
}

bool http_list_has(const char *list, const char *token)
{
	return list_has(list, token, false);
}

bool http_list_accepts(const char *list, const char *token)
{
	return list_has(list, token, true);
}
