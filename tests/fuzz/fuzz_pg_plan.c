/* What a server says of a plan, true or not: reading it ends, within its limits. */
#include "base/limits.h"
#include "source/pg/plan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct pg_plan p;
    arena_init(&a, 64 * MIB);
    enum err e = pg_plan_read(&a, str_from(data, size), &p);
    if (e == ERR_OK) {
        bool fits = p.rows >= 0 && p.cost >= 0 && p.n_nodes <= LIMIT_PG_PLAN_NODES;
        for (size_t i = 0; i < p.n_nodes; i++)
            fits = fits && p.nodes[i].type.n != 0 && p.nodes[i].depth < LIMIT_PG_PLAN_DEPTH && p.nodes[i].rows >= 0;
        if (!fits)
            abort();
    } else if (e != ERR_INVALID && e != ERR_LIMIT && e != ERR_NOMEM) {
        abort();
    }
    arena_done(&a);
    return 0;
}
