#include "store/internal.h"
#include "base/limits.h"

enum err store_token_insert(struct store *s, const struct store_token *t, uint64_t *ret_id)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_TOKEN_INSERT);
    bind_digest(&q, &t->hash);
    bind_text(&q, t->person);
    bind_text(&q, t->label);
    bind_u64(&q, t->scopes);
    bind_i64(&q, t->created_wall_ns);
    bind_i64(&q, t->expires_wall_ns);
    TRY(run_only(&q));
    *ret_id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return ERR_OK;
}

static enum err read_token(struct run *q, struct store_token *t)
{
    t->id = column_u64(q);
    column_digest(q, &t->hash);
    column_str(q, &t->person);
    column_str(q, &t->label);
    t->scopes = (uint32_t)column_u64(q);
    t->created_wall_ns = column_i64(q);
    t->expires_wall_ns = column_i64(q);
    t->revoked_wall_ns = column_i64(q);
    return q->err;
}

static enum err read_one(struct run *q, struct arena *a, struct store_token *ret)
{
    struct store_token t;
    q->arena = a;
    TRY(run_row(q));
    TRY(read_token(q, &t));
    *ret = t;
    return ERR_OK;
}

enum err store_token_by_id(struct store *s, uint64_t id, struct arena *a, struct store_token *ret)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_TOKEN_BY_ID);
    bind_u64(&q, id);
    return read_one(&q, a, ret);
}

enum err store_token_by_hash(struct store *s, const struct digest *hash, struct arena *a,
                             struct store_token *ret)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_TOKEN_BY_HASH);
    bind_digest(&q, hash);
    return read_one(&q, a, ret);
}

enum err store_token_list(struct store *s, struct arena *a, struct store_token **ret, size_t *ret_n)
{
    struct store_token *list = arena_new_array(a, LIMIT_TOKENS, struct store_token);
    size_t n = 0;
    if (list == NULL)
        return ERR_NOMEM;
    struct run q CLEANUP(run_done) = run_start(s, ST_TOKEN_LIST);
    q.arena = a;
    bind_u64(&q, LIMIT_TOKENS);
    enum err e = ERR_NOT_FOUND;
    while (n < LIMIT_TOKENS && (e = run_row(&q)) == ERR_OK)
        TRY(read_token(&q, &list[n++]));
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}

enum err store_token_revoke(struct store *s, uint64_t id, int64_t wall_ns)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_TOKEN_REVOKE);
    bind_i64(&q, wall_ns);
    bind_u64(&q, id);
    TRY(run_only(&q));
    return run_changes(&q) == 1 ? ERR_OK : ERR_STALE;
}

/* --- Position of the log --------------------------------------------------------------------- */

static enum err meta_set(struct store *s, struct str key, uint64_t v)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_META_SET);
    bind_text(&q, key);
    bind_u64(&q, v);
    return run_only(&q);
}

static enum err meta_get(struct store *s, struct str key, uint64_t *ret)
{
    struct run q CLEANUP(run_done) = run_start(s, ST_META_GET);
    bind_text(&q, key);
    enum err e = run_row(&q);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *ret = e == ERR_OK ? column_u64(&q) : 0;
    return ERR_OK;
}

enum err store_position_set(struct store *s, struct store_position p)
{
    return meta_set(s, STR("audit_seq"), p.seq);
}

enum err store_position(struct store *s, struct store_position *ret)
{
    struct store_position p;
    TRY(meta_get(s, STR("audit_seq"), &p.seq));
    *ret = p;
    return ERR_OK;
}

enum err store_policy_set(struct store *s, const struct store_policy *p)
{
    TRY(meta_set(s, STR("policy_mark"), p->mark));
    return meta_set(s, STR("policy_judges"), p->judges_changes ? 1 : 0);
}

enum err store_policy(struct store *s, struct store_policy *ret)
{
    struct store_policy p;
    uint64_t judges;
    TRY(meta_get(s, STR("policy_mark"), &p.mark));
    TRY(meta_get(s, STR("policy_judges"), &judges));
    p.judges_changes = judges != 0;
    *ret = p;
    return ERR_OK;
}

enum err store_token_keys_insert(struct store *s, uint64_t token, const struct store_token_keys *k)
{
    struct run q CLEANUP(run_done) = run_start_change(s, ST_TOKEN_KEYS_INSERT);
    bind_u64(&q, token);
    bind_digest(&q, &k->stored);
    bind_digest(&q, &k->server);
    return run_only(&q);
}

enum err store_tokens_with_keys(struct store *s, struct str person, uint32_t limit, struct arena *a,
                                struct store_keyed_token **ret, size_t *ret_n)
{
    struct store_keyed_token *list = arena_new_array(a, limit, struct store_keyed_token);
    size_t n = 0;
    if (list == NULL)
        return ERR_NOMEM;
    struct run q CLEANUP(run_done) = run_start(s, ST_TOKENS_WITH_KEYS);
    q.arena = a;
    bind_text(&q, person);
    bind_u64(&q, limit);
    enum err e;
    while ((e = run_row(&q)) == ERR_OK && n < limit) {
        TRY(read_token(&q, &list[n].token));
        column_digest(&q, &list[n].keys.stored);
        column_digest(&q, &list[n].keys.server);
        TRY(q.err);
        n++;
    }
    if (e != ERR_NOT_FOUND)
        return e;
    *ret = list;
    *ret_n = n;
    return ERR_OK;
}
