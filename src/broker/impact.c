#include "broker/internal.h"

#include "base/json_check.h"
#include "base/log.h"

/* What running a held action would do, as its worker found out: information for those who decide, beside the
 * envelope and covered by no digest. It is recorded, because people decide on it; that it came changes nothing. */

static enum err record_impact(struct broker *b, const struct live *l, const struct link_impact *i,
                              struct moment now)
{
    struct record r CLEANUP(record_done);
    char hex[DIGEST_HEX + 1];
    struct digest d = digest_of(i->json);
    record_begin(&r);
    json_put_int(&r.j, "request", (int64_t)l->id);
    json_put_str(&r.j, "impact_sha256", digest_hex(&d, hex));
    json_key(&r.j, "impact");
    json_raw(&r.j, i->json);
    return record_append(b, &r, "impact", now);
}

static enum err store_it(struct broker *b, const struct live *l, const struct link_impact *i,
                         struct moment now)
{
    TRY(store_said(b, store_begin(b->store)));
    TRY(store_said(b, store_impact_set(b->store, l->id, &i->shape, i->json)));
    TRY(record_impact(b, l, i, now));
    return change_commit(b);
}

enum err on_impact(struct broker *b, uint32_t worker, const struct link_message *m,
                   struct moment now)
{
    const struct link_impact *i = &m->impact;
    struct live *l = live_by_hold(b, worker, i->hold);
    uint64_t first = audit_last_seq(b->audit) + 1;
    if (i->json.n > LIMIT_IMPACT || !json_is_one_line(i->json, JSON_LINE_OBJECT))
        return ERR_PROTOCOL;
    if (l == NULL || i->hold == 0 || audit_broken(b->audit) != NULL)
        return ERR_OK; /* ended meanwhile; or nobody could say what people were shown */
    if (store_it(b, l, i, now) != ERR_OK) {
        store_rollback(b->store);
        record_undone(b, first, "could not be stored", now);
        log_warn("request %llu: its impact could not be stored", (unsigned long long)l->id);
        return ERR_OK;
    }
    watch_tell(b, BROKER_REQUEST_IMPACT, l->id, l->state);
    return ERR_OK;
}

enum err broker_impact(struct broker *b, const struct request *r, struct arena *a,
                       struct broker_impact *ret)
{
    static const struct digest none;
    struct broker_impact found = {.json = {NULL, 0}};
    enum err e = store_said(b, store_impact_get(b->store, r->id, a, &found.shape, &found.json));
    if (e == ERR_NOT_FOUND) {
        *ret = found;
        return ERR_OK;
    }
    TRY(e);
    if (!digest_eq(&found.shape, &none))
        TRY(store_said(b, store_impact_history(b->store, r->id, &found.shape, r->resource, found.ended)));
    *ret = found;
    return ERR_OK;
}
