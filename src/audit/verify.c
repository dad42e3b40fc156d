#include "audit/audit.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* A file read line by line; lines of up to LIMIT_AUDIT_RECORD and their frame. */
struct lines {
    int fd;
    struct buf held;
    size_t scanned; /* of held: no newline in there */
    bool at_end;
    uint64_t number; /* of the line given last */
};

enum { READ_SIZE = 256 * 1024, FRAME = 4096 };

static void lines_done(struct lines *l)
{
    if (l->fd >= 0)
        (void)close(l->fd);
    buf_done(&l->held);
}

static enum err lines_open(struct lines *l, const char *path)
{
    *l = (struct lines){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    buf_init(&l->held, LIMIT_AUDIT_RECORD + FRAME + READ_SIZE);
    if (l->fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    return ERR_OK;
}

static enum err read_more(struct lines *l)
{
    char *space;
    TRY(buf_reserve(&l->held, READ_SIZE, &space));
    ssize_t n;
    do {
        n = read(l->fd, space, READ_SIZE);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return ERR_IO;
    buf_commit(&l->held, (size_t)n);
    l->at_end = n == 0;
    return ERR_OK;
}

/* The next line as a view until the next call. ERR_NOT_FOUND at the end; *ret_torn: the file ends
 * without a newline after it; ERR_LIMIT: longer than any record. */
static enum err lines_next(struct lines *l, size_t *used, struct str *ret, bool *ret_torn)
{
    buf_consume(&l->held, *used);
    *used = 0;
    l->scanned = 0;
    for (;;) {
        struct str s = buf_view(&l->held);
        const char *nl = s.n > l->scanned ? memchr(s.p + l->scanned, '\n', s.n - l->scanned) : NULL;
        if (nl != NULL || (l->at_end && s.n > 0)) {
            size_t n = nl != NULL ? (size_t)(nl - s.p) : s.n;
            *ret = (struct str){s.p, n};
            *used = n + (nl != NULL ? 1 : 0);
            *ret_torn = nl == NULL;
            l->number++;
            return ERR_OK;
        }
        if (l->at_end)
            return ERR_NOT_FOUND;
        l->scanned = s.n;
        TRY(read_more(l));
    }
}

const char *audit_fault_text(enum audit_fault f)
{
    static const char *const texts[] = {
        [AUDIT_GOOD] = "good",           [AUDIT_CHANGED] = "changed",
        [AUDIT_GAP] = "gap",             [AUDIT_REORDERED] = "reordered",
        [AUDIT_REPEATED] = "repeated",   [AUDIT_SPLICED] = "spliced",
        [AUDIT_TORN] = "torn",
    };
    return f > 0 && (size_t)f < ARRAY_LEN(texts) ? texts[f] : "invalid";
}

/* --- Looking elsewhere in the file, to say what a misplaced record is ---------------------------- */

/* The first parseable record with this seq in lines [from, until). */
static enum err look_for(const char *path, uint64_t seq, uint64_t from, uint64_t until,
                         bool *ret_found, struct digest *ret_hash)
{
    CLEANUP(lines_done) struct lines l;
    size_t used = 0;
    struct str line;
    bool torn;
    enum err e;
    *ret_found = false;
    TRY(lines_open(&l, path));
    while ((e = lines_next(&l, &used, &line, &torn)) == ERR_OK && l.number < until) {
        struct audit_record r;
        if (l.number < from || audit_record_parse(line, &r) != ERR_OK || r.seq != seq)
            continue;
        *ret_found = true;
        *ret_hash = r.hash;
        return ERR_OK;
    }
    return e == ERR_NOT_FOUND || e == ERR_LIMIT ? ERR_OK : e;
}

static enum err judge_later_seq(const char *path, struct audit_report *rep)
{
    bool found;
    struct digest hash;
    TRY(look_for(path, rep->expected_seq, rep->line + 1, UINT64_MAX, &found, &hash));
    rep->fault = found ? AUDIT_REORDERED : AUDIT_GAP;
    if (found)
        (void)snprintf(rep->text, sizeof(rep->text),
                       "record %llu stands where record %llu belongs, which comes later",
                       (unsigned long long)rep->found_seq, (unsigned long long)rep->expected_seq);
    else if (rep->found_seq == rep->expected_seq + 1)
        (void)snprintf(rep->text, sizeof(rep->text), "record %llu is missing",
                       (unsigned long long)rep->expected_seq);
    else
        (void)snprintf(rep->text, sizeof(rep->text), "records %llu to %llu are missing",
                       (unsigned long long)rep->expected_seq,
                       (unsigned long long)rep->found_seq - 1);
    return ERR_OK;
}

static enum err judge_earlier_seq(const char *path, const struct audit_record *r,
                                  struct audit_report *rep)
{
    bool found;
    struct digest hash = {{0}};
    TRY(look_for(path, r->seq, 1, rep->line, &found, &hash));
    bool again = found && digest_eq(&hash, &r->hash);
    rep->fault = again ? AUDIT_REPEATED : AUDIT_SPLICED;
    (void)snprintf(rep->text, sizeof(rep->text),
                   again ? "record %llu comes a second time"
                         : "a second, different record %llu stands here",
                   (unsigned long long)r->seq);
    return ERR_OK;
}

/* --- The walk -------------------------------------------------------------------------------- */

static void fault_in_line(struct audit_report *rep, enum audit_fault f, const char *text)
{
    rep->fault = f;
    (void)snprintf(rep->text, sizeof(rep->text), "%s", text);
}

/* Judges one line; rep->fault stays AUDIT_GOOD where it continues the chain. */
static enum err judge_line(const char *path, struct str line, bool torn, struct audit_report *rep)
{
    struct audit_record r = {0};
    rep->expected_seq = rep->last_seq + 1;
    rep->found_seq = 0;
    if (torn) {
        fault_in_line(rep, AUDIT_TORN, "the last line is unfinished");
        return ERR_OK;
    }
    if (audit_record_parse(line, &r) != ERR_OK) {
        fault_in_line(rep, AUDIT_CHANGED, "this line is no record");
        return ERR_OK;
    }
    rep->found_seq = r.seq;
    if (!audit_record_is_whole(line, &r)) {
        fault_in_line(rep, AUDIT_CHANGED, "the record's hash is not that of its bytes");
        return ERR_OK;
    }
    if (r.seq > rep->expected_seq)
        return judge_later_seq(path, rep);
    if (r.seq < rep->expected_seq)
        return judge_earlier_seq(path, &r, rep);
    if (!digest_eq(&r.prev, &rep->last_hash)) {
        fault_in_line(rep, AUDIT_SPLICED,
                      "the record does not follow the one before it: one of the two was replaced");
        return ERR_OK;
    }
    rep->records++;
    rep->last_seq = r.seq;
    rep->last_hash = r.hash;
    return ERR_OK;
}

enum err audit_verify(const char *path, struct audit_report *ret)
{
    CLEANUP(lines_done) struct lines l;
    struct audit_report rep = {.fault = AUDIT_GOOD};
    size_t used = 0;
    struct str line;
    bool torn;
    enum err e = lines_open(&l, path);
    while (e == ERR_OK && rep.fault == AUDIT_GOOD) {
        e = lines_next(&l, &used, &line, &torn);
        if (e != ERR_OK)
            break;
        rep.line = l.number;
        TRY(judge_line(path, line, torn, &rep));
    }
    if (e == ERR_LIMIT) {
        rep.line = l.number + 1;
        rep.expected_seq = rep.last_seq + 1;
        fault_in_line(&rep, AUDIT_CHANGED, "this line is longer than any record");
        e = ERR_OK;
    }
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (l.fd < 0)
        return ERR_NOT_FOUND;
    *ret = rep;
    return ERR_OK;
}

enum err audit_each(const char *path, uint64_t from, audit_each_fn *each, void *ctx)
{
    CLEANUP(lines_done) struct lines l;
    size_t used = 0;
    struct str line;
    bool torn;
    enum err e;
    TRY(lines_open(&l, path));
    if (lseek(l.fd, (off_t)from, SEEK_SET) < 0)
        return ERR_IO;
    while ((e = lines_next(&l, &used, &line, &torn)) == ERR_OK) {
        struct audit_record r;
        if (torn)
            return ERR_OK;
        if (audit_record_parse(line, &r) != ERR_OK)
            return ERR_CORRUPT;
        if (!each(ctx, &r))
            return ERR_OK;
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}
