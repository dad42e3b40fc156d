/* Duty schedules: whatever is read has events that are on within their bounds, or not at all. */
#include "base/limits.h"
#include "model/ical.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct ical c;
    struct ical_error said;
    arena_init(&a, 64 * MIB);
    enum err e = ical_parse(str_from((const char *)data, size), &a, &c, &said);
    must(e == ERR_OK || e == ERR_INVALID || e == ERR_LIMIT || e == ERR_NOMEM);
    must(e != ERR_INVALID || (said.line >= 1 && said.text[0] != '\0'));
    for (size_t i = 0; e == ERR_OK && i < c.n && i < 8; i++) {
        const struct ical_event *v = &c.events[i];
        must(v->length > 0 && v->length <= 366 * 86400);
        must(v->freq == ICAL_ONCE || v->interval != 0);
        must(!ical_is_on(v, v->start - 2 * 86400) || v->freq != ICAL_ONCE || v->start < 3 * 86400);
        (void)ical_is_on(v, v->start);
        must(v->freq != ICAL_ONCE || !ical_is_on(v, v->start + v->length + 3 * 86400));
    }
    arena_done(&a);
    return 0;
}
