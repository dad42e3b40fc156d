/* The shape of an action: its statement with the values taken out, and all of the session that changes what it
 * means. Whether a transaction is open does not: the same rows are touched either way. */
#include "classify/shape.h"
#include "source/pg/session.h"

static void put_session(struct json *j, const struct source_session *s, const struct sql_settings *reading)
{
    json_key(j, "session");
    json_object_begin(j);
    json_key(j, "database");
    json_bytes(j, s->first.database);
    json_key(j, "login");
    json_bytes(j, s->first.user);
    json_key(j, "role");
    json_bytes(j, buf_view(&s->role.now));
    json_key(j, "search_path");
    json_bytes(j, buf_view(&s->search_path.now));
    json_put_str(j, "client_encoding", reading->client_encoding);
    json_put_int(j, "standard_conforming_strings", reading->standard_conforming_strings);
    json_object_end(j);
}

/* An operator or function is picked by the types of its parameters too. */
static void put_parameter_types(struct json *j, const struct pg_portal *p)
{
    const struct pg_statement *st = p != NULL ? p->statement : NULL;
    json_key(j, "parameter_types");
    json_array_begin(j);
    for (uint16_t i = 0; st != NULL && i < st->n_types; i++)
        json_int(j, st->types[i]);
    json_array_end(j);
}

enum err pg_shape(struct source_session *s, const struct action *a, struct arena *arena, struct buf *out,
                  struct str *ret_text)
{
    struct sql_settings reading = pg_reading(s);
    struct sql_shape shape;
    struct json j;
    char hex[DIGEST_HEX + 1];
    TRY(sql_shape_of(arena, a->text, &reading, a->sql, &shape));
    *ret_text = shape.text;
    if (shape.text.n == 0)
        return ERR_OK;
    json_init(&j, out);
    json_object_begin(&j);
    json_put_str(&j, "message", a->operation);
    json_put_str(&j, "shape", digest_hex(&shape.digest, hex));
    put_parameter_types(&j, s->judged.portal);
    put_session(&j, s, &reading);
    json_object_end(&j);
    return json_end(&j);
}
