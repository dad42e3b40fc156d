/*
 * What a sequence of bytes means to the HTTP parser, as one line of text, however it is cut: each
 * request as "METHOD path?query host=H alive=B body=B;", then "more" or "refused STATUS".
 */
#pragma once

#include "net/http_parser.h"

enum { HTTP_OUTCOME_BODY_LIMIT = 64 };

static size_t http_outcome_limit(void *ctx, const struct http_request *head)
{
    (void)ctx;
    return head->method == METHOD_GET ? 0 : HTTP_OUTCOME_BODY_LIMIT;
}

static inline enum err http_outcome_put(struct buf *out, const struct http_request *r)
{
    TRY(buf_printf(out, "%s %.*s?%.*s host=%.*s alive=%d body=", http_method_text(r->method),
                   STR_FMT(r->path), STR_FMT(r->query), STR_FMT(r->host), r->keep_alive));
    TRY(buf_put_str(out, r->body));
    return buf_put_u8(out, ';');
}

/* Feeds one piece; false where the parser wants no more. */
static inline bool http_outcome_feed(struct http_parser *p, struct str in, struct buf *out)
{
    while (in.n != 0) {
        size_t used = 0;
        enum err e = http_parser_feed(p, in, &used);
        in = str_from(in.p + used, in.n - used);
        if (e == ERR_INCOMPLETE)
            return in.n == 0;
        if (e != ERR_OK)
            return buf_printf(out, "refused %d", http_parser_refusal(p).status) != ERR_OK;
        const struct http_request *r = http_parser_request(p);
        if (http_outcome_put(out, r) != ERR_OK || !r->keep_alive)
            return false;
        http_parser_reset(p);
    }
    return true;
}

/* `all` in two pieces, cut at `cut`; every > 0: in pieces of that size instead. */
static inline void http_outcome(struct str all, size_t cut, size_t every, struct buf *out)
{
    struct http_parser *p;
    if (http_parser_new(http_outcome_limit, NULL, &p) != ERR_OK)
        return;
    size_t at = 0;
    bool goes_on = true;
    while (goes_on && at < all.n) {
        size_t n = every != 0 ? every : at == 0 && cut != 0 ? cut : all.n - at;
        n = n < all.n - at ? n : all.n - at;
        goes_on = http_outcome_feed(p, str_from(all.p + at, n), out);
        at += n;
    }
    if (goes_on && buf_put_str(out, STR("more")) != ERR_OK)
        buf_clear(out);
    http_parser_free(p);
}
