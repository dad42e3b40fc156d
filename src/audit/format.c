#include "audit/format.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/json_read.h"
#include "base/limits.h"

#include <stdio.h>

/* What the formats show of a record beside the record itself. */
struct seen {
    const struct audit_entry *e;
    struct about about;
    struct str text, subject, person, by, reason, digest, address, operation, sql_kind;
    struct json_part classes; /* what the statement does; or missing */
};

enum { PRI_AUDIT = 13 * 8, MSGID_MAX = 32 };

/* --- Looking --------------------------------------------------------------------------------------- */

enum member {
    M_ENVELOPE,
    M_TEXT,
    M_SUBJECT,
    M_PERSON,
    M_BY,
    M_REASON,
    M_WHY,
    M_DIGEST,
    M_ADDRESS,
    M_OPERATION,
    M_KIND,
    M_FACTS,
    M_EXPLANATION,
    M_CONTEXT,
    M_COUNT
};

static const char *const members[M_COUNT] = {"envelope", "text",      "subject", "person", "by",          "reason", "why",
                                             "digest",   "address", "operation", "kind", "facts", "explanation", "context"};

static struct str text_of(const struct json_part *v, struct arena *a)
{
    struct str s;
    if (v->kind == JSON_IS_MISSING || json_part_text(v, a, &s) != ERR_OK)
        return (struct str){NULL, 0};
    return s;
}

static struct str member_text(const struct json_part *v, const char *name, struct arena *a)
{
    struct json_part x;
    if (!json_member(v, name, &x))
        return (struct str){NULL, 0};
    return text_of(&x, a);
}

static void see_envelope(struct seen *s, struct str bytes, struct arena *a)
{
    struct json_part envelope, action;
    if (!json_part_of(bytes, &envelope))
        return;
    s->sql_kind = member_text(&envelope, "kind", a);
    if (json_member(&envelope, "action", &action))
        s->text = member_text(&action, "text", a);
}

static enum err see(struct audit_formatter *f, const struct audit_entry *e, struct seen *ret)
{
    struct json_part data, m[M_COUNT], facts;
    struct arena *a = &f->arena;
    arena_reset(a);
    *ret = (struct seen){.e = e};
    TRY(about_record(e, a, &f->words, &ret->about));
    if (!json_part_of(e->data, &data))
        return ERR_INVALID;
    json_pick(&data, members, M_COUNT, m);
    ret->text = text_of(&m[M_TEXT], a);
    ret->sql_kind = text_of(&m[M_KIND], a);
    see_envelope(ret, text_of(&m[M_ENVELOPE], a), a);
    ret->subject = text_of(&m[M_SUBJECT], a);
    ret->person = text_of(&m[M_PERSON], a);
    ret->by = text_of(&m[M_BY], a);
    ret->reason = text_of(m[M_REASON].kind != JSON_IS_MISSING ? &m[M_REASON] : &m[M_WHY], a);
    ret->digest = text_of(&m[M_DIGEST], a);
    ret->address = text_of(&m[M_ADDRESS], a);
    if (ret->address.n == 0)
        ret->address = member_text(&m[M_CONTEXT], "address", a);
    ret->operation = text_of(&m[M_OPERATION], a);
    facts = m[M_FACTS];
    if (facts.kind == JSON_IS_MISSING && !json_member(&m[M_EXPLANATION], "facts", &facts))
        return ERR_OK;
    if (!json_member(&facts, "sql.classes", &ret->classes))
        ret->classes.kind = JSON_IS_MISSING;
    return ERR_OK;
}

/* --- JSON ------------------------------------------------------------------------------------------ */

static enum err format_jsonl(struct audit_formatter *f, const struct audit_entry *e)
{
    struct json j;
    json_init(&j, &f->one);
    audit_entry_json(&j, e);
    return json_end(&j);
}

/* --- CSV ------------------------------------------------------------------------------------------- */

/* What a spreadsheet may compute instead of showing it (OWASP, CSV Injection); also behind blanks, and the wide
 * forms that some take for the same. */
static bool is_formula(struct str s)
{
    static const struct str wide[] = {STR_INIT("\xef\xbc\x9d"), STR_INIT("\xef\xbc\x8b"),
                                      STR_INIT("\xef\xbc\x8d"), STR_INIT("\xef\xbc\xa0")};
    while (s.n != 0 && memchr(" \t\r\n", s.p[0], 4) != NULL)
        s = str_from(s.p + 1, s.n - 1);
    for (size_t i = 0; i < ARRAY_LEN(wide); i++)
        if (str_starts(s, wide[i]))
            return true;
    return s.n != 0 && memchr("=+-@|%", s.p[0], 6) != NULL;
}

static enum err put_csv_byte(struct buf *out, unsigned char c)
{
    switch (c) {
    case '"':
        return buf_put_str(out, STR("\"\""));
    case '\n':
        return buf_put_str(out, STR("\\n"));
    case '\r':
        return buf_put_str(out, STR("\\r"));
    case '\t':
        return buf_put_str(out, STR("\\t"));
    case '\\':
        return buf_put_str(out, STR("\\\\"));
    default:
        break;
    }
    return c < 0x20 || c == 0x7f ? buf_printf(out, "\\u%04x", c) : buf_put_u8(out, c);
}

/* Text that is no UTF-8 has each byte beyond ASCII replaced: the data column has it whole. */
static enum err put_csv(struct buf *out, struct str s)
{
    bool utf8 = str_is_utf8(s);
    TRY(buf_put_str(out, is_formula(s) ? STR("\"'") : STR("\"")));
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        TRY(c >= 0x80 && !utf8 ? buf_put_str(out, STR("\xef\xbf\xbd")) : put_csv_byte(out, c));
    }
    return buf_put_str(out, STR("\","));
}

/* JSON on one line has nothing that needs more than its quotes doubled. */
static enum err put_csv_json(struct buf *out, struct str json)
{
    TRY(buf_put_u8(out, '"'));
    while (json.n != 0) {
        const char *quote = memchr(json.p, '"', json.n);
        size_t n = quote != NULL ? (size_t)(quote - json.p) + 1 : json.n;
        TRY(buf_put(out, json.p, n));
        if (quote != NULL)
            TRY(buf_put_u8(out, '"'));
        json = str_from(json.p + n, json.n - n);
    }
    return buf_put_u8(out, '"');
}

static enum err joined(struct arena *a, const struct str *v, size_t n, struct str *ret)
{
    struct str all = {NULL, 0}, more;
    for (size_t i = 0; i < n; i++) {
        TRY(arena_printf(a, &more, "%.*s%s%.*s", STR_FMT(all), i != 0 ? ", " : "", STR_FMT(v[i])));
        all = more;
    }
    *ret = all;
    return ERR_OK;
}

static const char csv_head[] =
    "\"seq\",\"time\",\"kind\",\"request\",\"outcome\",\"subject\",\"person\",\"by\",\"resource\",\"guardrails\",\"text\",\"reason\","
    "\"digest\",\"data\"\r\n";

static enum err format_csv(struct audit_formatter *f, const struct seen *s)
{
    struct str seq, request = {NULL, 0}, guardrails;
    TRY(arena_printf(&f->arena, &seq, "%llu", (unsigned long long)s->e->seq));
    if (s->about.request != 0)
        TRY(arena_printf(&f->arena, &request, "%llu", (unsigned long long)s->about.request));
    TRY(joined(&f->arena, s->about.guardrails, s->about.n_guardrails, &guardrails));
    const struct str fields[] = {seq,       s->e->time, s->e->kind,        request,    s->about.outcome, s->subject, s->person,
                                 s->by, s->about.resource, guardrails, s->text, s->reason,  s->digest};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        TRY(put_csv(&f->one, fields[i]));
    return put_csv_json(&f->one, s->e->data);
}

/* --- OCSF ------------------------------------------------------------------------------------------ */

/* Class and activity numbers: ocsf-schema v1.2.0, events/application. */
enum { OCSF_APPLICATION = 6, OCSF_API = 6003, OCSF_DATASTORE = 6005 };
enum { API_CREATE = 1, API_READ = 2, API_UPDATE = 3, API_DELETE = 4, STORE_QUERY = 4, STORE_WRITE = 5, STORE_DELETE = 7, OCSF_OTHER = 99 };

static bool has_class(const struct seen *s, const char *wanted, struct arena *a)
{
    struct json_parts it = json_parts_of(&s->classes);
    struct json_part one;
    struct str key;
    while (json_parts_next(&it, &key, &one))
        if (str_is(text_of(&one, a), wanted))
            return true;
    return false;
}

static bool is_statement(const struct seen *s)
{
    return str_is(s->sql_kind, "sql");
}

static int activity_of(const struct seen *s, struct arena *a)
{
    static const struct {
        const char *kind;
        int activity;
    } kinds[] = {{"opened", API_CREATE},        {"token_created", API_CREATE}, {"session_opened", API_CREATE},
                 {"token_revoked", API_DELETE}, {"session_closed", API_DELETE}, {"withdrawn", API_DELETE}};
    if (is_statement(s))
        return has_class(s, "delete", a)  ? STORE_DELETE
               : has_class(s, "write", a) ? STORE_WRITE
               : has_class(s, "read", a)  ? STORE_QUERY
                                          : OCSF_OTHER;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_is(s->e->kind, kinds[i].kind))
            return kinds[i].activity;
    return API_UPDATE;
}

/* How an outcome stands: OCSF's status (1 success, 2 failure) and severity, and syslog's severity. */
struct weight {
    const char *outcome;
    int status, severity, syslog;
};

static const struct weight weights[] = {
    {"allowed", 1, 1, 6},  {"held", 0, 2, 5},      {"approved", 1, 1, 5}, {"running", 1, 1, 6},
    {"completed", 1, 1, 6}, {"denied", 2, 3, 4},    {"refused", 2, 3, 4},  {"rejected", 2, 3, 4},
    {"expired", 2, 2, 4},  {"withdrawn", 2, 1, 5}, {"failed", 2, 3, 4},   {"unknown", 0, 4, 3},
};

static const struct weight *weight_of(const struct seen *s)
{
    static const struct weight none = {"", 0, 1, 6};
    for (size_t i = 0; i < ARRAY_LEN(weights); i++)
        if (str_is(s->about.outcome, weights[i].outcome))
            return &weights[i];
    return &none;
}

static void put_endpoint(struct json *j, struct str address)
{
    size_t n = address.n;
    uint64_t port;
    while (n > 0 && address.p[n - 1] != ':')
        n--;
    json_key(j, "src_endpoint");
    json_object_begin(j);
    if (n > 1 && str_to_u64(str_from(address.p + n, address.n - n), &port) == ERR_OK) {
        struct str host = {address.p, n - 1};
        bool brackets = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
        json_put_str(j, "ip", brackets ? str_from(host.p + 1, host.n - 2) : host);
        json_key(j, "port");
        json_uint(j, port);
    } else {
        json_put_str(j, "svc_name", STR("countersign"));
    }
    json_object_end(j);
}

static void put_actor(struct json *j, const struct seen *s)
{
    struct str who = s->by.n != 0 ? s->by : s->person.n != 0 ? s->person : s->subject;
    json_key(j, "actor");
    json_object_begin(j);
    if (who.n != 0) {
        json_key(j, "user");
        json_object_begin(j);
        json_put_str(j, "name", who);
        json_put_int(j, "type_id", 0);
        json_object_end(j);
    } else {
        json_put_z(j, "app_name", "countersign");
    }
    json_object_end(j);
}

static void put_metadata(struct json *j, const struct seen *s)
{
    json_key(j, "metadata");
    json_object_begin(j);
    json_put_z(j, "version", "1.2.0");
    json_key(j, "product");
    json_object_begin(j);
    json_put_z(j, "name", "Countersign");
    json_put_z(j, "vendor_name", "Countersign");
    json_put_z(j, "version", COUNTERSIGN_VERSION);
    json_object_end(j);
    json_put_z(j, "log_name", "audit");
    json_put_str(j, "event_code", s->e->kind);
    json_put_str(j, "original_time", s->e->time);
    json_key(j, "sequence");
    json_uint(j, s->e->seq);
    if (s->about.request != 0) {
        char request[24];
        (void)snprintf(request, sizeof(request), "%llu", (unsigned long long)s->about.request);
        json_put_z(j, "correlation_uid", request);
    }
    json_object_end(j);
}

static void put_statement(struct json *j, const struct seen *s)
{
    json_key(j, "database");
    json_object_begin(j);
    json_put_str(j, "name", s->about.resource);
    json_put_int(j, "type_id", 1);
    json_object_end(j);
    json_put_int(j, "type_id", 1);
    if (s->text.n == 0)
        return;
    json_key(j, "query_info");
    json_object_begin(j);
    json_put_str(j, "query_string", s->text);
    json_object_end(j);
}

static void put_api(struct json *j, const struct seen *s)
{
    json_key(j, "api");
    json_object_begin(j);
    json_put_str(j, "operation", s->e->kind);
    json_object_end(j);
}

static void put_unmapped(struct json *j, const struct seen *s)
{
    char hex[DIGEST_HEX + 1];
    struct digest leaf = digest_of(s->e->leaf);
    json_key(j, "unmapped");
    json_object_begin(j);
    json_put_str(j, "outcome", s->about.outcome);
    json_key(j, "leaf_index");
    json_uint(j, s->e->seq - 1);
    json_put_str(j, "leaf_sha256", digest_hex(&leaf, hex));
    json_key(j, "record");
    audit_entry_json(j, s->e);
    json_object_end(j);
}

static enum err format_ocsf(struct audit_formatter *f, const struct seen *s)
{
    struct json j;
    int class_uid = is_statement(s) ? OCSF_DATASTORE : OCSF_API, activity = activity_of(s, &f->arena);
    const struct weight *w = weight_of(s);
    json_init(&j, &f->one);
    json_object_begin(&j);
    json_put_int(&j, "time", s->e->wall_ns / NS_PER_MS);
    json_put_int(&j, "category_uid", OCSF_APPLICATION);
    json_put_int(&j, "class_uid", class_uid);
    json_put_int(&j, "activity_id", activity);
    if (activity == OCSF_OTHER)
        json_put_str(&j, "activity_name", s->operation.n != 0 ? s->operation : s->e->kind);
    json_put_int(&j, "type_uid", class_uid * 100 + activity);
    json_put_int(&j, "severity_id", w->severity);
    json_put_int(&j, "status_id", w->status);
    if (s->reason.n != 0)
        json_put_str(&j, "status_detail", s->reason);
    put_metadata(&j, s);
    put_actor(&j, s);
    put_endpoint(&j, s->address);
    if (class_uid == OCSF_DATASTORE)
        put_statement(&j, s);
    else
        put_api(&j, s);
    put_unmapped(&j, s);
    json_object_end(&j);
    return json_end(&j);
}

/* --- Syslog ---------------------------------------------------------------------------------------- */

/* `meta` and its sequenceId (1 to 2147483647, then 1 again) are RFC 5424's own, 7.3.1. */
static enum err format_syslog(struct audit_formatter *f, const struct seen *s)
{
    struct json j;
    struct str id = s->e->kind;
    if (id.n > MSGID_MAX)
        id.n = MSGID_MAX;
    TRY(buf_printf(&f->one, "<%d>1 %.*s %s countersign - %.*s [meta sequenceId=\"%llu\"] ",
                   PRI_AUDIT + weight_of(s)->syslog, STR_FMT(s->e->time), f->host[0] != '\0' ? f->host : "-",
                   STR_FMT(id), (unsigned long long)((s->e->seq - 1) % 2147483647 + 1)));
    json_init(&j, &f->one);
    audit_entry_json(&j, s->e);
    return json_end(&j);
}

/* --- All -------------------------------------------------------------------------------------------- */

enum err audit_format_parse(struct str word, enum audit_format *ret)
{
    static const char *const words[] = {
        [FORMAT_JSONL] = "jsonl", [FORMAT_CSV] = "csv", [FORMAT_OCSF] = "ocsf", [FORMAT_SYSLOG] = "syslog"};
    for (size_t i = FORMAT_JSONL; i < ARRAY_LEN(words); i++) {
        if (!str_is(word, words[i]))
            continue;
        *ret = (enum audit_format)i;
        return ERR_OK;
    }
    return ERR_INVALID;
}

void audit_formatter_init(struct audit_formatter *f, enum audit_format format,
                          enum audit_framing framing)
{
    *f = (struct audit_formatter){.format = format, .framing = framing};
    buf_init(&f->one, 8 * LIMIT_AUDIT_RECORD);
    buf_init(&f->words, 2 * LIMIT_AUDIT_RECORD);
    arena_init(&f->arena, 8 * LIMIT_AUDIT_RECORD);
}

void audit_formatter_done(struct audit_formatter *f)
{
    buf_done(&f->one);
    buf_done(&f->words);
    arena_done(&f->arena);
}

enum err audit_format_head(const struct audit_formatter *f, struct buf *out)
{
    return f->format == FORMAT_CSV ? buf_put_str(out, str_of(csv_head)) : ERR_OK;
}

static enum err format_one(struct audit_formatter *f, const struct audit_entry *e)
{
    struct seen s;
    buf_clear(&f->one);
    if (f->format == FORMAT_JSONL)
        return format_jsonl(f, e);
    TRY(see(f, e, &s));
    switch (f->format) {
    case FORMAT_CSV:
        return format_csv(f, &s);
    case FORMAT_OCSF:
        return format_ocsf(f, &s);
    case FORMAT_SYSLOG:
        return format_syslog(f, &s);
    case FORMAT_JSONL:
        break;
    }
    return ERR_BUG;
}

enum err audit_format_record(struct audit_formatter *f, const struct audit_entry *e, struct buf *out)
{
    size_t before = buf_len(out);
    TRY(format_one(f, e));
    struct str one = buf_view(&f->one);
    enum err err = ERR_OK;
    if (f->framing == FRAMING_OCTETS)
        err = buf_printf(out, "%zu ", one.n);
    if (err == ERR_OK)
        err = buf_put_str(out, one);
    if (err == ERR_OK && f->framing == FRAMING_LINES)
        err = buf_put_str(out, f->format == FORMAT_CSV ? STR("\r\n") : STR("\n"));
    if (err != ERR_OK)
        buf_truncate(out, before);
    return err;
}
