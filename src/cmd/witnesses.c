#include "cmd/witnesses.h"
#include "audit/note.h"
#include "audit/receipt.h"
#include "base/limits.h"
#include "base/log.h"
#include "net/fetch.h"

#include <stdio.h>
#include <stdlib.h>

enum { ASK_EVERY_MS = 1000, MOST = 16, URL_ROOM = 1024 };

struct one {
    struct witnesses *all;
    char url[URL_ROOM];
    struct fetch *fetch;     /* under way, or NULL */
    uint64_t asked;          /* size of the checkpoint it is asked about */
    uint64_t seen, cosigned; /* that it knows, as far as we do; that it cosigned last */
    bool complained;
};

struct witnesses {
    struct loop *loop;
    struct broker *broker;
    const struct audit_settings *settings;
    struct fetcher *fetcher;
    struct timer *timer;
    struct one list[MOST];
    size_t n;
};

static void complain(struct one *w, const char *what, struct str more)
{
    char text[256];
    if (!w->complained)
        log_warn("the witness at %s does not cosign: %s %s", w->url, what, log_clean(more, text, sizeof(text)));
    w->complained = true;
}

static void answered(void *ctx, const struct fetch_result *r)
{
    struct one *w = ctx;
    uint64_t size;
    w->fetch = NULL;
    if (r->why != ERR_OK) {
        complain(w, "it cannot be asked:", r->text);
        return;
    }
    if (r->status == 409 && str_to_u64(str_trim(r->body), &size) == ERR_OK) {
        if (size == w->seen)
            complain(w, "it saw another log of this name with as many records", STR(""));
        w->seen = size;
        return;
    }
    if (r->status != 200) {
        complain(w, "it refused:", r->body);
        return;
    }
    w->seen = w->cosigned = w->asked;
    enum err e = broker_cosign(w->all->broker, w->asked, r->body);
    if (e == ERR_OK)
        w->complained = false;
    else if (e != ERR_STALE)
        complain(w, "its answer is no cosignature of the key that the configuration names", STR(""));
}

static void ask(struct one *w)
{
    struct buf body CLEANUP(buf_done) = {0};
    struct note n;
    struct checkpoint c;
    const char *why = NULL;
    struct str now = broker_checkpoint(w->all->broker);
    if (w->fetch != NULL || note_parse(now, &n) != ERR_OK || checkpoint_parse(n.text, &c) != ERR_OK ||
        c.size == w->cosigned)
        return;
    buf_init(&body, 64 * KIB);
    enum err e = receipt_consistency(w->all->settings->directory, w->seen, &body);
    if (e == ERR_INVALID)
        complain(w, "it saw more records than there are: this log was rolled back, or its witness is for another",
                 STR(""));
    if (e != ERR_OK)
        return;
    const struct fetch_header type = {STR("Content-Type"), STR("text/plain")};
    const struct fetch_request r = {
        .url = str_of(w->url), .body = buf_view(&body), .headers = &type, .n_headers = 1, .max_body = 16 * KIB};
    w->asked = c.size;
    if (fetch_start(w->all->fetcher, &r, answered, w, &w->fetch, &why) != ERR_OK)
        complain(w, why != NULL ? why : "too many questions are under way", STR(""));
}

static void due(void *ctx)
{
    struct witnesses *all = ctx;
    for (size_t i = 0; i < all->n; i++)
        ask(&all->list[i]);
}

static enum err add_all(struct witnesses *all)
{
    for (size_t i = 0; i < all->settings->n_witnesses && i < MOST; i++) {
        struct one *w = &all->list[all->n];
        int n = snprintf(w->url, sizeof(w->url), "%.*s/add-checkpoint", STR_FMT(all->settings->witnesses[i].url));
        const char *why = n > 0 && n < URL_ROOM ? fetch_url_refused(str_of(w->url), false) : "it is too long";
        if (why != NULL) {
            log_error("audit.witnesses: %s: %s", w->url, why);
            return ERR_INVALID;
        }
        w->all = all;
        all->n++;
    }
    return ERR_OK;
}

enum err witnesses_new(struct loop *l, struct broker *b, const struct audit_settings *s, struct witnesses **ret)
{
    struct witnesses *all = calloc(1, sizeof(*all));
    if (all == NULL)
        return ERR_NOMEM;
    *all = (struct witnesses){.loop = l, .broker = b, .settings = s};
    enum err e = add_all(all);
    if (e == ERR_OK && all->n != 0)
        e = fetcher_new(l, &all->fetcher);
    if (e == ERR_OK && all->n != 0)
        e = timer_new(l, due, all, &all->timer);
    if (e != ERR_OK) {
        witnesses_free(all);
        return e;
    }
    if (all->n != 0)
        timer_start(all->timer, ASK_EVERY_MS, ASK_EVERY_MS);
    *ret = all;
    return ERR_OK;
}

void witnesses_free(struct witnesses *all)
{
    if (all == NULL)
        return;
    timer_free(all->timer);
    fetcher_free(all->fetcher);
    free(all);
}
