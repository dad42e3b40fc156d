/* The link: what decodes is, encoded again, the same frame. */
#include "base/limits.h"
#include "link/link.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static void what_decodes_encodes_to_the_same_bytes(struct str in, enum link_side side)
{
    struct arena a;
    struct buf out;
    struct link_message m;
    size_t used;
    arena_init(&a, 64 * MIB);
    buf_init(&out, LIMIT_LINK_MESSAGE + 4);
    if (link_decode(in, side, &a, &m, &used) == ERR_OK) {
        must(used <= in.n);
        must(link_encode(&out, &m) == ERR_OK);
        must(str_eq(buf_view(&out), (struct str){in.p, used}));
    }
    buf_done(&out);
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = str_from(data, size);
    what_decodes_encodes_to_the_same_bytes(in, LINK_WORKER);
    what_decodes_encodes_to_the_same_bytes(in, LINK_BROKER);
    return 0;
}
