/* HTTP requests: however the network cuts the bytes, they mean the same; every view is inside. */
#include "http_outcome.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, bytes, cut;
    struct str s = str_from(data, size);
    size_t cap = 8 * size + 4096;
    buf_init(&whole, cap);
    buf_init(&bytes, cap);
    buf_init(&cut, cap);
    http_outcome(s, 0, 0, &whole);
    http_outcome(s, 0, 1, &bytes);
    http_outcome(s, size / 2, 0, &cut);
    if (!str_eq(buf_view(&whole), buf_view(&bytes)) || !str_eq(buf_view(&whole), buf_view(&cut)))
        abort();
    buf_done(&whole);
    buf_done(&bytes);
    buf_done(&cut);
    return 0;
}
