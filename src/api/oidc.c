#include "api/oidc.h"

#include "base/limits.h"
#include "base/log.h"
#include "identity/jwt.h"
#include "net/fetch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECRET = 65, ERROR_TEXT = 256 };

struct attempt {
    struct attempt *next;
    char id[SECRET], state[SECRET], nonce[SECRET], verifier[SECRET];
    char *redirect_uri, *code;
    enum oidc_state at;
    int64_t ends_ms;
    bool keys_renewed, unreachable;
    struct fetch *fetch;
    struct oidc *owner;
    char *id_token;
    char why[ERROR_TEXT];
    char token[BROKER_TOKEN_TEXT];
    char *person;
    struct buf url;
};

struct oidc {
    struct api *api;
    struct fetcher *fetcher;
    struct attempt *attempts;
    size_t n;
    /* What is known of the provider. */
    char *issuer, *authorization, *token, *jwks;
    struct jwk_set *keys;
    int64_t known_until_ms, keys_at_ms;
    struct fetch *fetch; /* of metadata or keys */
};

static const struct oidc_config *config_of(const struct oidc *o)
{
    return &o->api->config->oidc;
}

/* --- Small things ---------------------------------------------------------------------------- */

static enum err new_secret(char out[static SECRET])
{
    unsigned char raw[32];
    TRY(random_bytes(raw, sizeof(raw)));
    for (size_t i = 0; i < sizeof(raw); i++)
        (void)snprintf(out + 2 * i, 3, "%02x", raw[i]);
    return ERR_OK;
}

static enum err put_encoded(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '_' || c == '.' || c == '~';
        TRY(plain ? buf_put_u8(b, c) : buf_printf(b, "%%%02X", c));
    }
    return ERR_OK;
}

static enum err put_parameter(struct buf *b, const char *name, struct str value)
{
    TRY(buf_printf(b, "%s%s=", buf_len(b) != 0 ? "&" : "", name));
    return put_encoded(b, value);
}

/* S256 (RFC 7636 section 4.2). */
static enum err put_challenge(struct buf *b, const char *verifier)
{
    struct digest d = digest_of(str_of(verifier));
    TRY(buf_put_str(b, STR("&code_challenge=")));
    return base64url_put(b, str_from(d.b, sizeof(d.b)));
}

static void set_z(char **to, const char *from)
{
    free(*to);
    *to = from != NULL ? strdup(from) : NULL;
}

/* --- Attempts -------------------------------------------------------------------------------- */

static void attempt_free(struct attempt *x)
{
    struct attempt **at = &x->owner->attempts;
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    x->owner->n--;
    fetch_cancel(x->fetch);
    free(x->redirect_uri);
    free(x->code);
    free(x->person);
    free(x->id_token);
    buf_done(&x->url);
    explicit_bzero(x, sizeof(*x));
    free(x);
}

static void fail(struct attempt *x, bool unreachable, const char *what, struct str detail)
{
    char clean[160];
    x->at = OIDC_FAILED;
    x->unreachable = unreachable;
    (void)snprintf(x->why, sizeof(x->why), "%s%s%s", what, detail.n != 0 ? ": " : "",
                   log_clean(detail, clean, sizeof(clean)));
    log_warn("a login with the identity provider failed: %s", x->why);
}

static void expire(struct oidc *o)
{
    int64_t now = loop_now_ms(o->api->loop);
    for (struct attempt *x = o->attempts, *next; x != NULL; x = next) {
        next = x->next;
        if (now >= x->ends_ms)
            attempt_free(x);
    }
}

static struct attempt *find(struct oidc *o, struct str id)
{
    struct digest wanted = digest_of(id);
    for (struct attempt *x = o->attempts; x != NULL; x = x->next) {
        struct digest d = digest_of(str_of(x->id));
        if (digest_eq(&d, &wanted))
            return x;
    }
    return NULL;
}

static enum err write_url(struct attempt *x)
{
    const struct oidc *o = x->owner;
    const struct oidc_config *c = config_of(o);
    struct buf query CLEANUP(buf_done) = {0};
    buf_init(&query, LIMIT_FETCH_URL);
    TRY(put_parameter(&query, "response_type", STR("code")));
    TRY(put_parameter(&query, "client_id", c->client_id));
    TRY(put_parameter(&query, "redirect_uri", str_of(x->redirect_uri)));
    TRY(put_parameter(&query, "scope", c->scopes));
    TRY(put_parameter(&query, "state", str_of(x->state)));
    TRY(put_parameter(&query, "nonce", str_of(x->nonce)));
    TRY(put_parameter(&query, "code_challenge_method", STR("S256")));
    TRY(put_challenge(&query, x->verifier));
    buf_clear(&x->url);
    return buf_printf(&x->url, "%s%s%.*s", o->authorization, strchr(o->authorization, '?') != NULL ? "&" : "?",
                      STR_FMT(buf_view(&query)));
}

/* --- The provider ---------------------------------------------------------------------------- */

static void judge_again(struct oidc *o);

static void provider_forget(struct oidc *o)
{
    fetch_cancel(o->fetch);
    o->fetch = NULL;
    set_z(&o->issuer, NULL);
    set_z(&o->authorization, NULL);
    set_z(&o->token, NULL);
    set_z(&o->jwks, NULL);
    jwk_set_free(o->keys);
    o->keys = NULL;
    o->known_until_ms = 0;
}

static bool provider_known(const struct oidc *o)
{
    return o->keys != NULL && o->issuer != NULL && str_is(config_of(o)->issuer, o->issuer) &&
           loop_now_ms(o->api->loop) < o->known_until_ms;
}

/* Those who wait for it go on, or hear why not. */
static void provider_settled(struct oidc *o, const char *what, struct str detail)
{
    for (struct attempt *x = o->attempts; x != NULL; x = x->next) {
        if (x->at != OIDC_PREPARING)
            continue;
        x->at = OIDC_WAITING;
        if (what != NULL)
            fail(x, true, what, detail);
        else if (write_url(x) != ERR_OK)
            fail(x, true, "its address is too long", (struct str){NULL, 0});
    }
    judge_again(o);
}

static void provider_failed(struct oidc *o, const char *what, struct str detail)
{
    log_warn("%s: %.*s", what, STR_FMT(detail));
    provider_settled(o, what, detail);
}

static enum err ask(struct oidc *o, const char *url, fetch_done_fn *done, void *ctx, struct str body,
                    const struct fetch_header *headers, size_t n_headers, struct fetch **ret)
{
    const char *why = "";
    struct fetch_request r = {.url = str_of(url), .headers = headers, .n_headers = n_headers, .body = body,
                              .https_only = true, .ca_file = config_of(o)->ca_file};
    enum err e = fetch_start(o->fetcher, &r, done, ctx, ret, &why);
    if (e != ERR_OK)
        log_warn("the identity provider cannot be asked: %s", why[0] != '\0' ? why : err_text(e));
    return e;
}

static struct str fetch_why(const struct fetch_result *r, char out[static 32])
{
    if (r->why != ERR_OK)
        return r->text;
    (void)snprintf(out, 32, "status %d", r->status);
    return str_of(out);
}

static void on_keys(void *ctx, const struct fetch_result *r)
{
    struct oidc *o = ctx;
    struct jwk_set *keys = NULL;
    char why[32];
    o->fetch = NULL;
    o->keys_at_ms = loop_now_ms(o->api->loop);
    if (r->why != ERR_OK || r->status != 200) {
        provider_failed(o, "the identity provider's keys cannot be had", fetch_why(r, why));
        return;
    }
    enum err e = jwk_set_parse(r->body, &keys);
    if (e != ERR_OK) {
        provider_failed(o, "the identity provider's keys cannot be read", str_of(err_text(e)));
        return;
    }
    jwk_set_free(o->keys);
    o->keys = keys;
    provider_settled(o, NULL, (struct str){NULL, 0});
}

static void ask_for_keys(struct oidc *o)
{
    if (o->fetch == NULL &&
        ask(o, o->jwks, on_keys, o, (struct str){NULL, 0}, NULL, 0, &o->fetch) != ERR_OK)
        provider_failed(o, "the identity provider cannot be asked for its keys", (struct str){NULL, 0});
}

static bool take_url(const json_t *doc, const char *name, char **to)
{
    const char *url = json_string_value(json_object_get(doc, name));
    if (url == NULL || fetch_url_refused(str_of(url), true) != NULL)
        return false;
    set_z(to, url);
    return *to != NULL;
}

static void on_metadata(void *ctx, const struct fetch_result *r)
{
    struct oidc *o = ctx;
    char why[32];
    o->fetch = NULL;
    if (r->why != ERR_OK || r->status != 200) {
        provider_failed(o, "the identity provider cannot be reached", fetch_why(r, why));
        return;
    }
    json_t *doc = json_loadb(r->body.p, r->body.n, JSON_REJECT_DUPLICATES, NULL);
    struct str issuer = str_of(json_string_value(json_object_get(doc, "issuer")));
    bool good = str_eq(issuer, config_of(o)->issuer) && take_url(doc, "authorization_endpoint", &o->authorization) &&
                take_url(doc, "token_endpoint", &o->token) && take_url(doc, "jwks_uri", &o->jwks);
    if (good)
        set_z(&o->issuer, json_string_value(json_object_get(doc, "issuer")));
    json_decref(doc);
    if (!good) {
        provider_failed(o, "the identity provider's metadata is not that of the configured `issuer`",
                        (struct str){NULL, 0});
        return;
    }
    o->known_until_ms = loop_now_ms(o->api->loop) + LIMIT_OIDC_METADATA_MS;
    ask_for_keys(o);
}

static void ask_for_metadata(struct oidc *o)
{
    char url[2048];
    struct str issuer = config_of(o)->issuer;
    if (o->fetch != NULL)
        return;
    provider_forget(o);
    while (issuer.n != 0 && issuer.p[issuer.n - 1] == '/')
        issuer.n--;
    int n = snprintf(url, sizeof(url), "%.*s/.well-known/openid-configuration", STR_FMT(issuer));
    if (n < 0 || (size_t)n >= sizeof(url) ||
        ask(o, url, on_metadata, o, (struct str){NULL, 0}, NULL, 0, &o->fetch) != ERR_OK)
        provider_failed(o, "the identity provider cannot be asked", (struct str){NULL, 0});
}

/* --- Who it is -------------------------------------------------------------------------------- */

/* The groups of the claim that the configuration takes, with a space between. */
static enum err put_groups(const struct oidc *o, const struct jwt_claims *claims, struct buf *out)
{
    const struct oidc_config *c = config_of(o);
    char name[LIMIT_NAME_BYTES + 1];
    if (c->groups_claim.n == 0 || c->groups_claim.n >= sizeof(name))
        return ERR_OK;
    (void)snprintf(name, sizeof(name), "%.*s", STR_FMT(c->groups_claim));
    for (size_t k = 0; k < c->n_groups; k++)
        for (size_t i = 0; i < LIMIT_PEOPLE; i++) {
            struct str group = jwt_text_at(claims, name, i);
            if (group.p == NULL)
                break;
            if (!str_eq(group, c->groups[k]))
                continue;
            TRY(buf_printf(out, "%s%.*s", buf_len(out) != 0 ? " " : "", STR_FMT(group)));
            break;
        }
    return ERR_OK;
}

static bool same_groups(const struct person *p, struct str words)
{
    size_t n = 0;
    while (words.n != 0) {
        struct str word = words;
        if (!str_cut(words, ' ', &word, &words))
            words = (struct str){NULL, 0};
        n++;
        if (!person_is_or_belongs(p, word) || str_eq(p->name, word))
            return false;
    }
    return n == p->n_groups;
}

/* Adds who is new, and follows the groups of who was added so. NULL where the person may not come in; the
 * reason is said. */
static const struct person *known_person(struct attempt *x, struct str name, struct str groups)
{
    struct oidc *o = x->owner;
    const struct broker_caller by = {.is_operator = true, .via = STR("oidc")};
    const struct person *p = people_by_account(&o->api->config->people, name);
    struct people_change change = {.kind = p == NULL ? PEOPLE_ADD : PEOPLE_REGROUP,
                                   .person = p == NULL ? name : p->name,
                                   .groups = groups};
    bool add = p == NULL && config_of(o)->add_people;
    bool regroup = p != NULL && p->is_local && config_of(o)->groups_claim.n != 0 && !same_groups(p, groups);
    struct broker_error said = {""};
    if ((add || regroup) &&
        (o->api->owner == NULL ||
         o->api->owner->change_people(o->api->owner_ctx, &change, &by, clock_now(), &said) != ERR_OK)) {
        fail(x, false, "your groups could not be taken over", str_of(said.text));
        return NULL;
    }
    p = people_by_account(&o->api->config->people, name); /* the configuration is another one now */
    if (p == NULL)
        fail(x, false, "nobody is configured for this account of the identity provider", name);
    else if (p->disabled)
        fail(x, false, "this person is disabled at the gateway", (struct str){NULL, 0});
    return p == NULL || p->disabled ? NULL : p;
}

static struct str name_of(const struct oidc *o, const struct jwt_claims *claims)
{
    char claim[LIMIT_NAME_BYTES + 1];
    struct str wanted = config_of(o)->name_claim;
    (void)snprintf(claim, sizeof(claim), "%.*s", STR_FMT(wanted));
    if (str_is(wanted, "sub"))
        return jwt_subject(claims);
    /* An address that nobody has checked is whatever its owner typed. */
    if (str_is(wanted, "email") && !jwt_is_true(claims, "email_verified"))
        return (struct str){NULL, 0};
    return jwt_text(claims, claim);
}

static void let_in(struct attempt *x, const struct jwt_claims *claims)
{
    struct oidc *o = x->owner;
    struct buf groups CLEANUP(buf_done) = {0};
    const struct broker_caller by = {.is_operator = true, .via = STR("oidc")};
    struct moment now = clock_now();
    struct str name = name_of(o, claims);
    struct broker_error said = {""};
    uint64_t id;
    buf_init(&groups, 64 * KIB);
    if (name.n == 0 || put_groups(o, claims, &groups) != ERR_OK) {
        fail(x, false, "the identity provider does not say (or has not verified) the claim", config_of(o)->name_claim);
        return;
    }
    const struct person *p = known_person(x, name, buf_view(&groups));
    if (p == NULL)
        return;
    if (broker_token_create(o->api->broker, &by, p->name, STR("login"), BROKER_MAY_ACT | BROKER_MAY_APPROVE,
                            now.wall_ns + config_of(o)->token_life_ns, now, x->token, &id, &said) != ERR_OK) {
        fail(x, true, "no token could be made", str_of(said.text));
        return;
    }
    x->person = str_dupz(p->name);
    x->at = OIDC_DONE;
}

static void judge(struct attempt *x)
{
    struct oidc *o = x->owner;
    struct jwt_claims *claims CLEANUP(jwt_claims_freep) = NULL;
    const struct jwt_wanted want = {.issuer = config_of(o)->issuer,
                                    .audience = config_of(o)->client_id,
                                    .nonce = str_of(x->nonce),
                                    .now_s = clock_wall_ns() / NS_PER_S,
                                    .skew_s = LIMIT_OIDC_SKEW_S};
    enum jwt_fault f = jwt_verify(o->keys, str_of(x->id_token), &want, &claims);
    if (f == JWT_UNKNOWN_KEY && !x->keys_renewed &&
        (o->fetch != NULL || loop_now_ms(o->api->loop) - o->keys_at_ms >= LIMIT_OIDC_KEYS_MS)) {
        x->keys_renewed = true; /* it was rotated: judge_again follows */
        ask_for_keys(o);
        return;
    }
    if (f != JWT_GOOD)
        fail(x, false, "the identity provider's token is not taken", str_of(jwt_fault_text(f)));
    else
        let_in(x, claims);
    if (x->id_token != NULL)
        explicit_bzero(x->id_token, strlen(x->id_token));
    set_z(&x->id_token, NULL);
}

/* New keys have come, or cannot be had: what waits for them is judged by those there are. */
static void judge_again(struct oidc *o)
{
    for (struct attempt *x = o->attempts; x != NULL; x = x->next)
        if (x->at == OIDC_EXCHANGING && x->id_token != NULL && o->fetch == NULL) {
            if (o->keys != NULL)
                judge(x);
            else
                fail(x, true, "the identity provider's keys are not known", (struct str){NULL, 0});
        }
}

/* --- The code -------------------------------------------------------------------------------- */

static void on_tokens(void *ctx, const struct fetch_result *r)
{
    struct attempt *x = ctx;
    char why[32];
    x->fetch = NULL;
    if (r->why != ERR_OK || (r->status != 200 && r->status != 400 && r->status != 401)) {
        fail(x, true, "the identity provider cannot be reached", fetch_why(r, why));
        return;
    }
    json_t *doc = json_loadb(r->body.p, r->body.n, JSON_REJECT_DUPLICATES, NULL);
    const char *token = json_string_value(json_object_get(doc, "id_token"));
    const char *error = json_string_value(json_object_get(doc, "error"));
    if (r->status != 200 || token == NULL) {
        fail(x, false, "the identity provider does not accept the login", str_of(error));
    } else {
        set_z(&x->id_token, token);
        if (x->id_token == NULL || x->owner->keys == NULL)
            fail(x, true, "the identity provider's keys are not known", (struct str){NULL, 0});
        else
            judge(x);
    }
    json_decref(doc);
}

static enum err client_secret(const struct oidc *o, struct buf *out)
{
    const struct oidc_config *c = config_of(o);
    char *name = str_dupz(c->secret);
    const char *value = c->secret_kind == SECRET_ENVIRONMENT && name != NULL ? getenv(name) : NULL;
    int fd = c->secret_kind == SECRET_FILE && name != NULL ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    char text[LIMIT_SECRET_BYTES];
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
    enum err e = ERR_NOT_FOUND;
    if (value != NULL)
        e = buf_put_str(out, str_of(value));
    else if (n > 0 && (size_t)n < sizeof(text))
        e = buf_put_str(out, str_trim(str_from(text, (size_t)n)));
    explicit_bzero(text, sizeof(text));
    if (fd >= 0)
        close(fd);
    free(name);
    return e;
}

/* HTTP Basic with both halves encoded as in a form (RFC 6749 section 2.3.1). */
static enum err put_basic(const struct oidc *o, struct buf *out)
{
    struct buf secret CLEANUP(buf_wipe) = {0}, pair CLEANUP(buf_wipe) = {0};
    buf_init(&secret, LIMIT_SECRET_BYTES);
    buf_init(&pair, 4 * LIMIT_SECRET_BYTES);
    TRY(client_secret(o, &secret));
    TRY(put_encoded(&pair, config_of(o)->client_id));
    TRY(buf_put_u8(&pair, ':'));
    TRY(put_encoded(&pair, buf_view(&secret)));
    TRY(buf_put_str(out, STR("Basic ")));
    return base64_put(out, buf_view(&pair));
}

static enum err exchange(struct attempt *x)
{
    struct oidc *o = x->owner;
    struct buf body CLEANUP(buf_wipe) = {0}, basic CLEANUP(buf_wipe) = {0};
    bool is_public = config_of(o)->secret_kind == SECRET_NONE;
    buf_init(&body, 16 * KIB);
    buf_init(&basic, 32 * KIB);
    TRY(put_parameter(&body, "grant_type", STR("authorization_code")));
    TRY(put_parameter(&body, "code", str_of(x->code)));
    TRY(put_parameter(&body, "redirect_uri", str_of(x->redirect_uri)));
    TRY(put_parameter(&body, "code_verifier", str_of(x->verifier)));
    if (is_public)
        TRY(put_parameter(&body, "client_id", config_of(o)->client_id));
    else
        TRY(put_basic(o, &basic));
    struct fetch_header headers[] = {{STR("Content-Type"), STR("application/x-www-form-urlencoded")},
                                     {STR("Accept"), STR("application/json")},
                                     {STR("Authorization"), buf_view(&basic)}};
    return ask(o, o->token, on_tokens, x, buf_view(&body), headers, is_public ? 2 : 3, &x->fetch);
}

/* --- For the API ------------------------------------------------------------------------------ */

/* RFC 8252 section 7.3: an address of the machine itself, any port. */
static bool is_loopback_callback(struct str uri)
{
    static const struct str hosts[] = {STR_INIT("http://127.0.0.1:"), STR_INIT("http://[::1]:")};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct str port, path;
        uint64_t n;
        if (str_starts(uri, hosts[i]) &&
            str_cut(str_from(uri.p + hosts[i].n, uri.n - hosts[i].n), '/', &port, &path) &&
            str_is(path, "callback") && str_to_u64(port, &n) == ERR_OK && n > 0 && n < 65536)
            return true;
    }
    return false;
}

static bool is_page_callback(const struct oidc *o, struct str uri)
{
    struct str base = o->api->config->api_url;
    return base.n != 0 && str_starts(uri, base) &&
           str_is(str_from(uri.p + base.n, uri.n - base.n), "/v1/callback");
}

static enum err attempt_new(struct oidc *o, struct str redirect_uri, struct attempt **ret)
{
    struct attempt *x = calloc(1, sizeof(*x));
    if (x == NULL)
        return ERR_NOMEM;
    x->owner = o;
    x->at = OIDC_PREPARING;
    x->ends_ms = loop_now_ms(o->api->loop) + LIMIT_OIDC_ATTEMPT_MS;
    x->redirect_uri = str_dupz(redirect_uri);
    buf_init(&x->url, LIMIT_FETCH_URL);
    if (x->redirect_uri == NULL || new_secret(x->id) != ERR_OK || new_secret(x->state) != ERR_OK ||
        new_secret(x->nonce) != ERR_OK || new_secret(x->verifier) != ERR_OK) {
        free(x->redirect_uri);
        free(x);
        return ERR_NOMEM;
    }
    x->next = o->attempts;
    o->attempts = x;
    o->n++;
    *ret = x;
    return ERR_OK;
}

enum err oidc_begin(struct oidc *o, struct str redirect_uri, char ret_id[static OIDC_ID])
{
    struct attempt *x;
    if (config_of(o)->issuer.n == 0)
        return ERR_UNSUPPORTED;
    if (!is_loopback_callback(redirect_uri) && !is_page_callback(o, redirect_uri))
        return ERR_INVALID;
    expire(o);
    if (o->n >= LIMIT_OIDC_ATTEMPTS)
        return ERR_LIMIT;
    TRY(attempt_new(o, redirect_uri, &x));
    memcpy(ret_id, x->id, OIDC_ID);
    if (!provider_known(o))
        ask_for_metadata(o);
    else {
        x->at = OIDC_WAITING;
        TRY(write_url(x));
    }
    return ERR_OK;
}

static void take_code(struct attempt *x, struct str code)
{
    x->code = str_dupz(code);
    x->at = OIDC_EXCHANGING;
    if (x->code == NULL || exchange(x) != ERR_OK)
        fail(x, true, "the identity provider cannot be asked (is `client_secret` readable?)", (struct str){NULL, 0});
}

enum err oidc_go_on(struct oidc *o, struct str id, struct str code, struct str state,
                    struct oidc_attempt *ret)
{
    expire(o);
    struct attempt *x = find(o, id);
    if (x == NULL)
        return ERR_NOT_FOUND;
    if (code.n != 0) {
        struct digest a = digest_of(state), b = digest_of(str_of(x->state));
        if (!digest_eq(&a, &b))
            return ERR_FORBIDDEN;
        if (x->at == OIDC_WAITING)
            take_code(x, code);
    }
    *ret = (struct oidc_attempt){.state = x->at, .unreachable = x->unreachable};
    struct arena *a = &o->api->arena;
    TRY(arena_str(a, str_of(x->why), &ret->why));
    TRY(arena_str(a, str_of(x->token), &ret->token));
    TRY(arena_str(a, str_of(x->person), &ret->person));
    TRY(arena_str(a, x->at == OIDC_WAITING ? buf_view(&x->url) : STR(""), &ret->url));
    if (x->at == OIDC_DONE || x->at == OIDC_FAILED)
        attempt_free(x);
    return ERR_OK;
}

/* --- Life ------------------------------------------------------------------------------------- */

enum err oidc_new(struct api *a, struct oidc **ret)
{
    struct oidc *o = calloc(1, sizeof(*o));
    if (o == NULL)
        return ERR_NOMEM;
    o->api = a;
    enum err e = fetcher_new(a->loop, &o->fetcher);
    if (e != ERR_OK) {
        free(o);
        return e;
    }
    *ret = o;
    return ERR_OK;
}

void oidc_free(struct oidc *o)
{
    if (o == NULL)
        return;
    while (o->attempts != NULL)
        attempt_free(o->attempts);
    provider_forget(o);
    fetcher_free(o->fetcher);
    free(o);
}
