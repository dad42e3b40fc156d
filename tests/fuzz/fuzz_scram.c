/* SCRAM messages: what is taken has its parts inside it. */
#include "base/limits.h"
#include "identity/scram.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct str part, struct str whole)
{
    if (part.n != 0 && (part.p < whole.p || part.p + part.n > whole.p + whole.n))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf room CLEANUP(buf_done) = {0};
    struct scram_client_first f;
    struct scram_client_final c;
    struct scram_server_first s;
    struct str in = str_from(data, size), v;
    buf_init(&room, 64 * KIB);
    if (scram_client_first_read(in, &f) == ERR_OK) {
        inside(f.bare, in);
        inside(f.nonce, f.bare);
        if (f.header.n + f.bare.n != in.n)
            abort();
    }
    if (scram_client_final_read(in, &room, &c) == ERR_OK) {
        inside(c.without_proof, in);
        if (c.proof.n != SCRAM_KEY)
            abort();
    }
    if (scram_server_first_read(in, &room, &s) == ERR_OK && (s.iterations == 0 || s.salt.n == 0))
        abort();
    if (scram_server_final_read(in, &room, &v) == ERR_OK && v.n != SCRAM_KEY)
        abort();
    return 0;
}
