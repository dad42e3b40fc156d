/* countersign policy replay: a changed policy over what was recorded. */
#include "base/limits.h"
#include "cmd/config_file.h"
#include "cmd/policy_replay.h"
#include "cmd/replay.h"
#include "cmd/when.h"

#include <stdio.h>
#include <unistd.h>

struct asked {
    const char *config, *since, *until, *log, *jobs, *examples;
    bool as_json;
};

static bool number(const struct command *self, const char *what, const char *text, uint64_t least,
                   uint64_t most, uint32_t *ret)
{
    uint64_t v;
    if (text == NULL)
        return true;
    if (str_to_u64(str_of(text), &v) != ERR_OK || v < least || v > most) {
        cmd_complain(self, "--%s is a number from %llu to %llu", what, (unsigned long long)least,
                     (unsigned long long)most);
        return false;
    }
    *ret = (uint32_t)v;
    return true;
}

static bool time_of(const struct command *self, const char *what, const char *text, int64_t now,
                    int64_t *ret)
{
    if (text == NULL || when_parse(str_of(text), now, ret) == ERR_OK)
        return true;
    cmd_complain(self, "--%s is how long ago (30d, 12h) or when (2026-11-22, 2026-11-22T17:20:00Z)",
                 what);
    return false;
}

static enum err report(const struct command *self, const struct replay *r, bool as_json)
{
    struct buf out CLEANUP(buf_done) = {0};
    buf_init(&out, 256 * MIB);
    TRY(as_json ? replay_json(r, &out) : replay_text(r, &out));
    struct str s = buf_view(&out);
    if (fwrite(s.p, 1, s.n, stdout) == s.n && fflush(stdout) == 0)
        return ERR_OK;
    cmd_complain(self, "the report could not be written");
    return ERR_CLOSED;
}

static enum exit_status replay(const struct command *self, struct replay *r, int64_t until,
                               bool as_json)
{
    enum err e = audit_range_of(r->dir, r->since_ns, until, &r->range);
    if (e != ERR_OK) {
        cmd_complain(self, "the log in %.*s: %s", STR_FMT(r->dir), err_text(e));
        return EXIT_REFUSED;
    }
    (void)fflush(stdout); /* what is unwritten would be written by every process */
    e = replay_run(r, until);
    if (e == ERR_OK)
        e = report(self, r, as_json);
    else
        cmd_complain(self, "%s", err_text(e));
    bool whole = e == ERR_OK && r->counts.err == ERR_OK;
    replay_done(r);
    return whole ? EXIT_DONE : EXIT_REFUSED;
}

static enum exit_status with_config(const struct command *self, const struct asked *q,
                                    struct replay *r, int64_t until)
{
    struct arena scratch CLEANUP(arena_done);
    struct diagnostics said = {NULL, 0, 0};
    struct config *c = NULL;
    arena_init(&scratch, LIMIT_CONFIG_ARENA);
    enum err e = config_file_load(config_file_path(q->config), false, &scratch, &said, &c);
    config_say(&said);
    if (e != ERR_OK) {
        if (said.n_errors == 0)
            cmd_complain(self, "%s", err_text(e));
        return EXIT_USAGE;
    }
    r->config = c;
    r->dir = q->log != NULL ? str_of(q->log) : c->audit_directory;
    enum exit_status status = replay(self, r, until, q->as_json);
    config_unref(c);
    return status;
}

enum exit_status policy_replay_main(const struct command *self, int argc, char **argv)
{
    struct asked q = {.since = "30d"};
    size_t n;
    const struct cmd_option options[] = {
        {.name = "config", .letter = 'c', .value = &q.config},
        {.name = "since", .value = &q.since},
        {.name = "until", .value = &q.until},
        {.name = "log", .value = &q.log},
        {.name = "jobs", .letter = 'j', .value = &q.jobs},
        {.name = "examples", .value = &q.examples},
        {.name = "json", .flag = &q.as_json},
    };
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 1, &n) != ERR_OK)
        return EXIT_USAGE;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct replay r = {.jobs = cores > 0 ? (uint32_t)cores : 1, .examples = 3};
    int64_t now = clock_wall_ns(), until = now;
    if (!number(self, "jobs", q.jobs, 1, LIMIT_WORKERS, &r.jobs) ||
        !number(self, "examples", q.examples, 0, REPLAY_EXAMPLES_MAX, &r.examples) ||
        !time_of(self, "since", q.since, now, &r.since_ns) ||
        !time_of(self, "until", q.until, now, &until))
        return EXIT_USAGE;
    if (until - r.since_ns > 3660 * INT64_C(86400) * NS_PER_S || until <= r.since_ns) {
        cmd_complain(self, "the time must begin before it ends, and be ten years at most");
        return EXIT_USAGE;
    }
    return with_config(self, &q, &r, until);
}
