#include <re2/re2.h>

#include <cstdio>

extern "C" {
#include "base/limits.h"
}
#include "policy/cel/re2.h"

struct cel_regex {
    RE2 re;

    cel_regex(const re2::StringPiece &pattern, const RE2::Options &options) : re(pattern, options)
    {
    }
};

static re2::StringPiece piece(struct str s)
{
    return re2::StringPiece(s.n != 0 ? s.p : "", s.n);
}

enum err cel_regex_new(struct str pattern, struct cel_regex **ret, char *why, size_t size)
{
    if (pattern.n > LIMIT_CEL_REGEX_PATTERN) {
        std::snprintf(why, size, "the pattern is longer than %zu bytes", LIMIT_CEL_REGEX_PATTERN);
        return ERR_INVALID;
    }
    try {
        RE2::Options options;
        options.set_log_errors(false);
        options.set_max_mem(static_cast<int64_t>(LIMIT_CEL_REGEX_MEMORY));
        struct cel_regex *r = new cel_regex(piece(pattern), options);
        if (!r->re.ok()) {
            std::snprintf(why, size, "%s", r->re.error().c_str());
            delete r;
            return ERR_INVALID;
        }
        *ret = r;
        return ERR_OK;
    } catch (...) {
        std::snprintf(why, size, "out of memory");
        return ERR_NOMEM;
    }
}

void cel_regex_free(struct cel_regex *r)
{
    delete r;
}

bool cel_regex_search(const struct cel_regex *r, struct str text)
{
    return r->re.Match(piece(text), 0, text.n, RE2::UNANCHORED, nullptr, 0);
}

int cel_regex_groups(const struct cel_regex *r)
{
    return r->re.NumberOfCapturingGroups();
}

bool cel_regex_find(const struct cel_regex *r, struct str text, size_t from, struct regex_span *spans,
                int n)
{
    re2::StringPiece groups[REGEX_SPANS_MAX];
    re2::StringPiece whole = piece(text);
    if (n > REGEX_SPANS_MAX)
        n = REGEX_SPANS_MAX;
    if (!r->re.Match(whole, from, text.n, RE2::UNANCHORED, groups, n))
        return false;
    for (int i = 0; i < n; i++) {
        spans[i].start = spans[i].end = SIZE_MAX;
        if (groups[i].data() == nullptr)
            continue;
        spans[i].start = static_cast<size_t>(groups[i].data() - whole.data());
        spans[i].end = spans[i].start + groups[i].size();
    }
    return true;
}
