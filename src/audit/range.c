#include "audit/range.h"

/* The first record at or after `seq`. */
static enum err look(struct str dir, uint64_t seq, uint64_t *ret_seq, int64_t *ret_ns)
{
    struct audit_reader *r;
    struct audit_entry e;
    TRY(audit_reader_open(dir, seq, &r));
    enum err err = audit_reader_next(r, &e);
    if (err == ERR_OK) {
        *ret_seq = e.seq;
        *ret_ns = e.wall_ns;
    }
    audit_reader_free(r);
    return err;
}

/* Of [low, high) the first whose time is at or after `ns`; high where none is. A seq past the end counts
 * as later than everything. */
static enum err bisect(struct str dir, uint64_t low, uint64_t high, int64_t ns, uint64_t *ret)
{
    while (low < high) {
        uint64_t middle = low + (high - low) / 2, seq;
        int64_t at;
        enum err e = look(dir, middle, &seq, &at);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
        if (e == ERR_NOT_FOUND || at >= ns)
            high = middle;
        else
            low = seq + 1;
    }
    *ret = low;
    return ERR_OK;
}

/* A seq that no record has reached. */
static enum err beyond(struct str dir, uint64_t first, uint64_t *ret)
{
    uint64_t step = 1024, seq;
    int64_t at;
    for (;;) {
        enum err e = look(dir, first + step, &seq, &at);
        if (e == ERR_NOT_FOUND) {
            *ret = first + step;
            return ERR_OK;
        }
        TRY(e);
        step *= 2;
    }
}

enum err audit_range_of(struct str dir, int64_t since_ns, int64_t until_ns, struct audit_range *ret)
{
    uint64_t first, end;
    int64_t at;
    struct audit_reader *r;
    struct audit_range found = {1, 1};
    TRY(audit_reader_open(dir, 1, &r)); /* tells a log without records from none */
    audit_reader_free(r);
    enum err e = look(dir, 1, &first, &at);
    if (e == ERR_NOT_FOUND) {
        *ret = found;
        return ERR_OK;
    }
    TRY(e);
    TRY(beyond(dir, first, &end));
    TRY(bisect(dir, first, end, INT64_MAX, &end));
    TRY(bisect(dir, first, end, since_ns, &found.from));
    TRY(bisect(dir, found.from, end, until_ns, &found.to));
    *ret = found;
    return ERR_OK;
}

enum err audit_record_at(struct str dir, uint64_t seq, struct audit_reader **ret_reader,
                         struct audit_entry *ret)
{
    struct audit_reader *r;
    struct audit_entry e;
    TRY(audit_reader_open(dir, seq, &r));
    enum err err = audit_reader_next(r, &e);
    if (err == ERR_OK && e.seq != seq)
        err = ERR_NOT_FOUND;
    if (err != ERR_OK) {
        audit_reader_free(r);
        return err;
    }
    *ret_reader = r;
    *ret = e;
    return ERR_OK;
}
