/* Configuration files: whatever is in them, there is a configuration or there are errors with places. */
#include "base/limits.h"
#include "policy/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_file file = {STR("fuzz.yaml"), str_from(data, size)};
    struct arena scratch;
    struct buf out;
    struct diagnostics said;
    struct config *c = NULL;
    arena_init(&scratch, LIMIT_CONFIG_ARENA);
    buf_init(&out, 64 * MIB);
    enum err e = config_from_files(&file, 1, &scratch, &said, &c);
    must(e == ERR_OK || e == ERR_INVALID || e == ERR_NOMEM);
    if (e == ERR_OK) {
        must(said.n_errors == 0 && c->version.n == DIGEST_HEX);
        for (size_t i = 0; i < c->n_resources; i++)
            must(config_resource(c, c->resources[i].name) == &c->resources[i]);
    }
    if (e == ERR_INVALID)
        must(said.n_errors > 0);
    if (e != ERR_NOMEM)
        for (size_t i = 0; i < said.n; i++) {
            must(said.list[i].message.n > 0);
            must(diagnostic_text(&out, &said.list[i]) == ERR_OK);
        }
    config_unref(c);
    buf_done(&out);
    arena_done(&scratch);
    return 0;
}
