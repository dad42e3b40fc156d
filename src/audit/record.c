#include "audit/record.h"
#include "base/json_check.h"

static bool kind_is_valid(struct str kind)
{
    if (kind.n == 0 || kind.n > AUDIT_KIND_MAX)
        return false;
    for (size_t i = 0; i < kind.n; i++)
        if ((kind.p[i] < 'a' || kind.p[i] > 'z') && kind.p[i] != '_')
            return false;
    return true;
}

static enum err write_line(struct buf *out, size_t start, uint64_t seq, int64_t wall_ns,
                           struct str kind, const struct digest *prev, struct str data,
                           struct digest *ret_hash)
{
    char time[CLOCK_TEXT], hex[DIGEST_HEX + 1];
    TRY(buf_printf(out, "{\"seq\":%llu,\"time\":\"%.*s\",\"kind\":\"%.*s\",\"prev\":\"%.*s\",\"data\":",
                   (unsigned long long)seq, STR_FMT(clock_text(wall_ns, time)), STR_FMT(kind),
                   STR_FMT(digest_hex(prev, hex))));
    TRY(buf_put_str(out, data));
    struct str all = buf_view(out);
    struct digest hash = digest_of((struct str){all.p + start, all.n - start});
    TRY(buf_printf(out, ",\"hash\":\"%.*s\"}\n", STR_FMT(digest_hex(&hash, hex))));
    *ret_hash = hash;
    return ERR_OK;
}

enum err audit_record_write(struct buf *out, uint64_t seq, int64_t wall_ns, struct str kind,
                            const struct digest *prev, struct str data, struct digest *ret_hash)
{
    if (!kind_is_valid(kind) || !json_is_one_line(data, JSON_LINE_OBJECT))
        return ERR_INVALID;
    size_t start = buf_len(out);
    enum err e = write_line(out, start, seq, wall_ns, kind, prev, data, ret_hash);
    if (e != ERR_OK)
        buf_truncate(out, start);
    return e;
}

/* --- Reading --------------------------------------------------------------------------------- */

static bool skip(struct str *s, struct str what)
{
    if (!str_starts(*s, what))
        return false;
    *s = (struct str){s->p + what.n, s->n - what.n};
    return true;
}

/* Up to the next quotation mark, which is skipped; the members before `data` have no escapes. */
static bool take_quoted(struct str *s, struct str *ret)
{
    struct str tail;
    if (!str_cut(*s, '"', ret, &tail))
        return false;
    *s = tail;
    return memchr(ret->p, '\\', ret->n) == NULL;
}

static bool take_seq(struct str *s, uint64_t *ret)
{
    struct str digits, tail;
    if (!str_cut(*s, ',', &digits, &tail) || str_to_u64(digits, ret) != ERR_OK)
        return false;
    *s = tail;
    return digits.p[0] != '0';
}

enum err audit_record_parse(struct str line, struct audit_record *ret)
{
    struct audit_record r;
    struct str prev, s = line;
    if (line.n < AUDIT_LINE_TAIL)
        return ERR_INVALID;
    struct str tail = {line.p + line.n - AUDIT_LINE_TAIL, AUDIT_LINE_TAIL};
    if (!skip(&s, STR("{\"seq\":")) || !take_seq(&s, &r.seq) || !skip(&s, STR("\"time\":\"")) ||
        !take_quoted(&s, &r.time) || !skip(&s, STR(",\"kind\":\"")) ||
        !take_quoted(&s, &r.kind) || !skip(&s, STR(",\"prev\":\"")) || !take_quoted(&s, &prev) ||
        !skip(&s, STR(",\"data\":")) || s.n < AUDIT_LINE_TAIL + 2)
        return ERR_INVALID;
    r.data = (struct str){s.p, s.n - AUDIT_LINE_TAIL};
    if (!skip(&tail, STR(",\"hash\":\"")) || !str_ends(tail, STR("\"}")) ||
        digest_parse((struct str){tail.p, DIGEST_HEX}, &r.hash) != ERR_OK ||
        digest_parse(prev, &r.prev) != ERR_OK || !kind_is_valid(r.kind) ||
        !json_is_one_line(r.data, JSON_LINE_OBJECT))
        return ERR_INVALID;
    *ret = r;
    return ERR_OK;
}

bool audit_record_is_whole(struct str line, const struct audit_record *r)
{
    struct digest hash = digest_of((struct str){line.p, line.n - AUDIT_LINE_TAIL});
    return digest_eq(&hash, &r->hash);
}
