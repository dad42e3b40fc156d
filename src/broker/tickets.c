#include "broker/internal.h"

#include "base/json.h"
#include "model/ticket.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Tickets that have to exist. A submission waits here, as the message it came in, until the tracker
 * has answered:
 *
 *   SUBMIT --ops.fetch--> asked --answer says yes--> submit_checked
 *                           |-----anything else----> ENDED (lacking, or unavailable)
 *                           |-----WITHDRAW, worker lost--> forgotten
 *
 * The worker's own wait for an answer (LIMIT_LINK_ANSWER_MS) is longer than a fetch may take.
 */

struct ticket_check {
    uint64_t number, hold;
    uint32_t worker;
    struct buf frame;
    struct ticket_check *next;
};

static void check_free(struct ticket_check *c)
{
    buf_done(&c->frame);
    free(c);
}

bool tickets_known(const struct broker *b, uint32_t worker, uint64_t hold)
{
    for (const struct ticket_check *c = b->checks; c != NULL; c = c->next)
        if (c->worker == worker && c->hold == hold)
            return true;
    return false;
}

bool tickets_drop(struct broker *b, uint32_t worker, uint64_t hold)
{
    bool any = false;
    for (struct ticket_check **at = &b->checks; *at != NULL;) {
        struct ticket_check *c = *at;
        if (c->worker != worker || (hold != 0 && c->hold != hold)) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        b->n_checks--;
        check_free(c);
        any = true;
    }
    return any;
}

static struct ticket_check *take(struct broker *b, uint64_t number)
{
    for (struct ticket_check **at = &b->checks; *at != NULL; at = &(*at)->next)
        if ((*at)->number == number) {
            struct ticket_check *c = *at;
            *at = c->next;
            b->n_checks--;
            return c;
        }
    return NULL;
}

/* --- Asking ---------------------------------------------------------------------------------- */

static enum err put_body(struct buf *out, const struct link_submit *s)
{
    struct json j;
    json_init(&j, out);
    json_object_begin(&j);
    json_put_str(&j, "ticket", s->ticket);
    json_key(&j, "subject");
    json_bytes(&j, s->subject);
    json_put_str(&j, "person", s->person);
    json_put_str(&j, "resource", s->resource);
    json_put_str(&j, "guardrails", s->guardrails);
    json_object_end(&j);
    return json_end(&j);
}

static enum err ask(struct broker *b, const struct link_submit *s, uint64_t number)
{
    CLEANUP(buf_done) struct buf url = {0}, body = {0};
    buf_init(&url, LIMIT_FETCH_URL);
    buf_init(&body, LIMIT_API_BODY);
    TRY(ticket_url(b->policy.ticket_check, s->ticket, &url));
    if (!str_contains(b->policy.ticket_check, STR("{ticket}")))
        TRY(put_body(&body, s));
    return b->ops.fetch != NULL ? b->ops.fetch(b->ctx, number, buf_view(&url), buf_view(&body))
                                : ERR_UNSUPPORTED;
}

static enum err keep(struct broker *b, uint32_t worker, const struct link_submit *s, uint64_t number)
{
    struct ticket_check *c = b->n_checks < LIMIT_TICKET_CHECKS ? calloc(1, sizeof(*c)) : NULL;
    const struct link_message m = {.type = LINK_SUBMIT, .submit = *s};
    if (c == NULL)
        return ERR_LIMIT;
    buf_init(&c->frame, LIMIT_LINK_MESSAGE + KIB);
    enum err e = link_encode(&c->frame, &m);
    if (e != ERR_OK) {
        check_free(c);
        return e;
    }
    c->number = number;
    c->worker = worker;
    c->hold = s->hold;
    c->next = b->checks;
    b->checks = c;
    b->n_checks++;
    return ERR_OK;
}

void tickets_ask(struct broker *b, uint32_t worker, const struct link_submit *s, struct moment now)
{
    uint64_t number = ++b->last_fetch;
    enum err e = keep(b, worker, s, number);
    if (e == ERR_OK)
        e = ask(b, s, number);
    if (e == ERR_OK)
        return;
    (void)tickets_drop(b, worker, s->hold);
    submit_refuse(b, worker, s, END_UNAVAILABLE, "the ticket's tracker cannot be asked", now);
}

/* --- The answer ------------------------------------------------------------------------------ */

/* {"ok": false, "reason": "…"} is a no in an answer that came well; `why` is its reason then. */
static bool says_no(struct str body, char *why, size_t size)
{
    json_t *v = json_loadb(body.p != NULL ? body.p : "", body.n, 0, NULL);
    bool no = json_is_false(json_object_get(v, "ok"));
    const char *reason = json_string_value(json_object_get(v, "reason"));
    if (no)
        (void)snprintf(why, size, "%s", reason != NULL ? reason : "its tracker says no");
    json_decref(v);
    return no;
}

static enum link_end judge(const struct broker_fetched *a, char *why, size_t size)
{
    bool answered = a->why == ERR_OK;
    if (answered && a->status >= 200 && a->status < 300)
        return says_no(a->body, why, size) ? END_LACKING : 0;
    if (answered && a->status >= 400 && a->status < 500 && a->status != 401 && a->status != 403 &&
        a->status != 429) {
        (void)snprintf(why, size, "its tracker does not know it (it answered %d)", a->status);
        return END_LACKING;
    }
    if (answered)
        (void)snprintf(why, size, "its tracker answered %d", a->status);
    else
        (void)snprintf(why, size, "its tracker could not be asked: %.*s", STR_FMT(a->text));
    return END_UNAVAILABLE;
}

static enum err carry_on(struct broker *b, const struct ticket_check *c,
                         const struct broker_fetched *answer, struct moment now)
{
    struct arena a CLEANUP(arena_done);
    struct link_message m;
    char why[512], text[768];
    size_t used;
    arena_init(&a, LIMIT_LINK_MESSAGE);
    TRY(link_decode(buf_view(&c->frame), LINK_BROKER, &a, &m, &used));
    enum link_end end = judge(answer, why, sizeof(why));
    if (end == 0) {
        submit_checked(b, c->worker, &m.submit, now);
        return ERR_OK;
    }
    (void)snprintf(text, sizeof(text), "ticket %.*s: %s", STR_FMT(m.submit.ticket), why);
    submit_refuse(b, c->worker, &m.submit, end, text, now);
    return ERR_OK;
}

bool tickets_answered(struct broker *b, uint64_t number, const struct broker_fetched *answer,
                      struct moment now)
{
    struct ticket_check *c = take(b, number);
    if (c == NULL)
        return false;
    if (carry_on(b, c, answer, now) != ERR_OK)
        tell_ended(b, c->worker, c->hold, 0, END_UNAVAILABLE, STR(""), STR("no memory"));
    check_free(c);
    return true;
}

void broker_fetched(struct broker *b, uint64_t number, const struct broker_fetched *answer,
                    struct moment now)
{
    moment_set(b, now);
    b->ops.deadline_moved(b->ctx);
    if (!tickets_answered(b, number, answer, now))
        (void)hooks_answered(b, number, answer, now); /* else its asker is gone */
}
