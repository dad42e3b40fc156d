#include "classify/sql.h"

#include <stdlib.h>

#include "base/limits.h"
#include "classify/walk.h"

/* --- Text that cannot be judged -------------------------------------------------------------- */

static enum err not_understood(struct arena *a, struct str why, struct sql_facts *ret)
{
    struct collect c;
    collect_init(&c, a);
    c.f.classes = SQL_PARSE_ERROR;
    c.f.parse_error = collect_text(&c, why);
    c.f.has_where = false;
    c.f.has_narrow_where = false;
    return collect_facts(&c, ret);
}

/* Encodings in which every byte of a character beyond ASCII has its high bit set, so that the server's lexer sees the
 * same quotes and letters as ours whatever it converts to (PostgreSQL manual, 24.3.1). */
static bool encoding_is_plain(struct str name)
{
    static const char *const odd[] = {"SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "SHIFT_JIS_2004"};
    static const char *const plain[] = {"UTF8",       "SQL_ASCII",  "EUC_CN",     "EUC_JP",     "EUC_JIS_2004",
                                        "EUC_KR",     "EUC_TW",     "ISO_8859_5", "ISO_8859_6", "ISO_8859_7",
                                        "ISO_8859_8", "KOI8R",      "KOI8U",      "MULE_INTERNAL"};
    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        if (str_eq_ascii_nocase(name, str_of(odd[i])))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (str_eq_ascii_nocase(name, str_of(plain[i])))
            return true;
    return str_eq_ascii_nocase(str_from(name.p, name.n < 5 ? name.n : 5), STR("LATIN")) ||
           str_eq_ascii_nocase(str_from(name.p, name.n < 3 ? name.n : 3), STR("WIN"));
}

static bool is_ascii(struct str s)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t eight, seen = 0;
    size_t i = 0;
    for (; i + sizeof(eight) <= s.n; i += sizeof(eight)) {
        memcpy(&eight, s.p + i, sizeof(eight));
        seen |= eight & high;
    }
    for (; i < s.n; i++)
        seen |= (uint64_t)(unsigned char)s.p[i] & high;
    return seen == 0;
}

/* NULL where the text may be parsed. */
static const char *unreadable(struct str text, const struct sql_settings *settings)
{
    if (text.n > LIMIT_SQL_TEXT)
        return "the statement is longer than the gateway judges";
    if (text.n != 0 && memchr(text.p, '\0', text.n) != NULL)
        return "the statement holds a NUL byte";
    if (settings->client_encoding.n != 0 && !is_ascii(text) && !encoding_is_plain(settings->client_encoding))
        return "the statement is not ASCII and its encoding may hide quotes";
    return NULL;
}

/* --- Statements ------------------------------------------------------------------------------ */

static bool is_walsender_command(struct str text, struct str *ret_word)
{
    static const char *const words[] = {"IDENTIFY_SYSTEM",       "BASE_BACKUP",          "START_REPLICATION",
                                        "CREATE_REPLICATION_SLOT", "DROP_REPLICATION_SLOT", "READ_REPLICATION_SLOT",
                                        "TIMELINE_HISTORY"};
    struct str t = str_trim(text);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i]);
        if (t.n >= n && str_eq_ascii_nocase(str_from(t.p, n), str_of(words[i]))) {
            *ret_word = str_of(words[i]);
            return true;
        }
    }
    return false;
}

static enum err statement_facts(struct arena *a, const RawStmt *raw, size_t text_length,
                                const struct sql_settings *settings, struct sql_facts *ret)
{
    struct collect c;
    struct walk w;
    collect_init(&c, a);
    walk_init(&w, &c, settings);
    enum err e = walk_run(&w, raw->stmt, (struct place){NULL, WALK_TOP});
    walk_done(&w);
    if (e != ERR_OK)
        return e;
    if (w.unknown_node)
        return not_understood(a, STR("the parser made a node the gateway does not know"), ret);
    c.f.statements = 1;
    c.f.offset = raw->stmt_location > 0 ? (size_t)raw->stmt_location : 0;
    c.f.length = raw->stmt_len > 0 ? (size_t)raw->stmt_len : text_length - c.f.offset;
    if (c.sets[SET_COMMANDS].n != 0)
        c.f.command = c.sets[SET_COMMANDS].v[0];
    return collect_facts(&c, ret);
}

static enum err all_statements(struct arena *a, const List *statements, size_t text_length,
                               const struct sql_settings *settings, struct sql_facts *ret)
{
    size_t n = (size_t)tree_list_len(statements);
    struct collect c;
    if (n == 1) {
        const RawStmt *only = tree_list_at(statements, 0);
        TRY(statement_facts(a, only, text_length, settings, ret));
        if (only->stmt_location > 0) /* an empty statement comes before it */
            ret->classes |= SQL_MULTI;
        return ERR_OK;
    }
    collect_init(&c, a);
    if (n == 0)
        return collect_facts(&c, ret);
    struct sql_facts *parts = arena_new_array(a, n, struct sql_facts);
    if (parts == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        TRY(statement_facts(a, tree_list_at(statements, (int)i), text_length, settings, &parts[i]));
        collect_facts_of(&c, &parts[i]);
    }
    c.f.classes |= SQL_MULTI;
    c.f.statements = (int64_t)n;
    c.f.has_limit = parts[0].has_limit;
    c.f.limit = parts[0].limit;
    c.f.parts = parts;
    c.f.n_parts = n;
    c.f.length = text_length;
    return collect_facts(&c, ret);
}

static enum err classify_as(struct arena *a, struct str text, const struct sql_settings *settings, bool conforming,
                            struct sql_facts *ret)
{
    struct tree t;
    struct str word;
    TRY(tree_parse(&t, text, conforming));
    enum err e;
    if (t.parsed.error == NULL) {
        e = all_statements(a, tree_statements(&t), text.n, settings, ret);
    } else {
        e = not_understood(a, str_of(t.parsed.error), ret);
        if (e == ERR_OK && settings->replication && is_walsender_command(text, &word)) {
            ret->classes = 0;
            ret->parse_error = (struct str){NULL, 0};
            ret->command = word;
            ret->statements = 1;
        }
    }
    tree_done(&t);
    return e;
}

static bool same_reading(const struct sql_facts *a, const struct sql_facts *b)
{
    return a->statements == b->statements && a->classes == b->classes && a->traits == b->traits &&
           a->tables.n == b->tables.n && a->functions.n == b->functions.n && a->commands.n == b->commands.n &&
           a->settings.n == b->settings.n && str_eq(a->parse_error, b->parse_error);
}

/* With no backslash in it, a text reads the same either way, or (U&'…', which the server refuses where the
 * setting is off) runs only as read with it on. */
static enum err classify_unsure(struct arena *a, struct str text, const struct sql_settings *settings,
                                struct sql_facts *ret)
{
    struct sql_facts on, off;
    TRY(classify_as(a, text, settings, true, &on));
    if (memchr(text.p, '\\', text.n) == NULL) {
        *ret = on;
        return ERR_OK;
    }
    TRY(classify_as(a, text, settings, false, &off));
    if (same_reading(&on, &off)) {
        *ret = on;
        return ERR_OK;
    }
    TRY(sql_facts_merge(a, &on, &off, ret));
    ret->dynamic |= SQL_D_STRINGS;
    ret->classes |= SQL_DYNAMIC;
    ret->may_write = true;
    return ERR_OK;
}

enum err classify_sql(struct arena *a, struct str text, const struct sql_settings *settings, struct sql_facts *ret)
{
    const char *why = unreadable(text, settings);
    if (why != NULL)
        TRY(not_understood(a, str_of(why), ret));
    else if (settings->standard_conforming_strings == SQL_UNKNOWN && text.n != 0)
        TRY(classify_unsure(a, text, settings, ret));
    else
        TRY(classify_as(a, text, settings, settings->standard_conforming_strings != SQL_OFF, ret));
    if (settings->replication) {
        ret->classes |= SQL_ADMIN;
        ret->traits |= SQL_T_REPLICATION;
        ret->writes = ret->may_write = true;
    }
    return ERR_OK;
}

void walk_stored_text(struct walk *w, struct str text, struct place place)
{
    enum { MAX_NESTED = 4 }; /* bodies that create functions that create functions */
    struct tree t;
    if (w->nested >= MAX_NESTED || w->c->err != ERR_OK)
        return;
    enum err e = tree_parse(&t, text, true);
    if (e != ERR_OK) {
        w->c->err = e;
        return;
    }
    w->nested++;
    place.scope = NULL;
    for (int i = 0; i < tree_list_len(tree_statements(&t)) && e == ERR_OK; i++)
        e = walk_run(w, ((const RawStmt *)tree_list_at(tree_statements(&t), i))->stmt, place);
    w->nested--;
    tree_done(&t);
}

/* --- Without text ---------------------------------------------------------------------------- */

enum err classify_function_call(struct arena *a, uint32_t oid, struct sql_facts *ret)
{
    struct collect c;
    struct str name;
    collect_init(&c, a);
    enum sql_function_kind kind = sql_function_by_oid(oid, &name);
    const struct sql_function_effect *effect = sql_function_effect(kind);
    c.f.command = STR("FUNCTION CALL");
    c.f.statements = 1;
    c.f.classes = SQL_ADMIN | effect->classes;
    c.f.traits = effect->traits;
    c.f.dynamic = kind == SQL_FN_UNKNOWN ? SQL_D_FUNCTION_OID : effect->dynamic;
    collect_static(&c, SET_COMMANDS, "FUNCTION CALL");
    if (kind == SQL_FN_SET_CONFIG)
        c.f.dynamic |= SQL_D_SETTING;
    if (kind == SQL_FN_UNKNOWN) {
        struct str text;
        TRY(arena_printf(a, &text, "oid %u", oid));
        collect_name(&c, SET_FUNCTIONS, text);
        collect_name(&c, SET_UNKNOWN_FUNCTIONS, text);
    } else {
        collect_name(&c, SET_FUNCTIONS, name);
        if (kind != SQL_FN_HARMLESS)
            collect_name(&c, SET_DANGEROUS_FUNCTIONS, name);
    }
    return collect_facts(&c, ret);
}

enum err classify_startup_setting(struct arena *a, struct str name, struct str value, struct sql_facts *ret)
{
    struct collect c;
    struct walk w;
    struct sql_settings settings = SQL_SETTINGS_DEFAULT;
    collect_init(&c, a);
    walk_init(&w, &c, &settings);
    collect_static(&c, SET_COMMANDS, "SET");
    c.f.command = STR("SET");
    c.f.statements = 1;
    c.f.classes = SQL_SESSION;
    walk_setting(&w, (struct place){NULL, 0}, name, &value, false);
    walk_done(&w);
    return collect_facts(&c, ret);
}
