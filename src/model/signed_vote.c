#include "model/signed_vote.h"

static bool is_one_line(struct str s)
{
    return s.n != 0 && memchr(s.p, '\n', s.n) == NULL && memchr(s.p, '\r', s.n) == NULL;
}

enum err signed_vote_text(const struct signed_vote *v, struct buf *out)
{
    char hex[DIGEST_HEX + 1];
    if (!is_one_line(v->opened) || !is_one_line(v->person) || !is_one_line(v->scope) ||
        !is_one_line(v->expires))
        return ERR_INVALID;
    (void)digest_hex(&v->digest, hex);
    return buf_printf(out,
                      "countersign vote 1\nrequest: %llu\nopened: %.*s\ndigest: %s\ndecision: %s\n"
                      "person: %.*s\nscope: %.*s\nexpires: %.*s\nreason: %.*s\n",
                      (unsigned long long)v->request, STR_FMT(v->opened), hex,
                      v->kind == VOTE_APPROVE ? "approve" : "reject", STR_FMT(v->person),
                      STR_FMT(v->scope), STR_FMT(v->expires), STR_FMT(v->reason));
}
