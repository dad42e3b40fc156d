#include "source/pg/client.h"
#include "base/limits.h"

/*
 * Messages from the client. One pass over what is there: understood messages join the run that is
 * written to the server in one piece; a message that must wait or is refused ends the run.
 *
 *   p: [ from ......... ready ......... at ......... n )
 *        may be sent      deferred       not yet looked at
 */
struct pump {
    const char *p;
    size_t n, from, ready, at;
};

bool pg_to_server(struct source_session *s, struct str bytes)
{
    enum err e = bytes.n != 0 ? stream_write(s->server, bytes) : ERR_OK;
    if (e == ERR_OK)
        return true;
    pg_session_fatal(s, PG_CONNECTION_FAILURE, STR("the database no longer takes data"),
                     str_of(err_text(e)), (struct str){NULL, 0});
    return false;
}

void pg_segment_ended(struct source_session *s)
{
    s->segment_open = false;
    s->wall.segment = WALL_SEGMENT_READ;
}

bool pg_to_server_walled(struct source_session *s, struct str group)
{
    enum { JOINED = 64 * 1024 }; /* longer ones are not copied for the sake of one write */
    struct pg_wall *w = &s->wall;
    struct buf all CLEANUP(buf_done) = {0};
    bool ok;
    buf_init(&all, 2 * JOINED);
    if (buf_len(&w->before) == 0 && buf_len(&w->after) == 0)
        return pg_to_server(s, group);
    if (group.n <= JOINED && buf_put_str(&all, buf_view(&w->before)) == ERR_OK &&
        buf_put_str(&all, group) == ERR_OK && buf_put_str(&all, buf_view(&w->after)) == ERR_OK)
        ok = pg_to_server(s, buf_view(&all));
    else
        ok = pg_to_server(s, buf_view(&w->before)) && pg_to_server(s, group) && pg_to_server(s, buf_view(&w->after));
    buf_clear(&w->before);
    buf_clear(&w->after);
    return ok;
}

static bool send_ready(struct source_session *s, struct pump *p)
{
    struct str run = {p->p + p->from, p->ready - p->from};
    p->from = p->ready;
    return pg_to_server(s, run);
}

/* The rest of a CopyData body needs no look at all. */
static void pass_skipped(struct source_session *s, struct pump *p)
{
    size_t n = p->n - p->at < s->client_skip ? p->n - p->at : s->client_skip;
    s->client_skip -= n;
    p->at += n;
    p->ready = p->at;
    if (s->client_skip_drops)
        p->from = p->at;
}

/* The message at p->at, if it is all there. CopyData is handled by its header alone. */
static enum step next_message(struct source_session *s, struct pump *p, struct message *m)
{
    size_t left = p->n - p->at;
    if (left < PG_HEADER)
        return STEP_MORE;
    const char *head = p->p + p->at;
    uint32_t length = pg_length(head);
    enum step step = pg_client_header(s, (unsigned char)head[0], length);
    if (step != STEP_SEND)
        return step;
    m->type = head[0];
    m->len = (size_t)length + 1;
    if (m->type == 'd') {
        s->client_skip = m->len - (left < m->len ? left : m->len);
        m->len -= s->client_skip;
        s->client_skip_drops = s->flow == FLOW_SKIP;
    } else if (left < m->len) {
        return STEP_MORE;
    }
    m->body = (struct str){head + PG_HEADER, m->len - PG_HEADER};
    return pg_client_message(s, m);
}

static bool ends_segment_type(char type)
{
    return type == 'S' || type == 'Q' || type == 'F';
}

static void mark_sent(struct source_session *s, struct pump *p, const struct message *m)
{
    p->at += m->len;
    p->ready = p->at;
    pg_ring_mark_sent(&s->ring);
    if (m->type == 'E' || m->type == 'H')
        s->segment_open = s->segment_open || s->flow == FLOW_NORMAL;
    else if (ends_segment_type(m->type) && s->flow == FLOW_NORMAL)
        pg_segment_ended(s);
}

/* The message and what was deferred: with the next run, or at once where the wall's statements stand around it. */
static bool send(struct source_session *s, struct pump *p, const struct message *m)
{
    bool walled = buf_len(&s->wall.before) != 0 || buf_len(&s->wall.after) != 0;
    if (walled && !send_ready(s, p))
        return false;
    mark_sent(s, p, m);
    if (!walled)
        return true;
    struct str group = {p->p + p->from, p->ready - p->from};
    p->from = p->ready;
    return pg_to_server_walled(s, group);
}

/* Deferred ones go now, with a Flush, so that what is waited for comes. */
static bool hurry(struct source_session *s, struct pump *p)
{
    struct buf flush CLEANUP(buf_done) = {0};
    buf_init(&flush, 16);
    if (pg_ring_count(&s->ring) != 0 && s->ring.unsent == s->ring.head) {
        p->ready = p->at;
        pg_ring_mark_sent(&s->ring);
        s->segment_open = true;
    }
    if (!send_ready(s, p))
        return false;
    if (!s->segment_open)
        return true;
    return pg_put_flush(&flush) == ERR_OK && pg_to_server(s, buf_view(&flush));
}

static bool refuse_message(struct source_session *s, struct pump *p, struct message *m)
{
    if (!send_ready(s, p))
        return false;
    pg_drop_unsent(s);
    p->at += m->len;
    p->from = p->ready = p->at;
    bool extended = m->type == 'E' || m->bind_refused;
    m->bind_refused = false;
    pg_answer_refused(s, extended, buf_view(m->report));
    return s->phase == PHASE_READY;
}

/* False: the session is gone. */
static bool pump(struct source_session *s, struct pump *p)
{
    struct buf report CLEANUP(buf_done) = {0};
    struct message m = {.report = &report};
    buf_init(&report, 64 * KIB);
    while (s->phase == PHASE_READY && s->block == BLOCK_NONE && p->at < p->n) {
        if (s->client_skip != 0) {
            pass_skipped(s, p);
            continue;
        }
        enum step step = next_message(s, p, &m);
        switch (step) {
        case STEP_DEFER:
            p->at += m.len;
            break;
        case STEP_SEND:
            if (!send(s, p, &m))
                return false;
            break;
        case STEP_DROP:
            if (!send_ready(s, p))
                return false;
            p->at += m.len;
            p->from = p->ready = p->at;
            break;
        case STEP_REFUSE:
            if (!refuse_message(s, p, &m))
                return false;
            buf_clear(&report);
            break;
        case STEP_LAST:
            if (!send_ready(s, p))
                return false;
            p->from = p->at;
            p->ready = p->at += m.len;
            break;
        case STEP_WAIT:
            return s->block == BLOCK_ANSWERS ? hurry(s, p) : send_ready(s, p);
        case STEP_MORE:
            return send_ready(s, p);
        case STEP_STOP:
            return false;
        }
    }
    return s->phase != PHASE_CLOSED && send_ready(s, p);
}

/* Reading stops while too much waits behind something that is blocked. */
static void bound_backlog(struct source_session *s)
{
    size_t whole = s->scanned + s->held_len;
    if (s->block != BLOCK_NONE && buf_len(&s->in) > whole + LIMIT_HELD_BACKLOG)
        stream_pause(s->client);
    else if (!stream_is_full(s->server))
        stream_resume(s->client);
}

static void keep(struct source_session *s, struct str rest)
{
    enum err e = rest.n != 0 ? buf_put_str(&s->in, rest) : ERR_OK;
    if (e != ERR_OK)
        pg_session_fatal(s, PG_PROGRAM_LIMIT, STR("more was sent than the gateway can keep"),
                         str_of(err_text(e)), (struct str){NULL, 0});
}

static void run_pump(struct source_session *s, struct str chunk)
{
    bool direct = buf_len(&s->in) == 0;
    if (!direct) {
        keep(s, chunk);
        if (s->phase == PHASE_CLOSED)
            return;
    }
    struct str v = direct ? chunk : buf_view(&s->in);
    struct pump p = {.p = v.p, .n = v.n, .at = s->scanned};
    if (!pump(s, &p))
        return;
    if (s->phase != PHASE_READY)
        return;
    s->scanned = p.at - p.ready;
    if (direct)
        keep(s, (struct str){p.p + p.ready, p.n - p.ready});
    else
        buf_consume(&s->in, p.ready);
    if (s->phase == PHASE_READY) {
        pg_session_check(s);
        bound_backlog(s);
    }
}

/* Passwords and their kin, one whole message at a time. */
static void auth_bytes(struct source_session *s, struct str bytes)
{
    keep(s, bytes);
    if (s->login != NULL && s->phase == PHASE_AUTH) {
        /* The client has said who it is: it has to wait. */
        if (buf_len(&s->in) > LIMIT_PG_AUTH_MESSAGE)
            pg_session_fatal(s, PG_PROTOCOL_VIOLATION, STR("too much was sent before the login"),
                             (struct str){NULL, 0}, (struct str){NULL, 0});
        return;
    }
    while ((s->phase == PHASE_AUTH || s->phase == PHASE_STARTING) && buf_len(&s->in) >= PG_HEADER) {
        struct str v = buf_view(&s->in);
        uint32_t length = pg_length(v.p);
        if (length < 4 || length > LIMIT_PG_AUTH_MESSAGE) {
            pg_session_fatal(s, PG_PROTOCOL_VIOLATION, STR("invalid length of a password message"),
                             (struct str){NULL, 0}, (struct str){NULL, 0});
            return;
        }
        if (s->phase == PHASE_STARTING || v.n < (size_t)length + 1)
            return; /* after the login it waits for ReadyForQuery */
        pg_session_auth_message(s, v.p[0], (struct str){v.p + PG_HEADER, length - 4});
        if (s->phase != PHASE_AUTH || !pg_to_server(s, (struct str){v.p, (size_t)length + 1}))
            return;
        buf_consume(&s->in, (size_t)length + 1);
    }
}

void pg_client_bytes(struct source_session *s, struct str bytes)
{
    if (s->phase == PHASE_AUTH || s->phase == PHASE_STARTING) {
        auth_bytes(s, bytes);
        return;
    }
    if (s->block == BLOCK_NONE) {
        run_pump(s, bytes);
        return;
    }
    keep(s, bytes);
    if (s->phase == PHASE_READY)
        bound_backlog(s);
}

void pg_client_resume(struct source_session *s)
{
    if (s->phase == PHASE_READY && s->block == BLOCK_NONE)
        run_pump(s, (struct str){NULL, 0});
    else if (s->phase == PHASE_AUTH)
        auth_bytes(s, (struct str){NULL, 0});
}
