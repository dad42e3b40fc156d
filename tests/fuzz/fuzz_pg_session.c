/*
 * A whole session between a client and a server that say anything, in any order and in any pieces.
 * Whatever they say, no Query that the gate held or denied reaches the server.
 *
 * Input: pieces of one byte (highest bit: from the server; the rest: how many bytes) and the bytes.
 */
#include "base/log.h"
#include "pgpeer.h"

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
        sent = (struct str){sent.p + length, sent.n - length};
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer p;
    struct str in = str_from(data, size < 4096 ? size : 4096);
    peer_init(&p, 0);
    p.resource.no_preview = size % 2 != 0; /* with it the server is asked about what is judged and held */
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
