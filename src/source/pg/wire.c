#include "source/pg/wire.h"

static enum err begin(struct buf *out, char type, size_t *ret_at)
{
    TRY(buf_put_u8(out, (uint8_t)type));
    *ret_at = buf_len(out);
    return buf_put_u32(out, 0);
}

static void end(struct buf *out, size_t at)
{
    buf_patch_u32(out, at, (uint32_t)(buf_len(out) - at));
}

/* A field's text with its NUL; a NUL inside would end it early, so it becomes a space. */
static enum err put_field(struct buf *out, char field, struct str text)
{
    char *space;
    TRY(buf_put_u8(out, (uint8_t)field));
    TRY(buf_reserve(out, text.n + 1, &space));
    for (size_t i = 0; i < text.n; i++)
        space[i] = text.p[i] != '\0' ? text.p[i] : ' ';
    space[text.n] = '\0';
    buf_commit(out, text.n + 1);
    return ERR_OK;
}

enum err pg_put_report(struct buf *out, const struct pg_report *r)
{
    size_t at;
    bool notice = strcmp(r->severity, "NOTICE") == 0;
    TRY(begin(out, notice ? 'N' : 'E', &at));
    TRY(put_field(out, 'S', str_of(r->severity)));
    TRY(put_field(out, 'V', str_of(r->severity)));
    TRY(put_field(out, 'C', str_of(r->sqlstate)));
    TRY(put_field(out, 'M', r->message));
    if (r->detail.n != 0)
        TRY(put_field(out, 'D', r->detail));
    if (r->hint.n != 0)
        TRY(put_field(out, 'H', r->hint));
    TRY(buf_put_u8(out, 0));
    end(out, at);
    return ERR_OK;
}

enum err pg_put_ready(struct buf *out, char status)
{
    size_t at;
    TRY(begin(out, 'Z', &at));
    TRY(buf_put_u8(out, (uint8_t)status));
    end(out, at);
    return ERR_OK;
}

enum err pg_put_query(struct buf *out, struct str sql)
{
    size_t at;
    TRY(begin(out, 'Q', &at));
    TRY(buf_put_cstr(out, sql));
    end(out, at);
    return ERR_OK;
}

enum err pg_put_parse_typed(struct buf *out, struct str name, struct str sql, struct str types)
{
    size_t at;
    if (types.n / 4 > UINT16_MAX || types.n % 4 != 0)
        return ERR_LIMIT;
    TRY(begin(out, 'P', &at));
    TRY(buf_put_cstr(out, name));
    TRY(buf_put_cstr(out, sql));
    TRY(buf_put_u16(out, (uint16_t)(types.n / 4)));
    TRY(buf_put_str(out, types));
    end(out, at);
    return ERR_OK;
}

enum err pg_put_parse(struct buf *out, struct str name, struct str sql)
{
    return pg_put_parse_typed(out, name, sql, (struct str){NULL, 0});
}

enum err pg_put_bind(struct buf *out, struct str portal, struct str statement, struct str tail)
{
    size_t at;
    TRY(begin(out, 'B', &at));
    TRY(buf_put_cstr(out, portal));
    TRY(buf_put_cstr(out, statement));
    TRY(buf_put_str(out, tail));
    end(out, at);
    return ERR_OK;
}

enum err pg_put_execute(struct buf *out, struct str portal)
{
    size_t at;
    TRY(begin(out, 'E', &at));
    TRY(buf_put_cstr(out, portal));
    TRY(buf_put_u32(out, 0));
    end(out, at);
    return ERR_OK;
}

enum err pg_put_close(struct buf *out, char what, struct str name)
{
    size_t at;
    TRY(begin(out, 'C', &at));
    TRY(buf_put_u8(out, (uint8_t)what));
    TRY(buf_put_cstr(out, name));
    end(out, at);
    return ERR_OK;
}

static enum err put_bare(struct buf *out, char type)
{
    TRY(buf_put_u8(out, (uint8_t)type));
    return buf_put_u32(out, 4);
}

enum err pg_put_sync(struct buf *out)
{
    return put_bare(out, 'S');
}

enum err pg_put_flush(struct buf *out)
{
    return put_bare(out, 'H');
}

enum err pg_put_terminate(struct buf *out)
{
    return put_bare(out, 'X');
}

enum err pg_put_ssl_request(struct buf *out)
{
    TRY(buf_put_u32(out, 8));
    return buf_put_u32(out, PG_SSL_REQUEST);
}

enum err pg_put_cancel(struct buf *out, uint32_t pid, uint32_t secret)
{
    TRY(buf_put_u32(out, 16));
    TRY(buf_put_u32(out, PG_CANCEL_REQUEST));
    TRY(buf_put_u32(out, pid));
    return buf_put_u32(out, secret);
}

struct str pg_report_field(struct str body, char field)
{
    struct cursor c = cursor_of(body);
    for (;;) {
        char type = (char)cursor_u8(&c);
        if (c.bad || type == '\0')
            return (struct str){NULL, 0};
        struct str text = cursor_cstr(&c);
        if (type == field)
            return text;
    }
}

enum err pg_read_query(struct str body, struct str *ret_text)
{
    struct cursor c = cursor_of(body);
    struct str text = cursor_cstr(&c);
    if (!cursor_ended_well(&c))
        return ERR_PROTOCOL;
    *ret_text = text;
    return ERR_OK;
}

/* The server's tables compare NAMEDATALEN - 1 bytes of a name: longer ones that begin alike are one. */
static struct str read_name(struct cursor *c)
{
    struct str name = cursor_cstr(c);
    return (struct str){name.p, name.n < PG_NAME_MAX ? name.n : PG_NAME_MAX};
}

enum err pg_read_parse(struct str body, struct pg_parse *ret)
{
    struct cursor c = cursor_of(body);
    struct pg_parse p;
    p.name = read_name(&c);
    p.text = cursor_cstr(&c);
    p.n_types = cursor_u16(&c);
    p.types = cursor_bytes(&c, (size_t)p.n_types * 4);
    if (!cursor_ended_well(&c))
        return ERR_PROTOCOL;
    *ret = p;
    return ERR_OK;
}

/* n values of 4 bytes length (all ones: NULL) and that many bytes. */
static struct str read_values(struct cursor *c, uint16_t n)
{
    const char *start = c->p;
    for (uint16_t i = 0; i < n && !c->bad; i++) {
        uint32_t len = cursor_u32(c);
        if (len == UINT32_MAX)
            continue;
        if (len > INT32_MAX)
            c->bad = true;
        (void)cursor_bytes(c, len);
    }
    return c->bad ? (struct str){NULL, 0} : (struct str){start, (size_t)(c->p - start)};
}

/* As the server requires it: none, one for all, or one for each; text (0) or binary (1). */
static bool formats_fit(struct str formats, uint16_t n_formats, uint16_t n)
{
    for (uint16_t i = 0; i < n_formats; i++)
        if (formats.p[2 * i] != 0 || (formats.p[2 * i + 1] & ~1) != 0)
            return false;
    return n_formats <= 1 || n_formats == n;
}

enum err pg_read_bind(struct str body, struct pg_bind *ret)
{
    struct cursor c = cursor_of(body);
    struct pg_bind b;
    b.portal = read_name(&c);
    b.statement = read_name(&c);
    b.n_formats = cursor_u16(&c);
    b.formats = cursor_bytes(&c, (size_t)b.n_formats * 2);
    b.n_params = cursor_u16(&c);
    b.params = read_values(&c, b.n_params);
    uint16_t n_results = cursor_u16(&c);
    (void)cursor_bytes(&c, (size_t)n_results * 2);
    if (!cursor_ended_well(&c) || !formats_fit(b.formats, b.n_formats, b.n_params))
        return ERR_PROTOCOL;
    *ret = b;
    return ERR_OK;
}

enum err pg_read_execute(struct str body, struct pg_execute *ret)
{
    struct cursor c = cursor_of(body);
    struct pg_execute e;
    e.portal = read_name(&c);
    e.max_rows = cursor_u32(&c);
    if (!cursor_ended_well(&c))
        return ERR_PROTOCOL;
    *ret = e;
    return ERR_OK;
}

enum err pg_read_named(struct str body, struct pg_named *ret)
{
    struct cursor c = cursor_of(body);
    struct pg_named n;
    n.what = (char)cursor_u8(&c);
    n.name = read_name(&c);
    if (!cursor_ended_well(&c) || (n.what != 'S' && n.what != 'P'))
        return ERR_PROTOCOL;
    *ret = n;
    return ERR_OK;
}

enum err pg_read_function_call(struct str body, uint32_t *ret_oid)
{
    struct cursor c = cursor_of(body);
    uint32_t oid = cursor_u32(&c);
    uint16_t n_formats = cursor_u16(&c);
    struct str formats = cursor_bytes(&c, (size_t)n_formats * 2);
    uint16_t n_args = cursor_u16(&c);
    (void)read_values(&c, n_args);
    (void)cursor_u16(&c);
    if (!cursor_ended_well(&c) || !formats_fit(formats, n_formats, n_args))
        return ERR_PROTOCOL;
    *ret_oid = oid;
    return ERR_OK;
}

enum err pg_put_identifier(struct buf *out, struct str name)
{
    TRY(buf_put(out, "\"", 1));
    for (size_t i = 0; i < name.n; i++) {
        TRY(buf_put(out, &name.p[i], 1));
        if (name.p[i] == '"')
            TRY(buf_put(out, "\"", 1));
    }
    return buf_put(out, "\"", 1);
}
