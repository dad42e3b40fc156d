/* RE2 behind C: linear-time search, bounded memory. The only C++ of the product is in re2.cc. */
#pragma once

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cel_regex;

enum { REGEX_SPANS_MAX = 10 }; /* the whole match and \1 to \9 */

struct regex_span {
    size_t start, end; /* start == SIZE_MAX: the group took no part */
};

/* ERR_INVALID: `why` (of `size` bytes) says what is wrong; ERR_NOMEM. */
MUST_USE enum err cel_regex_new(struct str pattern, struct cel_regex **ret, char *why, size_t size);
void cel_regex_free(struct cel_regex *r);

/* Whether the pattern matches anywhere. */
bool cel_regex_search(const struct cel_regex *r, struct str text);

/* Capturing groups, not counting the whole match. */
int cel_regex_groups(const struct cel_regex *r);

/* The leftmost match at or after `from`: spans[0] the whole, then up to n - 1 groups. */
bool cel_regex_find(const struct cel_regex *r, struct str text, size_t from, struct regex_span *spans,
                int n);

#ifdef __cplusplus
}
#endif
