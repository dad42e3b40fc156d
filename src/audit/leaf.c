#include "audit/leaf.h"
#include "base/limits.h"

#include <stdio.h>
#include <time.h>

/* Members of `data` that hold text of people or clients: what somebody may have to erase. They stand apart
 * however short they are. (Names, addresses and digests stay: without them a record says nothing.) */
static const char *const erasable[] = {
    "arguments", "command", "comment", "context",    "envelope", "explanation", "facts", "impact", "input",  "justification",
    "message",   "note",    "outcome", "parameters", "reason",   "result",      "text",   "output", "url",
};

/* All of data, where it has too many members to name each. */
#define WHOLE "\"$data\""

/* --- What stands apart -------------------------------------------------------------------------- */

static uint32_t get_u32(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

enum err apart_next(struct str s, size_t *at, struct apart *ret)
{
    const char *p = s.p + *at;
    size_t left = s.n - *at;
    if (left == 0)
        return ERR_NOT_FOUND;
    if (left < APART_HEAD || p[1] != 0 || p[2] != 0 || p[3] != 0 || get_u32(p + 4) > left - APART_HEAD ||
        p[0] < APART_CLEAR || p[0] > APART_ERASED)
        return ERR_INVALID;
    *ret = (struct apart){.form = (enum apart_form)p[0],
                          .salt = (const unsigned char *)p + 8 + DIGEST_SIZE,
                          .content = {p + APART_HEAD, get_u32(p + 4)},
                          .at = *at};
    memcpy(ret->commitment.b, p + 8, DIGEST_SIZE);
    *at += APART_HEAD + ret->content.n;
    return ERR_OK;
}

static struct digest commit_to(const unsigned char *salt, struct str content)
{
    return digest_of2(str_from(salt, APART_SALT), content);
}

bool apart_is_good(const struct apart *a)
{
    struct digest d;
    if (a->form != APART_CLEAR)
        return true;
    d = commit_to(a->salt, a->content);
    return digest_eq(&d, &a->commitment);
}

enum err apart_find(struct str s, const struct digest *commitment, struct apart *ret)
{
    struct apart a;
    size_t at = 0;
    for (;;) {
        TRY(apart_next(s, &at, &a));
        if (digest_eq(&a.commitment, commitment)) {
            *ret = a;
            return ERR_OK;
        }
    }
}

static enum err put_apart(enum apart_form form, const struct digest *commitment, const unsigned char *salt,
                          struct str content, struct buf *out)
{
    char head[APART_HEAD] = {(char)form};
    for (int i = 0; i < 4; i++)
        head[4 + i] = (char)(content.n >> (24 - 8 * i));
    memcpy(head + 8, commitment->b, DIGEST_SIZE);
    if (form == APART_CLEAR)
        memcpy(head + 8 + DIGEST_SIZE, salt, APART_SALT);
    TRY(buf_put(out, head, sizeof(head)));
    return buf_put_str(out, content);
}

/* --- Writing ------------------------------------------------------------------------------------ */

void leaf_maker_init(struct leaf_maker *m)
{
    m->redact = NULL;
    m->n_salts = 0;
    canonical_init(&m->canonical, CANONICAL_AS_STRING);
    buf_init(&m->data, 2 * LIMIT_AUDIT_RECORD);
    buf_init(&m->content, 2 * LIMIT_AUDIT_RECORD);
}

void leaf_maker_done(struct leaf_maker *m)
{
    canonical_done(&m->canonical);
    buf_done(&m->data);
    buf_done(&m->content);
    explicit_bzero(m->salts, sizeof(m->salts));
}

static enum err next_salt(struct leaf_maker *m, unsigned char salt[static APART_SALT])
{
    if (m->n_salts == 0) {
        TRY(random_bytes(m->salts, sizeof(m->salts)));
        m->n_salts = sizeof(m->salts) / APART_SALT;
    }
    m->n_salts--;
    memcpy(salt, m->salts + m->n_salts * APART_SALT, APART_SALT);
    return ERR_OK;
}

static bool kind_is_valid(struct str kind)
{
    if (kind.n == 0 || kind.n > LEAF_KIND_MAX)
        return false;
    for (size_t i = 0; i < kind.n; i++)
        if ((kind.p[i] < 'a' || kind.p[i] > 'z') && kind.p[i] != '_')
            return false;
    return true;
}

/* One member of the canonical data, and whether it goes apart. */
struct part {
    struct str name, value; /* name with its quotation marks */
    struct str rule;        /* under which it is sealed, or empty */
    bool apart;
};

enum { MOST_PARTS = 64, COMMITTED = sizeof("{\"$blob\":\"\",\"bytes\":,\"redacted\":\"\"}") + DIGEST_HEX + 10 };

static bool is_erasable(struct str name)
{
    struct str bare = {name.p + 1, name.n - 2};
    for (size_t i = 0; i < ARRAY_LEN(erasable); i++)
        if (str_is(bare, erasable[i]))
            return true;
    return false;
}

/* What from outside looks like ours must not stand where ours stands. */
static bool looks_committed(struct str value)
{
    return str_starts(value, STR("{\"$blob\":"));
}

static size_t length_of(const struct part *parts, size_t n)
{
    size_t all = 2;
    for (size_t i = 0; i < n; i++)
        all += parts[i].name.n + 2 + (parts[i].apart ? COMMITTED + parts[i].rule.n : parts[i].value.n);
    return all;
}

/* Puts the longest members apart until the rest fits; false where it does not. */
static bool make_fit(struct part *parts, size_t n, size_t room)
{
    while (length_of(parts, n) > room) {
        struct part *longest = NULL;
        for (size_t i = 0; i < n; i++)
            if (!parts[i].apart && parts[i].value.n > COMMITTED &&
                (longest == NULL || parts[i].value.n > longest->value.n))
                longest = &parts[i];
        if (longest == NULL)
            return false;
        longest->apart = true;
    }
    return true;
}

static struct str rule_of(const struct leaf_maker *m, struct str kind, struct str name)
{
    return m->redact != NULL ? m->redact(m->ctx, kind, buf_view(&m->data), name) : (struct str){NULL, 0};
}

/* Divides m->data, which canonical_put has just written, into *parts. False: it has to go apart whole. */
static bool divide(const struct leaf_maker *m, struct str kind, size_t room,
                   struct part parts[static MOST_PARTS], size_t *ret_n)
{
    const struct canonical *c = &m->canonical;
    const char *base = buf_view(&m->data).p;
    if (c->n_members > MOST_PARTS)
        return false;
    for (size_t i = 0; i < c->n_members; i++) {
        const struct canonical_member *k = &c->members[i];
        parts[i].name = (struct str){base + k->at, k->name_n};
        parts[i].value = (struct str){base + k->at + k->name_n + 1, k->n - k->name_n - 1};
        parts[i].rule = rule_of(m, kind, parts[i].name);
        parts[i].apart = parts[i].rule.n != 0 || is_erasable(parts[i].name) ||
                         looks_committed(parts[i].value);
        if (str_is(parts[i].name, WHOLE))
            return false;
    }
    *ret_n = c->n_members;
    return make_fit(parts, c->n_members, room);
}

static enum err put_committed(struct leaf_maker *m, const struct part *p, struct buf *leaf, struct buf *apart)
{
    unsigned char salt[APART_SALT];
    char hex[DIGEST_HEX + 1];
    TRY(next_salt(m, salt));
    struct digest d = commit_to(salt, p->value);
    TRY(buf_printf(leaf, "{\"$blob\":\"%.*s\",\"bytes\":%zu", STR_FMT(digest_hex(&d, hex)), p->value.n));
    if (p->rule.n == 0) {
        TRY(buf_put(leaf, "}", 1));
        return put_apart(APART_CLEAR, &d, salt, p->value, apart);
    }
    TRY(buf_printf(leaf, ",\"redacted\":\"%.*s\"}", STR_FMT(p->rule)));
    buf_clear(&m->content);
    TRY(m->seal(m->ctx, &d, salt, p->value, &m->content));
    return put_apart(APART_SEALED, &d, salt, buf_view(&m->content), apart);
}

static enum err put_parts(struct leaf_maker *m, const struct part *parts, size_t n, struct buf *leaf,
                          struct buf *apart)
{
    for (size_t i = 0; i < n; i++) {
        TRY(buf_put(leaf, i == 0 ? "{" : ",", 1));
        TRY(buf_put_str(leaf, parts[i].name));
        TRY(buf_put(leaf, ":", 1));
        TRY(parts[i].apart ? put_committed(m, &parts[i], leaf, apart)
                           : buf_put_str(leaf, parts[i].value));
    }
    return buf_put_str(leaf, n == 0 ? STR("{}") : STR("}"));
}

static enum err make(struct leaf_maker *m, uint64_t seq, int64_t wall_ns, struct str kind, struct buf *leaf,
                     struct buf *apart)
{
    struct part parts[MOST_PARTS];
    char tail[256], time[CLOCK_TEXT];
    size_t n;
    int tail_n = snprintf(tail, sizeof(tail), ",\"kind\":\"%.*s\",\"seq\":%llu,\"time\":\"%.*s\",\"v\":%d}",
                          STR_FMT(kind), (unsigned long long)seq, STR_FMT(clock_text(wall_ns, time)),
                          LEAF_VERSION);
    if (!divide(m, kind, LIMIT_AUDIT_LEAF - 8 - (size_t)tail_n, parts, &n)) {
        parts[0] = (struct part){.name = STR(WHOLE), .value = buf_view(&m->data), .apart = true};
        parts[0].rule = rule_of(m, kind, parts[0].name);
        n = 1;
    }
    TRY(buf_put_str(leaf, STR("{\"data\":")));
    TRY(put_parts(m, parts, n, leaf, apart));
    return buf_put(leaf, tail, (size_t)tail_n);
}

enum err leaf_make(struct leaf_maker *m, uint64_t seq, int64_t wall_ns, struct str kind, struct str data,
                   struct buf *leaf, struct buf *apart)
{
    size_t leaf_n = buf_len(leaf), apart_n = buf_len(apart);
    if (!kind_is_valid(kind) || data.n == 0 || data.p[0] != '{')
        return ERR_INVALID;
    buf_clear(&m->data);
    enum err e = canonical_put(&m->canonical, data, &m->data);
    if (e == ERR_LIMIT)
        return ERR_INVALID; /* nested too deeply: the cap of the buffer is not what it met */
    TRY(e);
    e = make(m, seq, wall_ns, kind, leaf, apart);
    if (e == ERR_OK && buf_len(leaf) - leaf_n > LIMIT_AUDIT_LEAF)
        e = ERR_BUG;
    if (e != ERR_OK) {
        buf_truncate(leaf, leaf_n);
        buf_truncate(apart, apart_n);
    }
    return e;
}

/* --- Reading ------------------------------------------------------------------------------------ */

static bool skip(struct str *s, struct str what)
{
    if (!str_starts(*s, what))
        return false;
    *s = (struct str){s->p + what.n, s->n - what.n};
    return true;
}

static bool skip_end(struct str *s, struct str what)
{
    if (!str_ends(*s, what))
        return false;
    s->n -= what.n;
    return true;
}

/* The bytes behind the last `mark`, which goes too. */
static bool cut_end(struct str *s, char mark, struct str *ret)
{
    const char *at = s->n != 0 ? memrchr(s->p, mark, s->n) : NULL;
    if (at == NULL)
        return false;
    *ret = (struct str){at + 1, (size_t)(s->p + s->n - at - 1)};
    s->n = (size_t)(at - s->p);
    return true;
}

enum err leaf_parse(struct str bytes, struct leaf *ret)
{
    struct leaf l;
    struct str s = bytes, digits;
    if (bytes.n > LIMIT_AUDIT_LEAF || !skip(&s, STR("{\"data\":")) || !skip_end(&s, STR("\",\"v\":1}")) ||
        !cut_end(&s, '"', &l.time) || l.time.n != 24 || !skip_end(&s, STR(",\"time\":")) ||
        !cut_end(&s, ':', &digits) || str_to_u64(digits, &l.seq) != ERR_OK || digits.p[0] == '0' ||
        !skip_end(&s, STR("\",\"seq\"")) || !cut_end(&s, '"', &l.kind) || !kind_is_valid(l.kind) ||
        !skip_end(&s, STR(",\"kind\":")) || s.n < 2 || s.p[0] != '{' || s.p[s.n - 1] != '}')
        return ERR_INVALID;
    l.data = s;
    *ret = l;
    return ERR_OK;
}

enum err leaf_time(struct str time, int64_t *ret_wall_ns)
{
    static const char form[] = "0000-00-00T00:00:00.000Z";
    int v[7] = {0}, field = 0;
    if (time.n != sizeof(form) - 1)
        return ERR_INVALID;
    for (size_t i = 0; i < time.n; i++) {
        if (form[i] != '0') {
            if (time.p[i] != form[i])
                return ERR_INVALID;
            field++;
        } else if (time.p[i] < '0' || time.p[i] > '9') {
            return ERR_INVALID;
        } else {
            v[field] = v[field] * 10 + (time.p[i] - '0');
        }
    }
    struct tm tm = {.tm_year = v[0] - 1900, .tm_mon = v[1] - 1, .tm_mday = v[2],
                    .tm_hour = v[3],        .tm_min = v[4],     .tm_sec = v[5]};
    *ret_wall_ns = (int64_t)timegm(&tm) * NS_PER_S + v[6] * NS_PER_MS;
    return ERR_OK;
}

/* Behind the string that begins at p (canonical, so that every quotation mark in it has a backslash). */
static const char *end_of_string(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        if (*p == '\\')
            p++;
        else if (*p == '"')
            return p + 1;
    }
    return NULL;
}

/* Behind the value that begins at p; NULL where it has no end. */
static const char *end_of_value(const char *p, const char *end)
{
    int depth = 0;
    while (p != NULL && p < end) {
        if (depth == 0 && (*p == ',' || *p == '}'))
            return p;
        if (*p == '"') {
            p = end_of_string(p, end);
            continue;
        }
        if (*p == '{' || *p == '[')
            depth++;
        else if (*p == '}' || *p == ']')
            depth--;
        p++;
    }
    return NULL;
}

/* The next member of canonical data; *p stands behind "{" or ",". ERR_NOT_FOUND at the end. */
static enum err next_member(const char **p, const char *end, struct part *ret)
{
    if (*p >= end || **p == '}')
        return ERR_NOT_FOUND;
    const char *name_end = **p == '"' ? end_of_string(*p, end) : NULL;
    if (name_end == NULL || name_end >= end || *name_end != ':')
        return ERR_INVALID;
    const char *value_end = end_of_value(name_end + 1, end);
    if (value_end == NULL)
        return ERR_INVALID;
    ret->name = (struct str){*p, (size_t)(name_end - *p)};
    ret->value = (struct str){name_end + 1, (size_t)(value_end - name_end - 1)};
    *p = *value_end == ',' ? value_end + 1 : value_end;
    return ERR_OK;
}

static enum err parse_committed(const struct part *p, struct leaf_commitment *ret)
{
    struct str s = p->value, digits;
    *ret = (struct leaf_commitment){.name = p->name, .value = p->value};
    if (!skip(&s, STR("{\"$blob\":\"")) || s.n < DIGEST_HEX ||
        digest_parse((struct str){s.p, DIGEST_HEX}, &ret->digest) != ERR_OK)
        return ERR_INVALID;
    s = (struct str){s.p + DIGEST_HEX, s.n - DIGEST_HEX};
    if (!skip(&s, STR("\",\"bytes\":")) || !skip_end(&s, STR("}")))
        return ERR_INVALID;
    if (str_cut(s, ',', &digits, &ret->redacted)) {
        if (!skip(&ret->redacted, STR("\"redacted\":\"")) || !skip_end(&ret->redacted, STR("\"")))
            return ERR_INVALID;
    } else {
        digits = s;
        ret->redacted = (struct str){NULL, 0};
    }
    return str_to_u64(digits, &ret->bytes);
}

enum err leaf_commitments(struct str data, leaf_commitment_fn *each, void *ctx)
{
    const char *p = data.p + 1, *end = data.p + data.n;
    struct part part;
    enum err e;
    while ((e = next_member(&p, end, &part)) == ERR_OK) {
        struct leaf_commitment c;
        if (!looks_committed(part.value))
            continue;
        TRY(parse_committed(&part, &c));
        TRY(each(ctx, &c));
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* --- Putting back ------------------------------------------------------------------------------- */

struct resolving {
    struct str apart;
    leaf_open_fn *open;
    void *ctx;
    struct buf *out;
    const char *from; /* of data: copied up to here */
    size_t missing;
};

static enum err put_missing(struct resolving *r, const struct leaf_commitment *c, const char *why)
{
    char hex[DIGEST_HEX + 1];
    r->missing++;
    TRY(buf_printf(r->out, "{\"bytes\":%llu,\"commitment\":\"%.*s\",\"%s\":true", (unsigned long long)c->bytes,
                   STR_FMT(digest_hex(&c->digest, hex)), why));
    if (c->redacted.n != 0)
        TRY(buf_printf(r->out, ",\"redacted\":\"%.*s\"", STR_FMT(c->redacted)));
    return buf_put(r->out, "}", 1);
}

static enum err put_content(struct resolving *r, const struct leaf_commitment *c)
{
    struct apart a;
    enum err e = apart_find(r->apart, &c->digest, &a);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && a.form == APART_ERASED))
        return put_missing(r, c, "erased");
    if (e != ERR_OK || !apart_is_good(&a))
        return ERR_CORRUPT;
    if (a.form == APART_CLEAR)
        return buf_put_str(r->out, a.content);
    e = r->open != NULL ? r->open(r->ctx, &a, r->out) : ERR_NOT_FOUND;
    return e == ERR_NOT_FOUND ? put_missing(r, c, "sealed") : e;
}

static enum err resolve_one(void *ctx, const struct leaf_commitment *c)
{
    struct resolving *r = ctx;
    TRY(buf_put_str(r->out, (struct str){r->from, (size_t)(c->value.p - r->from)}));
    r->from = c->value.p + c->value.n;
    return put_content(r, c);
}

/* Data that went apart as a whole: {"$data":{...}}. */
static enum err resolve_whole(struct resolving *r, struct str data)
{
    const char *p = data.p + 1;
    struct part part;
    struct leaf_commitment c;
    TRY(next_member(&p, data.p + data.n, &part));
    TRY(parse_committed(&part, &c));
    return put_content(r, &c);
}

enum err leaf_resolve(struct str data, struct str apart, leaf_open_fn *open, void *ctx, struct buf *out,
                      size_t *ret_missing)
{
    struct resolving r = {.apart = apart, .open = open, .ctx = ctx, .out = out, .from = data.p};
    size_t before = buf_len(out);
    enum err e;
    if (str_starts(data, STR("{" WHOLE ":"))) {
        e = resolve_whole(&r, data);
    } else {
        e = leaf_commitments(data, resolve_one, &r);
        if (e == ERR_OK)
            e = buf_put_str(out, (struct str){r.from, (size_t)(data.p + data.n - r.from)});
    }
    if (e != ERR_OK) {
        buf_truncate(out, before);
        return e == ERR_INVALID || e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
    }
    *ret_missing = r.missing;
    return ERR_OK;
}
