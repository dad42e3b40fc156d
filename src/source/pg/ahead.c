#include "source/pg/session.h"
#include "base/clock.h"
#include "source/pg/catalog.h"

/*
 * What the session will be when all that is outstanding has succeeded: names, settings, transaction.
 */

/* --- Names, as the next message will find them -------------------------------------------------- */

static bool ends_segment(const struct pg_entry *e)
{
    return e->type == PG_E_SYNC || e->type == PG_E_QUERY || e->type == PG_E_FUNCTION ||
           e->type == PG_E_REFUSED_QUERY || (e->type == PG_E_OWN && e->readies != 0);
}

/* The newest outstanding message that makes or drops the name; NULL where there is none. In the
 * present segment its success can be taken for granted (or nothing after it runs); in an earlier one
 * it cannot. */
static const struct pg_entry *outstanding(const struct source_session *s, struct str name,
                                          enum pg_entry_type makes, enum pg_entry_type drops,
                                          bool *ret_wait)
{
    bool earlier = false;
    *ret_wait = false;
    for (size_t i = pg_ring_count(&s->ring); i > 0; i--) {
        const struct pg_entry *e = pg_ring_at(&s->ring, i - 1);
        earlier = earlier || ends_segment(e);
        bool makes_it = e->type == makes &&
                        str_eq(makes == PG_E_PARSE ? e->statement->name : e->portal->name, name);
        if (!makes_it && !(e->type == drops && str_eq(e->name, name)))
            continue;
        *ret_wait = earlier;
        return e;
    }
    return NULL;
}

struct pg_statement *pg_find_statement(const struct source_session *s, struct str name, bool *ret_wait)
{
    const struct pg_entry *e =
        outstanding(s, name, PG_E_PARSE, PG_E_CLOSE_STATEMENT, ret_wait);
    struct pg_statement *st = e != NULL ? e->statement /* NULL for Close */
                                        : pg_names_statement(&s->names, name);
    /* The server plans it anew where search_path changed: what it would call then is not what was judged. */
    bool outdated = st != NULL && st->trusts_catalog && !s->catalog_first;
    return outdated || !pg_name_is_plain(name) ? NULL : st;
}

struct pg_portal *pg_find_portal(const struct source_session *s, struct str name, bool *ret_wait)
{
    const struct pg_entry *e = outstanding(s, name, PG_E_BIND, PG_E_CLOSE_PORTAL, ret_wait);
    if (!pg_name_is_plain(name))
        return NULL;
    return e != NULL ? e->portal : pg_names_portal(&s->names, name);
}

/* --- What a statement will change ---------------------------------------------------------------- */

/* After these, the next text may mean something else, or a name may stand for something else. */
static bool changes_reading(const struct sql_facts *f)
{
    const uint32_t classes = SQL_SESSION | SQL_ROLE | SQL_DYNAMIC | SQL_PARSE_ERROR;
    return f->changes_session || (f->classes & classes) != 0 || f->n_named != 0 ||
           f->n_setting_changes != 0 || (f->traits & (SQL_T_LEXER_CHANGE | SQL_T_SEARCH_PATH)) != 0;
}

static void predict_transaction(struct source_session *s, struct str command)
{
    static const struct {
        const char *tag;
        bool open;
    } tags[] = {{"BEGIN", true},
                {"START TRANSACTION", true},
                {"COMMIT", false},
                {"ROLLBACK", false},
                {"PREPARE TRANSACTION", false}};
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        if (str_is(command, tags[i].tag))
            s->tx_open = tags[i].open;
}

static void predict(struct source_session *s, const struct sql_facts *f)
{
    if (f->n_parts == 0)
        predict_transaction(s, f->command);
    for (size_t i = 0; i < f->n_parts; i++)
        predict_transaction(s, f->parts[i].command);
}

static enum pg_entry_type entry_type(const struct pg_judged *j)
{
    if (strcmp(j->operation, "execute") == 0)
        return PG_E_EXECUTE;
    return strcmp(j->operation, "query") == 0 ? PG_E_QUERY : PG_E_FUNCTION;
}

enum err pg_push_judged(struct source_session *s, uint64_t run)
{
    struct pg_judged *j = &s->judged;
    const struct sql_facts *f = sql_cached_facts(j->text);
    struct pg_entry *e;
    TRY(pg_note_settings(s, f));
    pg_catalog_sent(s, f, j->approved);
    TRY(pg_ring_push(&s->ring, entry_type(j), &e));
    e->run = run;
    if (run != 0)
        e->started_ns = clock_mono_ns();
    if (j->portal != NULL)
        e->portal = pg_portal_ref(j->portal);
    if (f->n_named != 0)
        e->text = sql_cached_ref(j->text);
    if (changes_reading(f))
        pg_ring_set_barrier(&s->ring, e);
    predict(s, f);
    return ERR_OK;
}
