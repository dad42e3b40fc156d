#include "base/limits.h"
#include "source/pg/catalog.h"
#include "source/pg/session.h"

/*
 * Settings that change how a text is read, or what a name in it means.
 *
 * The server reports the first kind, but only in ReadyForQuery's company; a statement in between is read
 * both ways. It never reports the second kind: what the session set is noted as text for the approver.
 * A SET that failed, was LOCAL or was rolled back leaves what was before, so that is kept beside it until
 * the transaction has ended well.
 */

static const char AT_START[] = "(as at the start)", COMPUTED[] = "(set to a computed value)",
                  RESET_ALL[] = "(reset)", LOST[] = "(changed too often to say)";

static struct str or_start(struct str value)
{
    return value.n != 0 ? value : STR(AT_START);
}

static enum err append_choice(struct buf *to, struct str value)
{
    TRY(buf_put_str(to, STR(" or ")));
    return buf_put_str(to, or_start(value));
}

static enum err note(struct pg_note *n, struct str value, bool is_local)
{
    if (!n->open) {
        buf_clear(&n->before);
        TRY(buf_put_str(&n->before, or_start(buf_view(&n->now))));
        n->is_local = false;
    } else if (append_choice(&n->before, buf_view(&n->now)) != ERR_OK) {
        buf_clear(&n->before);
        TRY(buf_put_str(&n->before, STR(LOST)));
    }
    n->open = true;
    n->merged = false;
    n->is_local = n->is_local || is_local;
    buf_clear(&n->now);
    return buf_put_str(&n->now, value);
}

/* Which of them it is cannot be known from here. */
static void merge(struct pg_note *n)
{
    if (n->merged)
        return;
    n->merged = true;
    if (append_choice(&n->now, buf_view(&n->before)) == ERR_OK)
        return;
    buf_clear(&n->now);
    if (buf_put_str(&n->now, STR(LOST)) != ERR_OK)
        buf_clear(&n->now);
}

static void may_be_undone(struct pg_note *n)
{
    if (n->open)
        merge(n);
}

static void settled(struct pg_note *n)
{
    if (n->open && n->is_local)
        merge(n);
    n->open = false;
}

static bool is_current(const struct source_session *s, const struct sql_setting *c, bool strings)
{
    if (!c->known_value)
        return false;
    if (!strings)
        return str_eq_ascii_nocase(c->value, s->encoding);
    return (s->standard_conforming_strings == SQL_ON && str_eq_ascii_nocase(c->value, STR("on"))) ||
           (s->standard_conforming_strings == SQL_OFF && str_eq_ascii_nocase(c->value, STR("off")));
}

/* --- What the requester states ------------------------------------------------------------------ */

static struct pg_stated *stated_by(struct source_session *s, struct str setting)
{
    if (str_is(setting, "countersign.reason"))
        return &s->reason;
    return str_is(setting, "countersign.ticket") ? &s->ticket : NULL;
}

static struct str stated(const struct pg_stated *x)
{
    return buf_view(x->local ? &x->transaction : &x->session);
}

static enum err state(struct pg_stated *x, const struct sql_setting *c)
{
    struct buf *b = c->is_local ? &x->transaction : &x->session;
    bool fits = c->known_value && c->value.n <= LIMIT_REASON_BYTES;
    x->local = c->is_local;
    buf_clear(b);
    return fits ? buf_put_str(b, c->value) : ERR_OK; /* what cannot be read was not stated */
}

static enum err unstate(struct source_session *s)
{
    const struct sql_setting nothing = {.known_value = true};
    TRY(state(&s->reason, &nothing));
    return state(&s->ticket, &nothing);
}

void pg_put_stated(struct source_session *s, const struct sql_facts *f)
{
    s->context.reason = stated(&s->reason);
    s->context.ticket = stated(&s->ticket);
    for (size_t i = 0; i < f->n_setting_changes; i++) {
        const struct sql_setting *c = &f->setting_changes[i];
        if (!c->known_value || c->value.n > LIMIT_REASON_BYTES)
            continue;
        if (str_is(c->name, "countersign.reason"))
            s->context.reason = c->value;
        else if (str_is(c->name, "countersign.ticket"))
            s->context.ticket = c->value;
    }
}

/* --- One setting --------------------------------------------------------------------------------- */

static enum err note_one(struct source_session *s, const struct sql_setting *c)
{
    struct pg_stated *x = stated_by(s, c->name);
    if (x != NULL)
        return state(x, c);
    if (str_is(c->name, "all"))
        TRY(unstate(s));
    struct str value = c->known_value ? c->value : STR(COMPUTED);
    bool all = str_is(c->name, "all");
    if (all || (str_is(c->name, "standard_conforming_strings") && !is_current(s, c, true)))
        s->strings_in_doubt = true;
    if (all || (str_is(c->name, "client_encoding") && !is_current(s, c, false)))
        s->encoding_in_doubt = true;
    if (all || str_is(c->name, "role") || str_is(c->name, "session_authorization") || str_is(c->name, "search_path"))
        pg_catalog_moved(s);
    if (all)
        return note(&s->search_path, STR(RESET_ALL), false);
    if (str_is(c->name, "role") || str_is(c->name, "session_authorization"))
        return note(&s->role, value, c->is_local);
    if (!str_is(c->name, "search_path"))
        return ERR_OK;
    /* Never believed again once it was in doubt: a rollback would restore the doubtful one. */
    if (!c->known_value || str_contains_ascii_nocase(c->value, STR("pg_catalog")))
        s->catalog_first = false;
    return note(&s->search_path, value, c->is_local);
}

enum err pg_note_settings(struct source_session *s, const struct sql_facts *f)
{
    const uint32_t code = SQL_D_CODE | SQL_D_PROCEDURE | SQL_D_SQL_IN_TEXT | SQL_D_SETTING | SQL_D_FUNCTION_OID;
    s->strings_in_doubt = s->strings_in_doubt || (f->dynamic & code) != 0;
    if ((f->dynamic & SQL_D_SETTING) != 0)
        s->catalog_first = false;
    if ((f->dynamic & code) != 0)
        pg_catalog_moved(s);
    for (size_t i = 0; i < f->n_setting_changes; i++)
        TRY(note_one(s, &f->setting_changes[i]));
    for (size_t i = 0; i < f->n_named; i++) {
        if (f->named[i].op != SQL_NAMED_DISCARD_ALL)
            continue;
        s->strings_in_doubt = s->encoding_in_doubt = true;
        pg_catalog_moved(s);
        TRY(unstate(s));
        TRY(note(&s->search_path, STR(RESET_ALL), false));
        TRY(note(&s->role, STR(RESET_ALL), false));
    }
    return ERR_OK;
}

void pg_note_undone(struct source_session *s)
{
    if (s->role.open || s->search_path.open || s->names_change_open)
        pg_catalog_moved(s);
    may_be_undone(&s->role);
    may_be_undone(&s->search_path);
}

void pg_note_idle(struct source_session *s)
{
    if (s->ring.barriers != 0)
        return; /* a change is on the wire */
    if (s->role.open || s->search_path.open)
        pg_catalog_moved(s);
    settled(&s->role);
    settled(&s->search_path);
    pg_catalog_idle(s);
    s->reason.local = s->ticket.local = false;
    s->strings_in_doubt = s->encoding_in_doubt = false;
}

struct sql_settings pg_reading(const struct source_session *s)
{
    return (struct sql_settings){
        .standard_conforming_strings = s->strings_in_doubt ? SQL_UNKNOWN : s->standard_conforming_strings,
        .client_encoding = s->encoding_in_doubt ? STR("(in doubt)") : s->encoding,
        .catalog_first = s->catalog_first,
        .replication = s->first.wants_replication,
    };
}
