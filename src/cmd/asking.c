#include "cmd/asking.h"

#include "base/limits.h"
#include "base/log.h"

#include <stdlib.h>

struct asking {
    struct fetcher *fetcher;
    struct broker *broker;
    void (*moved)(void *ctx);
    void *ctx;
    struct question *questions;
};

struct question {
    struct asking *asking;
    uint64_t number;
    struct question *next;
};

enum err asking_new(struct loop *l, void (*moved)(void *ctx), void *ctx, struct asking **ret)
{
    struct asking *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_NOMEM;
    a->moved = moved;
    a->ctx = ctx;
    enum err e = fetcher_new(l, &a->fetcher);
    if (e == ERR_OK)
        *ret = a;
    else
        free(a);
    return e;
}

void asking_set_broker(struct asking *a, struct broker *b)
{
    a->broker = b;
}

void asking_free(struct asking *a)
{
    if (a == NULL)
        return;
    fetcher_free(a->fetcher);
    while (a->questions != NULL) {
        struct question *q = a->questions;
        a->questions = q->next;
        free(q);
    }
    free(a);
}

static void forget(struct question *q)
{
    struct question **at = &q->asking->questions;
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    free(q);
}

static void answered(void *ctx, const struct fetch_result *r)
{
    struct question *q = ctx;
    struct asking *a = q->asking;
    uint64_t number = q->number;
    forget(q);
    const struct broker_fetched f = {r->why, r->text, r->status, r->body};
    broker_fetched(a->broker, number, &f, clock_now());
    a->moved(a->ctx);
}

enum err asking_fetch(struct asking *a, uint64_t number, struct str url, struct str body)
{
    static const struct fetch_header json = {STR_INIT("Content-Type"), STR_INIT("application/json")};
    const char *why = "";
    const struct fetch_request request = {.url = url,
                                          .body = body,
                                          .headers = &json,
                                          .n_headers = body.n != 0 ? 1 : 0,
                                          .timeout_ms = LIMIT_ASKING_MS,
                                          .redirects = 3};
    struct question *q = calloc(1, sizeof(*q));
    if (q == NULL)
        return ERR_NOMEM;
    *q = (struct question){a, number, a->questions};
    a->questions = q;
    enum err e = fetch_start(a->fetcher, &request, answered, q, NULL, &why);
    if (e == ERR_OK)
        return ERR_OK;
    log_error("%.*s cannot be asked: %s%s%s", STR_FMT(url), err_text(e), why[0] != '\0' ? ": " : "", why);
    forget(q);
    return e;
}
