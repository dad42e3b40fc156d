#include "link/link.h"
#include "base/cursor.h"
#include "base/limits.h"

/*
 * Each message has one description (describe_*), a list of its fields, which serves both
 * directions: a field function writes its value while encoding and replaces it while decoding. So
 * what is written and what is read cannot differ.
 *
 * The first error sticks in `err`; field functions then do nothing.
 */
struct codec {
    struct buf *out;   /* encoding where set */
    struct cursor in;  /* else decoding from here */
    struct arena *arena;
    enum err err;
};

enum { HEADER = 4, ELEMENT_MIN = 4 };

static bool encoding(const struct codec *c)
{
    return c->out != NULL;
}

static void fail(struct codec *c, enum err e)
{
    if (c->err == ERR_OK)
        c->err = e;
}

/* --- Fields ---------------------------------------------------------------------------------- */

static void field_u32(struct codec *c, uint32_t *v)
{
    if (c->err != ERR_OK)
        return;
    if (encoding(c))
        c->err = buf_put_u32(c->out, *v);
    else
        *v = cursor_u32(&c->in);
}

static void field_u64(struct codec *c, uint64_t *v)
{
    if (c->err != ERR_OK)
        return;
    if (encoding(c))
        c->err = buf_put_u64(c->out, *v);
    else
        *v = cursor_u64(&c->in);
}

static void field_i64(struct codec *c, int64_t *v)
{
    uint64_t bits = (uint64_t)*v;
    field_u64(c, &bits);
    *v = (int64_t)bits;
}

static void field_bool(struct codec *c, bool *v)
{
    if (c->err != ERR_OK)
        return;
    if (encoding(c)) {
        c->err = buf_put_u8(c->out, *v ? 1 : 0);
        return;
    }
    uint8_t byte = cursor_u8(&c->in);
    if (byte > 1)
        fail(c, ERR_PROTOCOL);
    *v = byte == 1;
}

/* One of 1..most, as enumerations of the link are. */
static uint32_t field_choice(struct codec *c, uint32_t v, uint32_t most)
{
    field_u32(c, &v);
    if (c->err == ERR_OK && (v == 0 || v > most))
        fail(c, encoding(c) ? ERR_INVALID : ERR_PROTOCOL);
    return v;
}

static void field_str(struct codec *c, struct str *v)
{
    if (encoding(c) && v->n > LIMIT_LINK_MESSAGE) {
        fail(c, ERR_LIMIT);
        return;
    }
    uint32_t n = (uint32_t)v->n;
    field_u32(c, &n);
    if (c->err != ERR_OK)
        return;
    if (encoding(c))
        c->err = buf_put_str(c->out, *v);
    else
        *v = cursor_bytes(&c->in, n);
}

static void field_digest(struct codec *c, struct digest *d)
{
    if (c->err != ERR_OK)
        return;
    if (encoding(c)) {
        c->err = buf_put(c->out, d->b, sizeof(d->b));
        return;
    }
    struct str s = cursor_bytes(&c->in, sizeof(d->b));
    if (s.n == sizeof(d->b))
        memcpy(d->b, s.p, sizeof(d->b));
}

/*
 * The count of a list. While decoding *ret_list is room for that many elements of `size` bytes; a
 * count that the rest of the frame cannot hold takes no memory.
 */
static size_t field_count(struct codec *c, size_t n, size_t size, size_t element_min,
                          void **ret_list)
{
    if (encoding(c) && n > LIMIT_LINK_MESSAGE) {
        fail(c, ERR_LIMIT);
        return 0;
    }
    uint32_t count = (uint32_t)n;
    *ret_list = NULL;
    field_u32(c, &count);
    if (c->err != ERR_OK)
        return 0;
    if (encoding(c))
        return count;
    if (c->in.bad || count > cursor_left(&c->in) / element_min) {
        fail(c, ERR_PROTOCOL);
        return 0;
    }
    *ret_list = arena_array(c->arena, count, size);
    if (*ret_list == NULL) {
        fail(c, ERR_NOMEM);
        return 0;
    }
    return count;
}

static void field_str_list(struct codec *c, const struct str **list, size_t *n)
{
    void *fresh;
    size_t count = field_count(c, *n, sizeof(**list), ELEMENT_MIN, &fresh);
    struct str *decoded = fresh;
    for (size_t i = 0; i < count && c->err == ERR_OK; i++) {
        struct str one = encoding(c) ? (*list)[i] : (struct str){NULL, 0};
        field_str(c, &one);
        if (!encoding(c))
            decoded[i] = one;
    }
    if (!encoding(c)) {
        *list = decoded;
        *n = count;
    }
}

static void field_u64_list(struct codec *c, const uint64_t **list, size_t *n)
{
    void *fresh;
    size_t count = field_count(c, *n, sizeof(**list), sizeof(**list), &fresh);
    uint64_t *decoded = fresh;
    for (size_t i = 0; i < count && c->err == ERR_OK; i++) {
        uint64_t one = encoding(c) ? (*list)[i] : 0;
        field_u64(c, &one);
        if (!encoding(c))
            decoded[i] = one;
    }
    if (!encoding(c)) {
        *list = decoded;
        *n = count;
    }
}

static void field_holds(struct codec *c, struct link_hello *m)
{
    void *fresh;
    size_t count = field_count(c, m->n_holds, sizeof(*m->holds), 16 + DIGEST_SIZE, &fresh);
    struct link_open_hold *decoded = fresh;
    for (size_t i = 0; i < count && c->err == ERR_OK; i++) {
        struct link_open_hold one = encoding(c) ? m->holds[i] : (struct link_open_hold){0};
        field_u64(c, &one.hold);
        field_u64(c, &one.request);
        field_digest(c, &one.digest);
        if (!encoding(c))
            decoded[i] = one;
    }
    if (!encoding(c)) {
        m->holds = decoded;
        m->n_holds = count;
    }
}

static void field_i64_list(struct codec *c, const int64_t **list, size_t *n)
{
    field_u64_list(c, (const uint64_t **)list, n);
}

/* The waits stand only where there are any: as many as names. How far it got is the broker's. */
static void field_requirement(struct codec *c, struct requirement *r)
{
    size_t n_waits = r->after_ns != NULL ? r->n_from : 0;
    field_u32(c, &r->count);
    field_u32(c, &r->stage);
    field_str_list(c, &r->from, &r->n_from);
    field_i64_list(c, &r->after_ns, &n_waits);
    if (encoding(c) || c->err != ERR_OK)
        return;
    if (n_waits != 0 && n_waits != r->n_from)
        fail(c, ERR_PROTOCOL);
    if (n_waits == 0)
        r->after_ns = NULL;
}

static void field_quorum(struct codec *c, struct quorum *q)
{
    field_u32(c, &q->rejects);
    field_bool(c, &q->reason_to_approve);
    void *fresh;
    size_t count = field_count(c, q->n_reqs, sizeof(*q->reqs), 4 * ELEMENT_MIN, &fresh);
    struct requirement *decoded = fresh;
    for (size_t i = 0; i < count && c->err == ERR_OK; i++) {
        struct requirement one = encoding(c) ? q->reqs[i] : (struct requirement){0};
        field_requirement(c, &one);
        if (!encoding(c))
            decoded[i] = one;
    }
    if (!encoding(c)) {
        q->reqs = decoded;
        q->n_reqs = count;
    }
}

static void field_parts(struct codec *c, struct link_submit *m)
{
    void *fresh;
    size_t count = field_count(c, m->n_parts, sizeof(*m->parts), 6 * ELEMENT_MIN, &fresh);
    struct hold_part *decoded = fresh;
    for (size_t i = 0; i < count && c->err == ERR_OK; i++) {
        struct hold_part one = encoding(c) ? m->parts[i] : (struct hold_part){.guardrail = {NULL, 0}};
        field_str(c, &one.guardrail);
        field_quorum(c, &one.quorum);
        field_u32(c, &one.terms.kinds);
        field_i64(c, &one.terms.max_ns);
        field_u32(c, &one.terms.uses);
        if (!encoding(c))
            decoded[i] = one;
    }
    if (!encoding(c)) {
        m->parts = decoded;
        m->n_parts = count;
    }
}

static void field_files(struct codec *c, struct link_config *m)
{
    void *fresh;
    size_t count = field_count(c, m->n_files, sizeof(*m->files), 2 * ELEMENT_MIN, &fresh);
    struct link_file *decoded = fresh;
    for (size_t i = 0; i < count && c->err == ERR_OK; i++) {
        struct link_file one = encoding(c) ? m->files[i] : (struct link_file){0};
        field_str(c, &one.path);
        field_str(c, &one.text);
        if (!encoding(c))
            decoded[i] = one;
    }
    if (!encoding(c)) {
        m->files = decoded;
        m->n_files = count;
    }
}

/* --- Messages -------------------------------------------------------------------------------- */

static void describe_hello(struct codec *c, struct link_message *m)
{
    field_u32(c, &m->hello.worker);
    field_u32(c, &m->hello.pid);
    field_holds(c, &m->hello);
    field_u64_list(c, &m->hello.runs, &m->hello.n_runs);
}

static void describe_submit(struct codec *c, struct link_message *m)
{
    struct link_submit *s = &m->submit;
    field_u64(c, &s->hold);
    field_str(c, &s->envelope);
    field_digest(c, &s->digest);
    field_str(c, &s->context);
    field_str(c, &s->explanation);
    field_str(c, &s->subject);
    field_str(c, &s->person);
    field_str(c, &s->on_behalf_of);
    field_str(c, &s->resource);
    field_str(c, &s->policy_version);
    field_str(c, &s->guardrails);
    field_str(c, &s->message);
    field_quorum(c, &s->quorum);
    field_i64(c, &s->decide_within_ns);
    field_i64(c, &s->run_within_ns);
    field_bool(c, &s->keep_on_disconnect);
    field_bool(c, &s->wait_return);
    field_str(c, &s->session);
    field_digest(c, &s->shape);
    field_str(c, &s->shape_text);
    field_parts(c, s);
    field_bool(c, &s->signed_votes);
    field_str(c, &s->ticket);
}

static void describe_withdraw(struct codec *c, struct link_message *m)
{
    field_u64(c, &m->withdraw.hold);
    field_u64(c, &m->withdraw.request);
    field_str(c, &m->withdraw.reason);
    field_bool(c, &m->withdraw.gone);
}

static void describe_impact(struct codec *c, struct link_message *m)
{
    field_u64(c, &m->impact.hold);
    field_digest(c, &m->impact.shape);
    field_str(c, &m->impact.json);
}

static void describe_claim(struct codec *c, struct link_message *m)
{
    field_u64(c, &m->claim.hold);
    field_u64(c, &m->claim.request);
    field_digest(c, &m->claim.digest);
}

static void describe_result(struct codec *c, struct link_message *m)
{
    struct link_result *r = &m->result;
    field_u64(c, &r->request);
    r->outcome = (enum link_outcome)field_choice(c, r->outcome, OUTCOME_UNKNOWN);
    field_str(c, &r->tag);
    field_i64(c, &r->rows);
    field_str(c, &r->error_code);
    field_str(c, &r->error_message);
    field_i64(c, &r->duration_ns);
}

static void describe_record(struct codec *c, struct link_message *m)
{
    field_str(c, &m->record.json);
}

static void describe_session(struct codec *c, struct link_message *m)
{
    field_bool(c, &m->session.opened);
    field_str(c, &m->session.id);
    field_str(c, &m->session.subject);
    field_str(c, &m->session.resource);
    field_str(c, &m->session.address);
    field_str(c, &m->session.application);
}

static void describe_peers(struct codec *c, struct link_message *m)
{
    field_str(c, &m->peers.source);
    field_str(c, &m->peers.bytes);
}

static void describe_log(struct codec *c, struct link_message *m)
{
    field_bool(c, &m->log.works);
}

static void describe_loaded(struct codec *c, struct link_message *m)
{
    field_str(c, &m->loaded.policy_version);
    field_bool(c, &m->loaded.ok);
    field_str(c, &m->loaded.error);
}

static void describe_config(struct codec *c, struct link_message *m)
{
    field_files(c, &m->config);
}

static void describe_submitted(struct codec *c, struct link_message *m)
{
    field_u64(c, &m->submitted.hold);
    field_u64(c, &m->submitted.request);
    field_str(c, &m->submitted.approvers);
    field_i64(c, &m->submitted.decide_by_wall_ns);
}

static void describe_approved(struct codec *c, struct link_message *m)
{
    field_u64(c, &m->approved.hold);
    field_u64(c, &m->approved.request);
    field_digest(c, &m->approved.digest);
    field_str(c, &m->approved.by);
}

static void describe_claimed(struct codec *c, struct link_message *m)
{
    field_u64(c, &m->claimed.hold);
    field_u64(c, &m->claimed.request);
    field_digest(c, &m->claimed.digest);
}

static void describe_ended(struct codec *c, struct link_message *m)
{
    field_u64(c, &m->ended.hold);
    field_u64(c, &m->ended.request);
    m->ended.end = (enum link_end)field_choice(c, m->ended.end, END_AGAIN);
    field_str(c, &m->ended.by);
    field_str(c, &m->ended.reason);
}

static void describe_peer(struct codec *c, struct link_message *m)
{
    field_str(c, &m->peer.source);
    field_str(c, &m->peer.bytes);
}

static void describe_login(struct codec *c, struct link_message *m)
{
    struct login_ask *a = &m->login.ask;
    field_u64(c, &m->login.number);
    a->step = (enum login_step)field_choice(c, a->step, LOGIN_STEP_COUNT_ - 1);
    field_str(c, &a->resource);
    field_str(c, &a->user);
    field_str(c, &a->address);
    field_str(c, &a->message);
    field_str(c, &a->proof);
    field_str(c, &a->salt);
    field_u32(c, &a->iterations);
}

static void describe_login_answer(struct codec *c, struct link_message *m)
{
    struct login_answer *a = &m->login_answer.answer;
    field_u64(c, &m->login_answer.number);
    field_bool(c, &a->ok);
    field_str(c, &a->why);
    field_str(c, &a->person);
    field_str(c, &a->proof);
    field_str(c, &a->signature);
}

static void describe_nothing(struct codec *c, struct link_message *m)
{
    (void)c;
    (void)m;
}

static const struct {
    const char *name;
    enum link_side receiver;
    void (*describe)(struct codec *c, struct link_message *m);
} messages[LINK_TYPE_COUNT_] = {
    [LINK_HELLO] = {"HELLO", LINK_BROKER, describe_hello},
    [LINK_SUBMIT] = {"SUBMIT", LINK_BROKER, describe_submit},
    [LINK_WITHDRAW] = {"WITHDRAW", LINK_BROKER, describe_withdraw},
    [LINK_CLAIM] = {"CLAIM", LINK_BROKER, describe_claim},
    [LINK_RESULT] = {"RESULT", LINK_BROKER, describe_result},
    [LINK_RECORD] = {"RECORD", LINK_BROKER, describe_record},
    [LINK_SESSION] = {"SESSION", LINK_BROKER, describe_session},
    [LINK_PEERS] = {"PEERS", LINK_BROKER, describe_peers},
    [LINK_LOADED] = {"LOADED", LINK_BROKER, describe_loaded},
    [LINK_IMPACT] = {"IMPACT", LINK_BROKER, describe_impact},
    [LINK_LOGIN] = {"LOGIN", LINK_BROKER, describe_login},
    [LINK_LOGIN_ANSWER] = {"LOGIN_ANSWER", LINK_WORKER, describe_login_answer},
    [LINK_CONFIG] = {"CONFIG", LINK_WORKER, describe_config},
    [LINK_SUBMITTED] = {"SUBMITTED", LINK_WORKER, describe_submitted},
    [LINK_APPROVED] = {"APPROVED", LINK_WORKER, describe_approved},
    [LINK_CLAIMED] = {"CLAIMED", LINK_WORKER, describe_claimed},
    [LINK_ENDED] = {"ENDED", LINK_WORKER, describe_ended},
    [LINK_PEER] = {"PEER", LINK_WORKER, describe_peer},
    [LINK_SHUTDOWN] = {"SHUTDOWN", LINK_WORKER, describe_nothing},
    [LINK_LOG] = {"LOG", LINK_WORKER, describe_log},
};

const char *link_type_text(enum link_type t)
{
    return t > 0 && t < LINK_TYPE_COUNT_ ? messages[t].name : "invalid";
}

enum err link_encode(struct buf *out, const struct link_message *m)
{
    if (m->type <= 0 || m->type >= LINK_TYPE_COUNT_)
        return ERR_INVALID;
    size_t start = buf_len(out);
    struct codec c = {.out = out};
    struct link_message fields = *m;
    uint32_t length_later = 0;
    field_u32(&c, &length_later);
    if (c.err == ERR_OK)
        c.err = buf_put_u8(out, (uint8_t)m->type);
    messages[m->type].describe(&c, &fields);
    size_t length = buf_len(out) - start;
    if (c.err == ERR_OK && length - HEADER > LIMIT_LINK_MESSAGE)
        c.err = ERR_LIMIT;
    if (c.err != ERR_OK) {
        buf_truncate(out, start);
        return c.err;
    }
    buf_patch_u32(out, start, (uint32_t)(length - HEADER));
    return ERR_OK;
}

/* The body of one frame, type byte first. */
static enum err decode_body(struct str body, enum link_side receiver, struct arena *a,
                            struct link_message *ret)
{
    struct codec c = {.in = cursor_of(body), .arena = a};
    struct link_message m = {0};
    uint8_t type = cursor_u8(&c.in);
    if (type == 0 || type >= LINK_TYPE_COUNT_ || messages[type].receiver != receiver)
        return ERR_PROTOCOL;
    m.type = (enum link_type)type;
    messages[type].describe(&c, &m);
    TRY(c.err);
    if (!cursor_ended_well(&c.in))
        return ERR_PROTOCOL;
    *ret = m;
    return ERR_OK;
}

enum err link_decode(struct str in, enum link_side receiver, struct arena *a,
                     struct link_message *ret, size_t *ret_used)
{
    struct cursor c = cursor_of(in);
    if (in.n < HEADER)
        return ERR_INCOMPLETE;
    uint32_t length = cursor_u32(&c);
    if (length == 0 || length > LIMIT_LINK_MESSAGE)
        return ERR_PROTOCOL;
    if (length > cursor_left(&c))
        return ERR_INCOMPLETE;
    TRY(decode_body(cursor_bytes(&c, length), receiver, a, ret));
    *ret_used = HEADER + length;
    return ERR_OK;
}
