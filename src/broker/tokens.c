#include "broker/internal.h"
#include "identity/scram.h"

#include <stdio.h>

/* "cs_" and 256 random bits in hex: nothing to guess, so one plain SHA-256 is enough to keep. */
enum { SECRET_BYTES = 32, LABEL_MAX = 200 };

bool tokens_may_manage(const struct broker *b, const struct broker_caller *caller)
{
    const struct person *p = people_find(b->policy.people, caller->person);
    return caller->is_operator || (p != NULL && p->admin && !p->disabled);
}

static struct str who(const struct broker_caller *caller)
{
    return caller->person.n != 0 ? caller->person : STR("operator");
}

enum err broker_record_person(struct broker *b, const char *kind, const struct broker_caller *by,
                              struct str person, struct str groups, struct str roles,
                              struct moment now)
{
    struct record_field f[] = {{"person", person}, {"groups", groups}, {"roles", roles},
                               {"by", who(by)}, {"via", by->via}};
    TRY(record_fields(b, kind, f, ARRAY_LEN(f), now));
    return audit_sync(b->audit) == ERR_OK ? ERR_OK : ERR_IO;
}

static enum err new_secret(char ret_text[static BROKER_TOKEN_TEXT])
{
    unsigned char raw[SECRET_BYTES];
    TRY(random_bytes(raw, sizeof(raw)));
    size_t n = (size_t)snprintf(ret_text, BROKER_TOKEN_TEXT, "cs_");
    for (size_t i = 0; i < sizeof(raw); i++)
        n += (size_t)snprintf(ret_text + n, BROKER_TOKEN_TEXT - n, "%02x", raw[i]);
    explicit_bzero(raw, sizeof(raw));
    return ERR_OK;
}

static struct str scope_text(uint32_t scopes, char out[static 32])
{
    int n = snprintf(out, 32, "%s%s%s%s", scopes & BROKER_MAY_ACT ? " act" : "",
                     scopes & BROKER_MAY_APPROVE ? " approve" : "",
                     scopes & BROKER_MAY_AUDIT ? " audit" : "",
                     scopes & BROKER_MAY_ADMIN ? " admin" : "");
    return str_trim(str_from(out, (size_t)n));
}

/* For logins to databases; tokens that may not act get none. */
static enum err store_keys(struct broker *b, uint64_t id, struct str person, struct str token)
{
    unsigned char salt[SCRAM_SALT], salted[SCRAM_KEY];
    struct scram_keys k;
    struct store_token_keys row;
    scram_salt_of(person, salt);
    TRY(scram_salted(token, str_from(salt, sizeof(salt)), SCRAM_ITERATIONS, salted));
    scram_keys_of(salted, &k);
    explicit_bzero(salted, sizeof(salted));
    memcpy(row.stored.b, k.stored, sizeof(row.stored.b));
    memcpy(row.server.b, k.server, sizeof(row.server.b));
    return store_token_keys_insert(b->store, id, &row);
}

static enum err store_created(struct broker *b, const struct store_token *t, struct str text,
                              const struct broker_caller *caller, uint64_t *ret_id,
                              struct moment now)
{
    char id[24], scopes[32];
    TRY(store_begin(b->store));
    TRY(store_token_insert(b->store, t, ret_id));
    if ((t->scopes & BROKER_MAY_ACT) != 0)
        TRY(store_keys(b, *ret_id, t->person, text));
    struct record_field f[] = {{"token", {id, 0}}, {"person", t->person}, {"label", t->label},
                               {"scope", scope_text(t->scopes, scopes)},
                               {"by", who(caller)}, {"via", caller->via}};
    f[0].value.n = (size_t)snprintf(id, sizeof(id), "%llu", (unsigned long long)*ret_id);
    TRY(record_fields(b, "token_created", f, ARRAY_LEN(f), now));
    return change_commit(b);
}

static enum err check_new_token(const struct broker *b, const struct broker_caller *caller,
                                struct str person, struct str label, uint32_t scopes,
                                 struct broker_error *said)
{
    if (!tokens_may_manage(b, caller)) {
        broker_say(said, "only an admin or the gateway's own user issues tokens");
        return ERR_FORBIDDEN;
    }
    const struct person *p = people_find(b->policy.people, person);
    if (p == NULL || p->disabled) {
        broker_say(said, p == NULL ? "nobody named \"%.*s\" is configured" : "\"%.*s\" is disabled",
                   STR_FMT(person));
        return p == NULL ? ERR_NOT_FOUND : ERR_FORBIDDEN;
    }
    if (label.n > LABEL_MAX || !str_is_utf8(label)) {
        broker_say(said, "the label must be UTF-8 text of at most %d bytes", LABEL_MAX);
        return ERR_INVALID;
    }
    if (scopes == 0 || (scopes & ~(uint32_t)BROKER_MAY_ALL) != 0) {
        broker_say(said, "a token needs one of the scopes act, approve, audit, admin");
        return ERR_INVALID;
    }
    return ERR_OK;
}

enum err broker_token_create(struct broker *b, const struct broker_caller *caller,
                             struct str person, struct str label, uint32_t scopes,
                             int64_t expires_wall_ns, struct moment now, char ret_text[static BROKER_TOKEN_TEXT],
                             uint64_t *ret_id, struct broker_error *ret_error)
{
    char text[BROKER_TOKEN_TEXT];
    uint64_t first = audit_last_seq(b->audit) + 1, id = 0;
    b->ops.deadline_moved(b->ctx);
    TRY(check_new_token(b, caller, person, label, scopes, ret_error));
    broker_say(ret_error, "the token could not be made, recorded and stored");
    TRY(new_secret(text));
    struct store_token t = {.hash = digest_of(str_of(text)),
                            .person = person,
                            .label = label,
                            .scopes = scopes,
                            .created_wall_ns = now.wall_ns,
                            .expires_wall_ns = expires_wall_ns};
    if (store_created(b, &t, str_of(text), caller, &id, now) != ERR_OK) {
        store_rollback(b->store);
        record_undone(b, first, "could not be stored", now);
        return ERR_IO;
    }
    memcpy(ret_text, text, sizeof(text));
    explicit_bzero(text, sizeof(text));
    *ret_id = id;
    return ERR_OK;
}

enum err broker_token_list(struct broker *b, struct arena *a, const struct broker_token **ret,
                           size_t *ret_n)
{
    struct store_token *rows;
    size_t n;
    TRY(store_token_list(b->store, a, &rows, &n));
    struct broker_token *list = arena_new_array(a, n, struct broker_token);
    if (list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        list[i] = (struct broker_token){rows[i].id,
                                        rows[i].person,
                                        rows[i].label,
                                        rows[i].scopes,
                                        rows[i].created_wall_ns,
                                        rows[i].expires_wall_ns,
                                        rows[i].revoked_wall_ns};
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}

static enum err store_revoked(struct broker *b, const struct store_token *t,
                              const struct broker_caller *caller, struct moment now)
{
    char id[24];
    struct record_field f[] = {{"token", {id, 0}}, {"person", t->person}, {"by", who(caller)},
                               {"via", caller->via}};
    f[0].value.n = (size_t)snprintf(id, sizeof(id), "%llu", (unsigned long long)t->id);
    TRY(store_begin(b->store));
    TRY(store_token_revoke(b->store, t->id, now.wall_ns));
    TRY(record_fields(b, "token_revoked", f, ARRAY_LEN(f), now));
    return change_commit(b);
}

enum err broker_token_revoke(struct broker *b, const struct broker_caller *caller, uint64_t id,
                             struct moment now, struct broker_error *ret_error)
{
    struct arena a CLEANUP(arena_done);
    struct store_token t;
    uint64_t first = audit_last_seq(b->audit) + 1;
    arena_init(&a, 64 * KIB);
    b->ops.deadline_moved(b->ctx);
    broker_say(ret_error, "there is no token %llu", (unsigned long long)id);
    TRY(store_token_by_id(b->store, id, &a, &t));
    bool own = caller->person.n != 0 && str_eq(caller->person, t.person);
    if (!own && !tokens_may_manage(b, caller)) {
        broker_say(ret_error, "only its owner, an admin or the gateway's own user revokes a token");
        return ERR_FORBIDDEN;
    }
    enum err e = store_revoked(b, &t, caller, now);
    if (e != ERR_OK) {
        store_rollback(b->store);
        record_undone(b, first, "could not be stored", now);
        broker_say(ret_error, e == ERR_STALE ? "token %llu was revoked before"
                                             : "the revocation of token %llu could not be stored",
                   (unsigned long long)id);
        return e == ERR_STALE ? ERR_BAD_STATE : ERR_IO;
    }
    return ERR_OK;
}

enum err broker_token_end(struct broker *b, const struct broker_caller *caller, struct str text,
                          struct moment now, struct broker_error *ret_error)
{
    struct arena a CLEANUP(arena_done);
    struct store_token t;
    struct digest hash = digest_of(text);
    arena_init(&a, 64 * KIB);
    broker_say(ret_error, "there is no such token");
    TRY(store_token_by_hash(b->store, &hash, &a, &t));
    return broker_token_revoke(b, caller, t.id, now, ret_error);
}

enum err broker_token_lookup(struct broker *b, struct str text, struct moment now,
                             struct str *ret_person, uint32_t *ret_scopes)
{
    struct arena a CLEANUP(arena_done);
    struct store_token t;
    struct digest hash = digest_of(text);
    arena_init(&a, 64 * KIB);
    enum err e = store_said(b, store_token_by_hash(b->store, &hash, &a, &t));
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_FORBIDDEN : ERR_IO;
    const struct person *p = people_find(b->policy.people, t.person);
    bool expired = t.expires_wall_ns != 0 && now.wall_ns >= t.expires_wall_ns;
    if (t.revoked_wall_ns != 0 || expired || p == NULL || p->disabled)
        return ERR_FORBIDDEN;
    *ret_person = p->name;
    *ret_scopes = t.scopes;
    return ERR_OK;
}
