#include "broker/internal.h"

#include <stdio.h>

static enum err refuse(struct broker_error *said, enum err e, const char *text)
{
    broker_say(said, "%s", text);
    return e;
}

static enum err check(const struct broker *b, const struct broker_caller *caller, struct str to,
                      int64_t within_ns, struct broker_error *said)
{
    const struct person *from = people_find(b->policy.people, caller->person);
    const struct person *p = people_find(b->policy.people, to);
    if (from == NULL || from->disabled)
        return refuse(said, ERR_FORBIDDEN, "only a person of the configuration can be stood in for");
    if (p == NULL || p->disabled) {
        broker_say(said, "nobody named \"%.*s\" is configured who could stand in", STR_FMT(to));
        return ERR_NOT_FOUND;
    }
    if (p == from)
        return refuse(said, ERR_INVALID, "nobody stands in for themselves");
    if (within_ns <= 0 || within_ns > LIMIT_DELEGATION_NS)
        return refuse(said, ERR_INVALID, "a delegation ends within 90 days, and not at once");
    for (size_t i = 0; i < b->people.n_delegations; i++)
        if (b->people.delegations[i].active && str_eq(b->people.delegations[i].from, caller->person)) {
            broker_say(said, "%.*s stands in for you already: revoke that first",
                       STR_FMT(b->people.delegations[i].to));
            return ERR_EXISTS;
        }
    return b->people.n_delegations < LIMIT_DELEGATIONS
               ? ERR_OK
               : refuse(said, ERR_LIMIT, "too many delegations are in force");
}

static enum err record(struct broker *b, const char *kind, const struct store_delegation *d,
                       const struct broker_caller *caller, struct moment now)
{
    char id[24], until[CLOCK_TEXT];
    struct record_field f[] = {{"delegation", {id, 0}}, {"person", d->from}, {"deputy", d->to},
                               {"until", clock_text(d->until_wall_ns, until)}, {"reason", d->reason},
                               {"by", caller->person.n != 0 ? caller->person : STR("operator")},
                               {"via", caller->via}};
    f[0].value.n = (size_t)snprintf(id, sizeof(id), "%llu", (unsigned long long)d->id);
    return record_fields(b, kind, f, ARRAY_LEN(f), now);
}

static enum err store_it(struct broker *b, struct store_delegation *d,
                         const struct broker_caller *caller, struct moment now)
{
    TRY(store_said(b, store_begin(b->store)));
    if (d->id == 0) {
        TRY(store_said(b, store_delegation_insert(b->store, d, &d->id)));
        TRY(record(b, "delegated", d, caller, now));
    } else {
        TRY(store_said(b, store_delegation_revoke(b->store, d->id, now.wall_ns)));
        TRY(record(b, "delegation_revoked", d, caller, now));
    }
    return change_commit(b);
}

static enum err carry_out(struct broker *b, struct store_delegation *d,
                          const struct broker_caller *caller, struct moment now,
                          struct broker_error *said)
{
    uint64_t first = audit_last_seq(b->audit) + 1;
    enum err e = audit_broken(b->audit) == NULL ? store_it(b, d, caller, now) : ERR_IO;
    if (e != ERR_OK) {
        store_rollback(b->store);
        record_undone(b, first, "could not be stored", now);
        broker_say(said, "it could not be recorded and stored, so it did not happen");
        return ERR_IO;
    }
    e = moment_load(b, now);
    if (e != ERR_OK)
        moment_free(b); /* nobody stands in for anybody until it can be read again */
    moment_set(b, now);
    return ERR_OK;
}

enum err broker_delegate(struct broker *b, const struct broker_caller *caller, struct str to,
                         int64_t within_ns, struct str reason, struct moment now, uint64_t *ret_id,
                         struct broker_error *ret_error)
{
    b->ops.deadline_moved(b->ctx);
    moment_set(b, now);
    TRY(check(b, caller, to, within_ns, ret_error));
    if (reason.n > LIMIT_REASON_BYTES || !str_is_utf8(reason))
        return refuse(ret_error, ERR_INVALID, "the reason is not UTF-8 text, or too long");
    struct store_delegation d = {.from = caller->person,
                                 .to = to,
                                 .reason = reason,
                                 .created_wall_ns = now.wall_ns,
                                 .until_wall_ns = now.wall_ns + within_ns};
    TRY(carry_out(b, &d, caller, now, ret_error));
    *ret_id = d.id;
    return ERR_OK;
}

enum err broker_delegations(struct broker *b, struct moment now, struct arena *a,
                            const struct broker_delegation **ret, size_t *ret_n)
{
    struct store_delegation *list;
    size_t n;
    enum err e = store_said(b, store_delegation_list(b->store, now.wall_ns, a, &list, &n));
    if (e != ERR_OK)
        return e == ERR_NOMEM ? e : ERR_IO;
    struct broker_delegation *out = arena_new_array(a, n, struct broker_delegation);
    if (out == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        out[i] = (struct broker_delegation){list[i].id, list[i].from, list[i].to, list[i].reason,
                                            list[i].created_wall_ns, list[i].until_wall_ns};
    *ret = out;
    *ret_n = n;
    return ERR_OK;
}

static bool may_revoke(const struct broker *b, const struct broker_caller *caller,
                       const struct store_delegation *d)
{
    const struct person *p = people_find(b->policy.people, caller->person);
    return caller->is_operator || (p != NULL && !p->disabled &&
                                   (p->admin || str_eq(p->name, d->from) || str_eq(p->name, d->to)));
}

enum err broker_delegation_revoke(struct broker *b, const struct broker_caller *caller, uint64_t id,
                                  struct moment now, struct broker_error *ret_error)
{
    struct arena a CLEANUP(arena_done);
    struct store_delegation *list;
    size_t n;
    arena_init(&a, 16 * MIB);
    b->ops.deadline_moved(b->ctx);
    if (store_said(b, store_delegation_list(b->store, now.wall_ns - LIMIT_DELEGATION_KEPT_NS, &a,
                                            &list, &n)) != ERR_OK)
        return refuse(ret_error, ERR_IO, "the store cannot be read");
    for (size_t i = 0; i < n; i++) {
        if (list[i].id != id)
            continue;
        if (!may_revoke(b, caller, &list[i]))
            return refuse(ret_error, ERR_FORBIDDEN,
                          "only who delegated, who stands in, an admin or the operator revokes it");
        return carry_out(b, &list[i], caller, now, ret_error);
    }
    broker_say(ret_error, "there is no delegation %llu in force", (unsigned long long)id);
    return ERR_NOT_FOUND;
}
