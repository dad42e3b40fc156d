/*
 * countersign audit export: records to another system, at least once each, in order.
 *
 *   read a batch -> format -> sink_write -> … -> sink_confirm -> cursor_save
 *
 * The cursor moves only behind sink_confirm. Whatever ends in between (this program, the receiver, the machine),
 * the next run begins with the first record that was not confirmed.
 */
#include "audit/format.h"
#include "audit/range.h"
#include "base/limits.h"
#include "cmd/audit_reading.h"
#include "cmd/cursor.h"
#include "cmd/log_dir.h"
#include "cmd/sink.h"
#include "cmd/when.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    BATCH_RECORDS = 1000,
    BATCH_BYTES = 1024 * 1024,
    WINDOW_RECORDS = 10000, /* given to a connection before its end is asked to confirm them */
    POLL_MS = 200,          /* how soon --follow sees a new record */
    RETRY_MS = 1000,        /* a receiver that is away is tried again, at most as seldom as … */
    RETRY_MOST_MS = 30000,
};

struct words {
    const char *config, *log, *format, *to, *cursor, *since, *ca, *cert, *key;
    bool follow;
};

struct export {
    const struct command *self;
    const struct words *w;
    const char *dir;
    struct audit_formatter f;
    struct sink *sink;
    struct audit_reader *log;
    struct buf out;
    struct cursor_place sent, confirmed; /* sent is ahead */
    int64_t window_ms; /* since when something waits to be confirmed; 0: nothing does */
    int signals;       /* fd */
    bool resumes, head_due, stop;
};

static int64_t now_ms(void)
{
    return clock_mono_ns() / NS_PER_MS;
}

/* --- Waiting -------------------------------------------------------------------------------------- */

static int watch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* True where somebody asked to stop. */
static bool wait_ms(struct export *x, int ms)
{
    struct pollfd p = {.fd = x->signals, .events = POLLIN};
    if (poll(&p, 1, ms) > 0)
        x->stop = true;
    return x->stop;
}

/* --- Sending -------------------------------------------------------------------------------------- */

/* From the first record that is not confirmed on. */
static enum err go_back(struct export *x)
{
    audit_reader_free(x->log);
    x->log = NULL;
    x->sent = x->confirmed;
    x->window_ms = 0;
    return audit_reader_open(str_of(x->dir), x->sent.next, &x->log);
}

/* Fills x->out. *ret_n: records in it; 0: there are none yet. */
static enum err fill(struct export *x, uint64_t *ret_n)
{
    struct audit_entry e;
    uint64_t n = 0;
    buf_clear(&x->out);
    if (x->head_due)
        TRY(audit_format_head(&x->f, &x->out));
    x->head_due = false;
    while (n < BATCH_RECORDS && buf_len(&x->out) < BATCH_BYTES) {
        enum err err = audit_reader_next(x->log, &e);
        if (err == ERR_NOT_FOUND)
            break;
        TRY(err);
        TRY(audit_format_record(&x->f, &e, &x->out));
        x->sent.next = e.seq + 1;
        x->sent.leaf = digest_of(e.leaf);
        n++;
    }
    *ret_n = n;
    return ERR_OK;
}

static enum err save_cursor(const struct export *x, const struct cursor_place *c)
{
    if (x->w->cursor == NULL || cursor_save(x->w->cursor, c) == ERR_OK)
        return ERR_OK;
    cmd_complain(x->self, "the cursor %s cannot be written: %s", x->w->cursor, strerror(errno));
    return ERR_IO;
}

static enum err confirm(struct export *x, struct sink_error *why)
{
    if (x->window_ms == 0)
        return ERR_OK;
    TRY(sink_confirm(x->sink, why));
    x->sent.length = sink_length(x->sink);
    TRY(save_cursor(x, &x->sent));
    x->confirmed = x->sent;
    x->window_ms = 0;
    return ERR_OK;
}

/* A file is confirmed with every batch; a connection, whose confirmation ends it, when much was sent, when nothing
 * more has come for a while, and at the end. */
static bool is_due(const struct export *x, uint64_t n)
{
    if (!sink_is_tls(x->sink))
        return true;
    return x->sent.next - x->confirmed.next >= WINDOW_RECORDS || (n == 0 && now_ms() - x->window_ms > 1000) ||
           (n == 0 && !x->w->follow) || x->stop;
}

/* *ret_n as for fill. ERR_CLOSED: the sink; `why` says it. */
static enum err step(struct export *x, uint64_t *ret_n, struct sink_error *why)
{
    TRY(fill(x, ret_n));
    TRY(sink_write(x->sink, buf_view(&x->out), why));
    if (*ret_n != 0 && x->window_ms == 0)
        x->window_ms = now_ms();
    if (x->window_ms != 0 && is_due(x, *ret_n))
        return confirm(x, why);
    return ERR_OK;
}

/* A receiver that went away is waited for with --follow; a file or standard output that takes no more ends it. */
static enum err run(struct export *x)
{
    struct sink_error why;
    int retry = RETRY_MS;
    for (;;) {
        uint64_t n = 0;
        enum err e = step(x, &n, &why);
        if (e == ERR_CLOSED) {
            cmd_complain(x->self, "%s", why.text);
            if (!x->w->follow || !sink_is_tls(x->sink) || wait_ms(x, retry))
                return e;
            retry = 2 * retry < RETRY_MOST_MS ? 2 * retry : RETRY_MOST_MS;
            TRY(go_back(x));
            continue;
        }
        TRY(e);
        retry = RETRY_MS;
        (void)wait_ms(x, x->w->follow && n == 0 ? POLL_MS : 0);
        if (x->window_ms == 0 && (x->stop || (n == 0 && !x->w->follow)))
            return ERR_OK;
    }
}

/* --- Where to begin ------------------------------------------------------------------------------- */

/* The record before must be the one that was exported last: else the cursor is of another log. */
static enum exit_status check_cursor(const struct export *x)
{
    struct audit_reader *r;
    struct audit_entry e;
    if (x->confirmed.next == 1)
        return EXIT_DONE;
    enum err err = audit_record_at(str_of(x->dir), x->confirmed.next - 1, &r, &e);
    if (err == ERR_NOT_FOUND) {
        cmd_complain(x->self, "%s is at record %llu, which this log does not have: it is of another log, or the log "
                              "was cut; \"countersign audit verify\" can tell",
                     x->w->cursor, (unsigned long long)(x->confirmed.next - 1));
        return EXIT_REFUSED;
    }
    if (err != ERR_OK) {
        log_dir_complain(x->self, x->dir, err);
        return EXIT_REFUSED;
    }
    struct digest leaf = digest_of(e.leaf);
    audit_reader_free(r);
    if (digest_eq(&leaf, &x->confirmed.leaf))
        return EXIT_DONE;
    cmd_complain(x->self, "record %llu is not the one that %s stands behind: it is of another log, or the log was "
                          "changed; \"countersign audit verify\" can tell",
                 (unsigned long long)(x->confirmed.next - 1), x->w->cursor);
    return EXIT_REFUSED;
}

static enum exit_status begin_at(struct export *x)
{
    struct audit_range range;
    int64_t since;
    x->confirmed = (struct cursor_place){.next = 1};
    enum err e = x->w->cursor != NULL ? cursor_load(x->w->cursor, &x->confirmed) : ERR_NOT_FOUND;
    if (e == ERR_OK) {
        x->resumes = true;
        return check_cursor(x);
    }
    if (e != ERR_NOT_FOUND) {
        cmd_complain(x->self, "%s is no cursor that can be read: %s", x->w->cursor, err_text(e));
        return EXIT_REFUSED;
    }
    if (x->w->since == NULL)
        return EXIT_DONE;
    if (when_parse(str_of(x->w->since), clock_wall_ns(), &since) != ERR_OK) {
        cmd_complain(x->self, "--since is how long ago (30d, 12h) or when (2026-11-22, 2026-11-22T17:20:00Z)");
        return EXIT_USAGE;
    }
    e = audit_range_of(str_of(x->dir), since, INT64_MAX, &range);
    if (e != ERR_OK) {
        log_dir_complain(x->self, x->dir, e);
        return EXIT_REFUSED;
    }
    x->confirmed.next = range.from;
    return EXIT_DONE;
}

static enum exit_status open_sink(struct export *x)
{
    const struct sink_options o = {.to = x->w->to,
                                   .ca = x->w->ca,
                                   .cert = x->w->cert,
                                   .key = x->w->key,
                                   .confirmed = x->confirmed.length,
                                   .resumes = x->resumes};
    struct sink_error why;
    enum err e = sink_open(&o, &x->sink, &why);
    if (e == ERR_OK)
        return EXIT_DONE;
    cmd_complain(x->self, "%s", why.text);
    return e == ERR_INVALID ? EXIT_USAGE : EXIT_REFUSED;
}

/* Before the first byte: a run that ends before it confirms anything is continued too. */
static enum err note_beginning(struct export *x)
{
    struct audit_reader *r;
    struct audit_entry e;
    x->confirmed.length = sink_length(x->sink);
    if (x->w->cursor == NULL)
        return ERR_OK;
    if (x->confirmed.next > 1) {
        TRY(audit_record_at(str_of(x->dir), x->confirmed.next - 1, &r, &e));
        x->confirmed.leaf = digest_of(e.leaf);
        audit_reader_free(r);
    }
    return save_cursor(x, &x->confirmed);
}

/* --- The command ---------------------------------------------------------------------------------- */

static enum exit_status export_run(struct export *x)
{
    enum exit_status status = begin_at(x);
    if (status == EXIT_DONE)
        status = open_sink(x);
    if (status != EXIT_DONE)
        return status;
    x->head_due = sink_is_empty(x->sink) && !sink_is_tls(x->sink) &&
                  (!x->resumes || strcmp(x->w->to, "-") != 0);
    enum err e = x->resumes ? ERR_OK : note_beginning(x);
    if (e == ERR_OK)
        e = go_back(x);
    if (e == ERR_OK)
        e = run(x);
    if (e == ERR_OK)
        return EXIT_DONE;
    if (e == ERR_CLOSED)
        return EXIT_UNREACHABLE;
    log_dir_complain(x->self, x->dir, e);
    return EXIT_REFUSED;
}

/* RFC 5424's HOSTNAME is printable ASCII without blanks. */
static void name_host(struct audit_formatter *f)
{
    if (gethostname(f->host, sizeof(f->host) - 1) != 0)
        f->host[0] = '\0';
    for (char *p = f->host; *p != '\0'; p++)
        if (*p <= ' ' || *p > '~')
            *p = '-';
}

static enum exit_status export(const struct command *self, const struct words *w,
                               enum audit_format format, const char *dir)
{
    bool tls = str_starts(str_of(w->to), STR("tls://"));
    struct export x = {.self = self, .w = w, .dir = dir, .signals = watch_signals()};
    audit_formatter_init(&x.f, format,
                         tls && format == FORMAT_SYSLOG ? FRAMING_OCTETS : FRAMING_LINES);
    name_host(&x.f);
    buf_init(&x.out, BATCH_BYTES + 8 * LIMIT_AUDIT_RECORD);
    enum exit_status status = export_run(&x);
    audit_reader_free(x.log);
    sink_close(x.sink);
    buf_done(&x.out);
    audit_formatter_done(&x.f);
    if (x.signals >= 0)
        (void)close(x.signals);
    return status;
}

enum exit_status audit_export_main(const struct command *self, int argc, char **argv)
{
    struct words w = {.to = "-", .format = "jsonl"};
    enum audit_format format;
    size_t n;
    const struct cmd_option options[] = {
        {.name = "config", .letter = 'c', .value = &w.config},
        {.name = "log", .value = &w.log},
        {.name = "format", .value = &w.format},
        {.name = "to", .value = &w.to},
        {.name = "cursor", .value = &w.cursor},
        {.name = "since", .value = &w.since},
        {.name = "ca", .value = &w.ca},
        {.name = "cert", .value = &w.cert},
        {.name = "key", .value = &w.key},
        {.name = "follow", .flag = &w.follow},
    };
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 1, &n) != ERR_OK)
        return EXIT_USAGE;
    if (audit_format_parse(str_of(w.format), &format) != ERR_OK) {
        cmd_complain(self, "--format is jsonl, csv, ocsf or syslog");
        return EXIT_USAGE;
    }
    char *dir = log_dir(self, w.log, w.config);
    if (dir == NULL)
        return EXIT_USAGE;
    enum exit_status status = export(self, &w, format, dir);
    free(dir);
    return status;
}
