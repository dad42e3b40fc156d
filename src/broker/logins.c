#include "broker/internal.h"
#include "identity/scram.h"

#include <stdio.h>

struct judged_login {
    uint64_t token; /* 0: none */
    const char *why; /* NULL: admitted */
    bool proved;     /* whoever asks holds a token of this person */
};

static const char *token_fault(const struct store_token *t, int64_t now)
{
    if (t->revoked_wall_ns != 0)
        return "this token is revoked";
    if (t->expires_wall_ns != 0 && now >= t->expires_wall_ns)
        return "this token has expired";
    return (t->scopes & BROKER_MAY_ACT) == 0 ? "this token may not act" : NULL;
}

static struct judged_login judge_token(struct broker *b, const struct person *p, const struct login_ask *ask,
                                       struct moment now, unsigned char signature[static SCRAM_KEY])
{
    struct arena own CLEANUP(arena_done);
    struct store_keyed_token *list;
    size_t n = 0;
    arena_init(&own, 4 * MIB);
    if (p == NULL)
        return (struct judged_login){.why = "nobody has this account"};
    if (store_said(b, store_tokens_with_keys(b->store, p->name, LIMIT_LOGIN_TOKENS, &own, &list, &n)) != ERR_OK)
        return (struct judged_login){.why = "the store cannot be read"};
    for (size_t i = 0; i < n; i++) {
        struct scram_keys k;
        memcpy(k.stored, list[i].keys.stored.b, SCRAM_KEY);
        memcpy(k.server, list[i].keys.server.b, SCRAM_KEY);
        if (scram_check(&k, ask->message, ask->proof, signature) == ERR_OK)
            return (struct judged_login){list[i].token.id, token_fault(&list[i].token, now.wall_ns), true};
    }
    return (struct judged_login){.why = "no token of theirs was used"};
}

static enum err record_login(struct broker *b, const struct login_ask *ask, const struct person *p,
                             const struct judged_login *j, struct moment now)
{
    char token[24];
    int n = snprintf(token, sizeof(token), "%llu", (unsigned long long)j->token);
    struct record_field f[] = {
        {"person", p != NULL ? p->name : STR("")},
        {"account", ask->user},
        {"resource", ask->resource},
        {"address", ask->address},
        {"by", ask->step == LOGIN_CERTIFICATE ? STR("certificate") : STR("token")},
        {"token", j->token != 0 ? str_from(token, (size_t)n) : STR("")},
        {"why", str_of(j->why)},
    };
    return record_fields(b, j->why == NULL ? "login" : "login_refused", f, ARRAY_LEN(f), now);
}

void broker_login(struct broker *b, const struct login_ask *ask, struct moment now, struct arena *a,
                  struct login_answer *ret)
{
    unsigned char signature[SCRAM_KEY];
    const struct person *p = people_by_account(b->policy.people, ask->user);
    struct judged_login j = {.why = p == NULL ? "nobody has this account" : NULL, .proved = true};
    *ret = (struct login_answer){.ok = false};
    b->ops.deadline_moved(b->ctx);
    if (ask->step == LOGIN_TOKEN)
        j = judge_token(b, p, ask, now, signature);
    if (j.why == NULL && p->disabled)
        j.why = "this person is disabled";
    if (record_login(b, ask, p, &j, now) != ERR_OK) {
        ret->why = STR("the login could not be recorded");
        return;
    }
    if (j.why != NULL) {
        ret->why = j.proved ? str_of(j.why) : STR("");
        return;
    }
    struct str proof = {NULL, 0};
    if (ask->step == LOGIN_TOKEN && arena_str(a, str_from(signature, SCRAM_KEY), &proof) != ERR_OK)
        return;
    *ret = (struct login_answer){.ok = true, .person = p->name, .signature = proof};
}

bool broker_worker_is_ready(const struct broker *b, uint32_t index)
{
    return index < LIMIT_WORKERS && b->peers[index].state == PEER_READY;
}
