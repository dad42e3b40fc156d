/* countersign audit verify, and rebuild. */
#include "audit/audit.h"
#include "audit/verify.h"
#include "base/json.h"
#include "base/limits.h"
#include "cmd/audit.h"

#include <stdio.h>

typedef unsigned long long ull;

static void print_json(const struct audit_report *r)
{
    struct buf out CLEANUP(buf_done) = {0};
    char hex[DIGEST_HEX + 1];
    struct json j;
    buf_init(&out, 64 * KIB);
    json_init(&j, &out);
    json_object_begin(&j);
    json_put_bool(&j, "good", r->fault == AUDIT_GOOD);
    if (r->fault != AUDIT_GOOD) {
        json_put_z(&j, "fault", audit_fault_text(r->fault));
        json_put_z(&j, "message", r->text);
        if (r->seq != 0)
            json_put_int(&j, "record", (int64_t)r->seq);
        if (r->file[0] != '\0')
            json_put_z(&j, "file", r->file);
    }
    json_put_int(&j, "first", (int64_t)r->first);
    json_put_int(&j, "records", (int64_t)r->records);
    json_put_int(&j, "signed", (int64_t)r->covered);
    json_put_int(&j, "erased", (int64_t)r->erased);
    json_put_z(&j, "origin", r->origin);
    json_put_str(&j, "root", digest_hex(&r->root, hex));
    json_put_z(&j, "key", r->key);
    json_object_end(&j);
    if (json_end(&j) == ERR_OK)
        printf("%.*s\n", STR_FMT(buf_view(&out)));
}

static void print_good(const char *dir, const struct audit_report *r, bool trusted)
{
    char hex[DIGEST_HEX + 1];
    uint64_t last = r->first + r->records - 1;
    printf("%s: good: %llu records, the last one is %llu\n", dir, (ull)r->records, (ull)last);
    if (r->first > 1)
        printf("it begins at record %llu: those before it were dropped by retention, their hashes are good\n",
               (ull)r->first);
    if (r->erased != 0)
        printf("%llu members were erased, each with a record that says so\n", (ull)r->erased);
    printf("signed: %llu records, root %.*s\nby: %s\n", (ull)r->covered, STR_FMT(digest_hex(&r->root, hex)), r->key);
    if (last > r->covered)
        printf("not signed yet: %llu records\n", (ull)(last - r->covered));
    if (!trusted)
        printf("The key is the one that lies in the log itself; --key names one that you kept.\n");
}

static enum exit_status verify(const struct command *self, const struct audit_verify_options *o, const char *dir,
                               bool as_json, bool trusted)
{
    struct audit_report r;
    enum err e = audit_verify(o, &r);
    if (e == ERR_INVALID) {
        cmd_complain(self, "the kept checkpoint is none that this log's key signed");
        return EXIT_USAGE;
    }
    if (e != ERR_OK) {
        cmd_complain(self, "%s: %s", dir, e == ERR_NOT_FOUND ? "there is no log" : err_text(e));
        return EXIT_REFUSED;
    }
    if (as_json)
        print_json(&r);
    else if (r.fault == AUDIT_GOOD)
        print_good(dir, &r, trusted);
    else
        fprintf(stderr, "%s: %s: %s\n%s%s%llu records before it are good\n", dir, audit_fault_text(r.fault), r.text,
                r.file, r.file[0] != '\0' ? "\n" : "", (ull)r.records);
    return r.fault == AUDIT_GOOD ? EXIT_DONE : EXIT_REFUSED;
}

enum exit_status audit_verify_run(const struct command *self, int argc, char **argv)
{
    const char *config = NULL, *key = NULL, *kept = NULL;
    bool as_json = false, no_tiles = false;
    const struct cmd_option options[] = {
        {.name = "config", .letter = 'c', .value = &config}, {.name = "key", .value = &key},
        {.name = "checkpoint", .value = &kept},              {.name = "json", .flag = &as_json},
        {.name = "records-only", .flag = &no_tiles},
    };
    struct buf b CLEANUP(buf_done) = {0};
    struct note_key keys[AUDIT_KEYS];
    struct audit_verify_options o = {.keys = keys};
    char dir[AUDIT_PATH];
    size_t n;
    buf_init(&b, 64 * KIB);
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 1, &n) != ERR_OK)
        return EXIT_USAGE;
    enum exit_status status = audit_directory(self, n > 0 ? argv[0] : NULL, config, dir);
    if (status == EXIT_DONE)
        status = audit_keys(self, key, dir, keys, &o.n_keys);
    if (status == EXIT_DONE && kept != NULL && !audit_read(self, kept, 16 * KIB, &b))
        status = EXIT_USAGE;
    if (status != EXIT_DONE)
        return status;
    o.dir = str_of(dir);
    o.kept = buf_view(&b);
    o.no_tiles = no_tiles;
    return verify(self, &o, dir, as_json, key != NULL);
}

enum exit_status audit_rebuild_run(const struct command *self, int argc, char **argv)
{
    const char *config = NULL;
    const struct cmd_option options[] = {{.name = "config", .letter = 'c', .value = &config}};
    char dir[AUDIT_PATH];
    size_t n;
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 1, &n) != ERR_OK)
        return EXIT_USAGE;
    enum exit_status status = audit_directory(self, n > 0 ? argv[0] : NULL, config, dir);
    if (status != EXIT_DONE)
        return status;
    enum err e = audit_rebuild(str_of(dir));
    if (e != ERR_OK) {
        cmd_complain(self, "%s: %s", dir,
                     e == ERR_CORRUPT ? "the journal is not whole; see `countersign audit verify`" : err_text(e));
        return EXIT_REFUSED;
    }
    printf("%s: the tiles are made anew\n", dir);
    return EXIT_DONE;
}
