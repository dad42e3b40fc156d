#include "cmd/logins.h"

#include "base/digest.h"
#include "base/limits.h"
#include "base/log.h"
#include "cmd/secrets.h"
#include "identity/scram.h"

#include <openssl/evp.h>
#include <stdlib.h>

/* An answer to a database that waits for its password. */
struct waiting {
    struct waiting *next;
    uint64_t number;    /* ours */
    uint32_t worker;
    uint64_t asked;     /* the worker's */
    bool lost;          /* nobody waits for it any more */
    struct arena arena; /* of the ask */
    struct login_ask ask;
};

/* Hi() of the last password of a resource's account: it takes milliseconds, and pools log in often. */
struct salted {
    struct digest of; /* password, salt, iterations */
    unsigned char key[SCRAM_KEY];
};
enum { SALTED_KEPT = 32 };

struct logins {
    struct broker *broker;
    struct secrets *secrets;
    login_send_fn *send;
    void *ctx;
    struct waiting *waiting;
    uint64_t last;
    struct salted salted[SALTED_KEPT];
};

static void answer(struct logins *x, uint32_t worker, uint64_t asked, const struct login_answer *a)
{
    const struct link_message m = {.type = LINK_LOGIN_ANSWER, .login_answer = {asked, *a}};
    x->send(x->ctx, worker, &m);
}

static void refuse(struct logins *x, const struct waiting *w, struct str why)
{
    const struct login_answer no = {.why = why};
    answer(x, w->worker, w->asked, &no);
}

/* --- Answers to databases --------------------------------------------------------------------- */

static enum err salted_of(struct logins *x, struct str password, const struct login_ask *ask,
                          const unsigned char **ret)
{
    char rounds[24];
    int n = snprintf(rounds, sizeof(rounds), " %u ", ask->iterations);
    struct digest a = digest_of(password), b = digest_of2(str_from(rounds, (size_t)n), ask->salt);
    struct digest of = digest_of2(str_from(a.b, sizeof(a.b)), str_from(b.b, sizeof(b.b)));
    struct salted *slot = &x->salted[of.b[0] % SALTED_KEPT];
    if (!digest_eq(&slot->of, &of)) {
        TRY(scram_salted(password, ask->salt, ask->iterations, slot->key));
        slot->of = of;
    }
    *ret = slot->key;
    return ERR_OK;
}

static void answer_scram(struct logins *x, const struct waiting *w, struct str password)
{
    unsigned char proof[SCRAM_KEY], signature[SCRAM_KEY];
    const unsigned char *salted;
    if (salted_of(x, password, &w->ask, &salted) != ERR_OK) {
        refuse(x, w, STR("the database asks for more rounds of hashing than the gateway gives"));
        return;
    }
    scram_prove(salted, w->ask.message, proof, signature);
    const struct login_answer a = {
        .ok = true, .proof = str_from(proof, SCRAM_KEY), .signature = str_from(signature, SCRAM_KEY)};
    answer(x, w->worker, w->asked, &a);
}

static enum err md5_hex(struct str a, struct str b, char out[static 33])
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1 && EVP_DigestUpdate(ctx, a.p, a.n) == 1 &&
                EVP_DigestUpdate(ctx, b.p, b.n) == 1 && EVP_DigestFinal_ex(ctx, md, &n) == 1 && n == 16;
    EVP_MD_CTX_free(ctx);
    for (unsigned i = 0; done && i < n; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", md[i]);
    return done ? ERR_OK : ERR_UNSUPPORTED;
}

/* "md5" md5(md5(password user) salt), in hex (PostgreSQL manual, 55.2.1). */
static void answer_md5(struct logins *x, const struct waiting *w, struct str password)
{
    char inner[33], outer[33], text[40];
    if (md5_hex(password, w->ask.user, inner) != ERR_OK || md5_hex(str_of(inner), w->ask.salt, outer) != ERR_OK) {
        refuse(x, w, STR("the database asks for MD5, which this machine does not do"));
        return;
    }
    int n = snprintf(text, sizeof(text), "md5%s", outer);
    const struct login_answer a = {.ok = true, .proof = str_from(text, (size_t)n)};
    answer(x, w->worker, w->asked, &a);
}

static void answer_plain(struct logins *x, const struct waiting *w, struct str password)
{
    const struct login_answer a = {.ok = true, .proof = password};
    answer(x, w->worker, w->asked, &a);
}

static void have_password(void *ctx, uint64_t number, struct str password, struct str why)
{
    static void (*const answers[LOGIN_STEP_COUNT_])(struct logins *, const struct waiting *, struct str) = {
        [LOGIN_UPSTREAM_SCRAM] = answer_scram,
        [LOGIN_UPSTREAM_MD5] = answer_md5,
        [LOGIN_UPSTREAM_PASSWORD] = answer_plain,
    };
    struct logins *x = ctx;
    struct waiting **at = &x->waiting;
    while (*at != NULL && (*at)->number != number)
        at = &(*at)->next;
    struct waiting *w = *at;
    if (w == NULL)
        return;
    *at = w->next;
    if (why.n != 0)
        log_error("resource %.*s: %.*s", STR_FMT(w->ask.resource), STR_FMT(why));
    if (!w->lost && why.n != 0)
        refuse(x, w, why);
    else if (!w->lost)
        answers[w->ask.step](x, w, password);
    arena_done(&w->arena);
    free(w);
}

/* --- Questions -------------------------------------------------------------------------------- */

static enum err keep_ask(struct waiting *w, const struct login_ask *ask)
{
    struct login_ask *k = &w->ask;
    *k = *ask;
    TRY(arena_str(&w->arena, ask->resource, &k->resource));
    TRY(arena_str(&w->arena, ask->user, &k->user));
    TRY(arena_str(&w->arena, ask->message, &k->message));
    TRY(arena_str(&w->arena, ask->salt, &k->salt));
    k->address = k->proof = (struct str){NULL, 0};
    return ERR_OK;
}

static void ask_for_password(struct logins *x, const struct resource *r, uint32_t worker,
                             const struct link_login *m)
{
    const struct login_answer no = {.why = STR("the gateway's broker is out of memory")};
    struct waiting *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        answer(x, worker, m->number, &no);
        return;
    }
    *w = (struct waiting){.number = ++x->last, .worker = worker, .asked = m->number};
    arena_init(&w->arena, 64 * KIB);
    if (keep_ask(w, &m->ask) != ERR_OK) {
        answer(x, worker, m->number, &no);
        arena_done(&w->arena);
        free(w);
        return;
    }
    w->next = x->waiting;
    x->waiting = w;
    secrets_ask(x->secrets, r, w->number);
}

void logins_ask_broker(struct logins *x, const struct config *c, uint32_t worker,
                       const struct link_login *m, struct moment now)
{
    const struct resource *r = config_resource(c, m->ask.resource);
    struct login_answer a = {.why = STR("this resource has no `login: gateway`")};
    if (r == NULL || !r->gateway_login) {
        answer(x, worker, m->number, &a);
        return;
    }
    if (m->ask.step != LOGIN_TOKEN && m->ask.step != LOGIN_CERTIFICATE) {
        ask_for_password(x, r, worker, m);
        return;
    }
    struct arena arena CLEANUP(arena_done);
    arena_init(&arena, 64 * KIB);
    broker_login(x->broker, &m->ask, now, &arena, &a);
    answer(x, worker, m->number, &a);
}

void logins_worker_lost(struct logins *x, uint32_t worker)
{
    for (struct waiting *w = x->waiting; w != NULL; w = w->next)
        w->lost = w->lost || w->worker == worker;
}

enum err logins_new(struct loop *l, struct broker *b, login_send_fn *send, void *ctx, struct logins **ret)
{
    struct logins *x = calloc(1, sizeof(*x));
    if (x == NULL)
        return ERR_NOMEM;
    *x = (struct logins){.broker = b, .send = send, .ctx = ctx};
    enum err e = secrets_new(l, have_password, x, &x->secrets);
    if (e != ERR_OK) {
        free(x);
        return e;
    }
    *ret = x;
    return ERR_OK;
}

void logins_free(struct logins *x)
{
    if (x == NULL)
        return;
    secrets_free(x->secrets);
    while (x->waiting != NULL) {
        struct waiting *w = x->waiting;
        x->waiting = w->next;
        arena_done(&w->arena);
        free(w);
    }
    explicit_bzero(x->salted, sizeof(x->salted));
    free(x);
}
