#include "source/source.h"
#include "source/pg/pg.h"

/* One line a protocol; the name is the `type:` of a resource. NULL ends it. */
static const struct source *const sources[] = {
    &pg_source,
    NULL,
};

const struct source *source_find(struct str type)
{
    for (size_t i = 0; sources[i] != NULL; i++)
        if (str_is(type, sources[i]->type))
            return sources[i];
    return NULL;
}
