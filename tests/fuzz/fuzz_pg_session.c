/*
 * A whole session between a client and a server that say anything, in any order and in any pieces.
 * Whatever they say, no Query that the gate held or denied reaches the server, and no COMMIT that it holds.
 *
 * Input: pieces of one byte (highest bit: from the server; the rest: how many bytes) and the bytes.
 */
#include "base/log.h"
#include "pgpeer.h"
#include "source/pg/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Each broken protocol is a line on standard error: only what ends the search is wanted there. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    log_init("fuzz", (enum log_level)(LOG_ERROR + 1));
    return 0;
}

static void must(bool fact)
{
    if (!fact)
        abort();
}

/* What writes may run, and its COMMIT is held for ever. */
static enum verdict later(void *gate, struct source_session *owner, const struct action *a, struct submission *ret)
{
    static int terms;
    enum verdict v = peer_submit(gate, owner, a, ret);
    if (v != VERDICT_ALLOW || !a->can_commit_later)
        return v;
    ret->commit = (struct commit_terms *)(void *)&terms;
    return VERDICT_HOLD;
}

static enum verdict hold_commit(void *gate, struct source_session *owner, const struct action *a,
                                struct commit_terms *terms, struct submission *ret)
{
    struct peer *p = gate;
    struct buf json;
    (void)terms;
    buf_init(&json, 1 << 22);
    must(pg_source.describe(owner, a, &json) == ERR_OK);
    buf_done(&json);
    p->owner = owner;
    ret->hold = &the_hold;
    return VERDICT_HOLD;
}

static enum err join_commits(void *gate, struct commit_terms *into, struct commit_terms *from)
{
    (void)gate;
    (void)into;
    (void)from;
    return ERR_OK;
}

static void drop_commit(void *gate, struct commit_terms *terms)
{
    (void)gate;
    (void)terms;
}

static void walled(void *gate, struct source_session *owner, const struct action *a, const char *why)
{
    (void)gate;
    (void)owner;
    (void)a;
    (void)why;
}

static void hold_commits(struct peer *p)
{
    p->port.submit = later;
    p->port.submit_commit = hold_commit;
    p->port.join_commits = join_commits;
    p->port.drop_commit = drop_commit;
    p->state->holds_commits = true;
}

static void log_in_behind_a_wall(struct peer *p)
{
    p->resource.wall_read_only = true;
    client_says(p, STARTUP);
    server_says(p, STR(AUTH_OK_MSG SCS_ON "S\0\0\0\x25" "default_transaction_read_only\0on\0" KEY_MSG READY_I));
    forget(p);
}

static void no_refused_query_is_among(struct str sent)
{
    while (sent.n >= PG_HEADER) {
        size_t length = (size_t)pg_length(sent.p) + 1;
        must(length >= PG_HEADER); /* we frame what we send */
        if (length > sent.n)
            return;
        struct str body = {sent.p + PG_HEADER, length - PG_HEADER};
        must(sent.p[0] != 'Q' ||
             (!str_contains(body, STR("HOLDME")) && !str_contains(body, STR("DENYME"))));
        must(sent.p[0] != 'P' || !str_starts(body, STR("countersign_")) || !str_contains(body, STR("\0COMMIT\0")));
        sent = (struct str){sent.p + length, sent.n - length};
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer p;
    struct str in = str_from(data, size < 4096 ? size : 4096);
    peer_init(&p, 0);
    p.resource.no_preview = size % 2 != 0; /* with it the server is asked about what is judged and held */
    p.port.walled = walled;
    if (size % 5 == 0)
        hold_commits(&p);
    if (size % 3 == 0)
        log_in_behind_a_wall(&p);
    else
        log_in(&p);
    while (in.n > 0) {
        uint8_t head = (uint8_t)in.p[0];
        size_t n = head & 0x7f;
        in = (struct str){in.p + 1, in.n - 1};
        if (n > in.n)
            n = in.n;
        if (n != 0)
            send_pieces(&p, (head & 0x80) != 0 ? p.server : p.client, (struct str){in.p, n});
        in = (struct str){in.p + n, in.n - n};
    }
    no_refused_query_is_among(buf_view(&p.at_server));
    peer_done(&p);
    return 0;
}
