/* What an operator has done to the log of a gateway that runs: between two records, as everything here is. */
#include "broker/internal.h"

static struct str who(const struct broker_caller *caller)
{
    return caller->person.n != 0 ? caller->person : STR("operator");
}

/* Whoever owns the gateway's user could do it to the files; nobody else can, whatever their token may. */
static enum err check(const struct broker *b, const struct broker_caller *caller, struct broker_error *said)
{
    if (!caller->is_operator || !str_is(caller->via, "socket")) {
        broker_say(said, "only root or the gateway's own user does this, on the local socket");
        return ERR_FORBIDDEN;
    }
    if (audit_broken(b->audit) != NULL) {
        broker_say(said, "nothing was done: %s", audit_broken(b->audit));
        return ERR_IO;
    }
    return ERR_OK;
}

enum err broker_erase(struct broker *b, const struct broker_caller *caller, uint64_t record, struct str reason,
                      struct moment now, struct broker_log_change *ret, struct broker_error *ret_error)
{
    size_t members = 0;
    b->ops.deadline_moved(b->ctx);
    TRY(check(b, caller, ret_error));
    if (reason.n == 0 || reason.n > LIMIT_REASON_BYTES || !str_is_utf8(reason)) {
        broker_say(ret_error, "the reason is empty, not UTF-8 text, or too long");
        return ERR_INVALID;
    }
    enum err e = audit_erase(b->audit, record, who(caller), reason, now, &members);
    if (e == ERR_NOT_FOUND)
        broker_say(ret_error, "there is no record %llu, or nothing of it is left to erase", (unsigned long long)record);
    else if (e != ERR_OK)
        broker_say(ret_error, "it may be half done: do the same again (%s)", err_text(e));
    if (e == ERR_OK)
        *ret = (struct broker_log_change){.seq = audit_last_seq(b->audit), .members = members};
    return e;
}

enum err broker_rotate_key(struct broker *b, const struct broker_caller *caller, struct moment now,
                           struct broker_log_change *ret, struct broker_error *ret_error)
{
    b->ops.deadline_moved(b->ctx);
    TRY(check(b, caller, ret_error));
    enum err e = audit_rotate_key(b->audit, who(caller), now);
    if (e == ERR_UNSUPPORTED) {
        broker_say(ret_error, "audit.signer holds the key: rotate it there");
        return ERR_INVALID;
    }
    if (e != ERR_OK)
        broker_say(ret_error, "the key could not be made, kept or signed with: %s", err_text(e));
    else
        *ret = (struct broker_log_change){.seq = audit_last_seq(b->audit)};
    return e == ERR_OK || e == ERR_NOMEM ? e : ERR_IO;
}
