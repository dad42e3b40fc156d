#include "source/pg/startup.h"
#include "base/cursor.h"
#include "base/limits.h"
#include "source/pg/wire.h"

static enum err refuse(struct str *ret_why, enum err e, const char *why)
{
    *ret_why = str_of(why);
    return e;
}

static bool is_false(struct str v)
{
    static const char *const spellings[] = {"false", "off", "no", "0", "f", "n", "of"};
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++)
        if (str_eq_ascii_nocase(v, str_of(spellings[i])))
            return true;
    return false;
}

static struct str setting_of(const struct pg_first *f, const char *name)
{
    for (size_t i = 0; i < f->n_settings; i++)
        if (str_is(f->settings[i].name, name))
            return f->settings[i].value;
    return (struct str){NULL, 0};
}

/* The server takes the last of several equal names; who reads the first judges another connection. */
static bool has_duplicates(const struct pg_first *f)
{
    for (size_t i = 0; i < f->n_settings; i++)
        for (size_t k = 0; k < i; k++)
            if (str_eq_ascii_nocase(f->settings[i].name, f->settings[k].name))
                return true;
    return false;
}

static size_t count_settings(struct cursor c)
{
    size_t n = 0;
    while (cursor_cstr(&c).n != 0) {
        (void)cursor_cstr(&c);
        n++;
    }
    return n;
}

static enum err read_settings(struct cursor *c, struct arena *a, struct pg_first *f)
{
    f->settings = arena_new_array(a, count_settings(*c) + 1, struct pg_setting);
    if (f->settings == NULL)
        return ERR_NOMEM;
    for (;;) {
        struct str name = cursor_cstr(c);
        if (name.n == 0)
            break;
        struct str value = cursor_cstr(c);
        TRY(arena_str(a, name, &f->settings[f->n_settings].name));
        TRY(arena_str(a, value, &f->settings[f->n_settings].value));
        f->n_settings++;
    }
    return cursor_ended_well(c) ? ERR_OK : ERR_PROTOCOL;
}

static enum err read_startup(struct cursor *c, struct arena *a, struct pg_first *f, struct str *ret_why)
{
    enum err e = read_settings(c, a, f);
    if (e == ERR_PROTOCOL)
        return refuse(ret_why, e, "invalid startup packet layout: expected terminator as last byte");
    TRY(e);
    if (has_duplicates(f))
        return refuse(ret_why, ERR_PROTOCOL, "a startup parameter is given twice");
    f->user = setting_of(f, "user");
    f->database = setting_of(f, "database");
    f->application_name = setting_of(f, "application_name");
    f->replication = setting_of(f, "replication");
    f->wants_replication = f->replication.n != 0 && !is_false(f->replication);
    if (f->user.n == 0)
        return refuse(ret_why, ERR_FORBIDDEN, "no PostgreSQL user name specified in startup packet");
    if (f->database.n == 0)
        f->database = f->user;
    /* The server cuts longer names (NAMEDATALEN): what was judged would not be who logs in. */
    if (f->user.n > PG_NAME_MAX || f->database.n > PG_NAME_MAX)
        return refuse(ret_why, ERR_PROTOCOL, "user or database name is longer than 63 bytes");
    return ERR_OK;
}

enum err pg_first_read(struct str in, struct arena *a, struct pg_first *ret, size_t *ret_used,
                       struct str *ret_why)
{
    struct pg_first f = {0};
    struct cursor head = cursor_of(in);
    uint32_t length = cursor_u32(&head);
    if (head.bad)
        return ERR_INCOMPLETE;
    if (length < 8 || length > LIMIT_PG_STARTUP_PACKET)
        return refuse(ret_why, ERR_PROTOCOL, "invalid length of startup packet");
    if (in.n < length)
        return ERR_INCOMPLETE;
    struct cursor c = cursor_of((struct str){in.p + 4, length - 4});
    uint32_t code = cursor_u32(&c);
    *ret_used = length;
    switch (code) {
    case PG_SSL_REQUEST:
    case PG_GSSENC_REQUEST:
        f.kind = code == PG_SSL_REQUEST ? PG_FIRST_SSL : PG_FIRST_GSSENC;
        break;
    case PG_CANCEL_REQUEST:
        f.kind = PG_FIRST_CANCEL;
        f.pid = cursor_u32(&c);
        f.secret = cursor_u32(&c);
        break;
    default:
        if (code >> 16 != 3)
            return refuse(ret_why, ERR_UNSUPPORTED,
                          "unsupported frontend protocol: server supports 3.0");
        f.kind = PG_FIRST_STARTUP;
        f.minor = (uint16_t)(code & 0xffff);
        TRY(read_startup(&c, a, &f, ret_why));
    }
    if (!cursor_ended_well(&c))
        return refuse(ret_why, ERR_PROTOCOL, "invalid length of startup packet");
    *ret = f;
    return ERR_OK;
}

static bool is_protocol_option(struct str name)
{
    return str_starts(name, STR("_pq_."));
}

enum err pg_startup_write(struct buf *out, const struct pg_first *f, bool read_only)
{
    size_t at = buf_len(out);
    TRY(buf_put_u32(out, 0));
    TRY(buf_put_u32(out, PG_PROTOCOL_3_0));
    for (size_t i = 0; i < f->n_settings; i++) {
        if (is_protocol_option(f->settings[i].name))
            continue;
        TRY(buf_put_cstr(out, f->settings[i].name));
        TRY(buf_put_cstr(out, f->settings[i].value));
    }
    if (read_only) { /* what `options` says is set before what has a parameter of its own */
        TRY(buf_put_cstr(out, STR("default_transaction_read_only")));
        TRY(buf_put_cstr(out, STR("on")));
    }
    TRY(buf_put_u8(out, 0));
    buf_patch_u32(out, at, (uint32_t)(buf_len(out) - at));
    return ERR_OK;
}

enum err pg_negotiate_write(struct buf *out, const struct pg_first *f)
{
    uint32_t unknown = 0;
    for (size_t i = 0; i < f->n_settings; i++)
        unknown += is_protocol_option(f->settings[i].name);
    if (f->minor == 0 && unknown == 0)
        return ERR_OK;
    TRY(buf_put_u8(out, 'v'));
    size_t at = buf_len(out);
    TRY(buf_put_u32(out, 0));
    TRY(buf_put_u32(out, PG_PROTOCOL_3_0));
    TRY(buf_put_u32(out, unknown));
    for (size_t i = 0; i < f->n_settings; i++)
        if (is_protocol_option(f->settings[i].name))
            TRY(buf_put_cstr(out, f->settings[i].name));
    buf_patch_u32(out, at, (uint32_t)(buf_len(out) - at));
    return ERR_OK;
}

/* One word of `options`: white space separates, a backslash takes the next character as it is
 * (pg_split_opts in postinit.c). False at the end. */
static bool next_word(struct str *rest, char *room, struct str *ret)
{
    size_t i = 0, n = 0;
    while (i < rest->n && (rest->p[i] == ' ' || (rest->p[i] >= '\t' && rest->p[i] <= '\r')))
        i++;
    if (i == rest->n)
        return false;
    for (; i < rest->n; i++) {
        char ch = rest->p[i];
        if (ch == ' ' || (ch >= '\t' && ch <= '\r'))
            break;
        if (ch == '\\' && i + 1 < rest->n)
            ch = rest->p[++i];
        room[n++] = ch;
    }
    *rest = (struct str){rest->p + i, rest->n - i};
    *ret = (struct str){room, n};
    return true;
}

/* name=value; dashes in the name read as underscores (ParseLongOption in guc.c). */
static enum err read_assignment(struct str word, struct arena *a, struct pg_setting *ret)
{
    struct str name, value;
    if (!str_cut(word, '=', &name, &value) || name.n == 0)
        return ERR_INVALID;
    TRY(arena_str(a, name, &ret->name));
    TRY(arena_str(a, value, &ret->value));
    char *p = (char *)(uintptr_t)ret->name.p; /* the arena's copy is ours */
    for (size_t i = 0; i < ret->name.n; i++)
        if (p[i] == '-')
            p[i] = '_';
    return ERR_OK;
}

enum err pg_options_read(struct str options, struct arena *a, struct pg_setting **ret, size_t *ret_n)
{
    char *room = arena_alloc(a, options.n + 1);
    struct pg_setting *list = arena_new_array(a, options.n / 2 + 1, struct pg_setting);
    if (room == NULL || list == NULL)
        return ERR_NOMEM;
    struct str rest = options, word;
    size_t n = 0;
    while (next_word(&rest, room, &word)) {
        if (str_starts(word, STR("--"))) {
            word = (struct str){word.p + 2, word.n - 2};
        } else if (str_is(word, "-c")) {
            if (!next_word(&rest, room, &word))
                return ERR_INVALID;
        } else if (str_starts(word, STR("-c"))) {
            word = (struct str){word.p + 2, word.n - 2};
        } else {
            return ERR_INVALID;
        }
        TRY(read_assignment(word, a, &list[n]));
        n++;
    }
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}
