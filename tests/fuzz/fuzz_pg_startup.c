/* The first packet of a connection, and the switches inside its `options`. */
#include "base/limits.h"
#include "source/pg/startup.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

static bool is_same_setting(const struct pg_setting *a, const struct pg_setting *b)
{
    return str_eq(a->name, b->name) && str_eq(a->value, b->value);
}

/* What is sent on reads back as the same, but for what is the protocol's own. */
static void what_is_sent_on_says_the_same(const struct pg_first *f, struct arena *a)
{
    struct buf out;
    struct pg_first again;
    struct str why;
    size_t used, k = 0;
    buf_init(&out, LIMIT_PG_STARTUP_PACKET + 4);
    must(pg_startup_write(&out, f, false) == ERR_OK);
    must(pg_first_read(buf_view(&out), a, &again, &used, &why) == ERR_OK);
    must(used == buf_len(&out) && again.minor == 0);
    must(str_eq(again.user, f->user) && str_eq(again.database, f->database));
    must(again.wants_replication == f->wants_replication);
    for (size_t i = 0; i < f->n_settings; i++)
        if (!str_starts(f->settings[i].name, STR("_pq_.")))
            must(k < again.n_settings && is_same_setting(&again.settings[k++], &f->settings[i]));
    must(k == again.n_settings);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = str_from(data, size), why = {NULL, 0};
    struct arena a;
    struct pg_first f;
    struct pg_setting *settings;
    size_t used, n;
    arena_init(&a, 16 * MIB);
    enum err e = pg_first_read(in, &a, &f, &used, &why);
    if (e == ERR_OK) {
        must(used <= size && used <= LIMIT_PG_STARTUP_PACKET + 4);
        if (f.kind == PG_FIRST_STARTUP) {
            must(f.user.n > 0);
            what_is_sent_on_says_the_same(&f, &a);
        }
    } else if (e != ERR_INCOMPLETE) {
        must(why.n > 0);
    }
    if (pg_options_read(in, &a, &settings, &n) == ERR_OK)
        for (size_t i = 0; i < n; i++)
            must(settings[i].name.n > 0);
    arena_done(&a);
    return 0;
}
