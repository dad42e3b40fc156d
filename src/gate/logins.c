#include "gate/gate_internal.h"

#include <stdlib.h>

static struct login_wait *take(struct gate *g, uint64_t number)
{
    for (struct login_wait **at = &g->logins; *at != NULL; at = &(*at)->next)
        if ((*at)->number == number) {
            struct login_wait *w = *at;
            *at = w->next;
            return w;
        }
    return NULL;
}

enum err logins_ask(struct gate *g, const struct source *source, struct source_session *owner,
                    const struct login_ask *ask, uint64_t *ret_number)
{
    struct login_wait *w = malloc(sizeof(*w));
    if (w == NULL)
        return ERR_NOMEM;
    *w = (struct login_wait){g->logins, ++g->last_login, source, owner};
    const struct link_message m = {.type = LINK_LOGIN, .login = {.number = w->number, .ask = *ask}};
    enum err e = uplink_send(g, &m);
    if (e != ERR_OK) {
        free(w);
        return e;
    }
    g->logins = w;
    *ret_number = w->number;
    return ERR_OK;
}

void logins_forget(struct gate *g, uint64_t number)
{
    free(take(g, number));
}

enum err logins_answer(struct gate *g, const struct link_message *m)
{
    uint64_t number = m->login_answer.number;
    struct login_wait *w = take(g, number);
    if (w == NULL) /* its session ended meanwhile */
        return number != 0 && number <= g->last_login ? ERR_OK : ERR_PROTOCOL;
    w->source->login_answer(w->owner, &m->login_answer.answer);
    free(w);
    return ERR_OK;
}

void logins_lost(struct gate *g)
{
    static const struct login_answer lost = {
        .why = STR_INIT("the gateway's broker cannot be reached just now")};
    struct login_wait *all = g->logins;
    g->logins = NULL;
    while (all != NULL) {
        struct login_wait *w = all;
        all = w->next;
        w->source->login_answer(w->owner, &lost);
        free(w);
    }
}
