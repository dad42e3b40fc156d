#include "audit/index.h"

#include "audit/range.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the tables and of what about_record gives: another number, another index. */
#define INDEX_VERSION "2"

enum {
    BATCH = 20000,       /* records a transaction: others may look and add in between */
    BLOCK = 64,          /* records that share one line of times and places */
    BUSY_MS = 60000,     /* a batch of another process is long over by then */
    CACHE_KIB = 64 * 1024,
};

struct audit_index {
    char *dir;
    sqlite3 *db;
    sqlite3_stmt *place;
    uint64_t next;
    struct audit_reader *log; /* stands before `next`; NULL: nowhere */
    struct buf words, terms;
    struct arena arena;
    struct digest last_leaf; /* of record next - 1 */
};

/* --- SQLite --------------------------------------------------------------------------------------- */

static enum err said(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR: /* a table that should be there is not */
        return ERR_CORRUPT;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return ERR_FORBIDDEN;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_TIMEOUT;
    default:
        return ERR_IO;
    }
}

static enum err run(struct audit_index *x, const char *sql)
{
    return said(sqlite3_exec(x->db, sql, NULL, NULL, NULL));
}

static void finalize(sqlite3_stmt **s)
{
    sqlite3_finalize(*s);
}

static enum err prepare(struct audit_index *x, const char *sql, sqlite3_stmt **ret)
{
    return said(sqlite3_prepare_v2(x->db, sql, -1, ret, NULL));
}

static enum err step_once(sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);
    enum err e = said(rc);
    if (e == ERR_OK && rc != SQLITE_DONE)
        e = ERR_BUG;
    int reset = sqlite3_reset(s);
    return e != ERR_OK ? e : said(reset);
}

static void bind_str(sqlite3_stmt *s, int i, struct str v)
{
    sqlite3_bind_text64(s, i, v.p != NULL ? v.p : "", v.n, SQLITE_STATIC, SQLITE_UTF8);
}

/* --- Facts about the index ------------------------------------------------------------------------ */

static enum err meta_set(struct audit_index *x, const char *key, struct str value)
{
    sqlite3_stmt *s CLEANUP(finalize) = NULL;
    TRY(prepare(x, "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", &s));
    bind_str(s, 1, str_of(key));
    bind_str(s, 2, value);
    return step_once(s);
}

/* ERR_NOT_FOUND: it has none. */
static enum err meta_get(struct audit_index *x, const char *key, char *ret, size_t size)
{
    sqlite3_stmt *s CLEANUP(finalize) = NULL;
    TRY(prepare(x, "SELECT value FROM meta WHERE key = ?", &s));
    bind_str(s, 1, str_of(key));
    int rc = sqlite3_step(s);
    TRY(said(rc));
    if (rc != SQLITE_ROW)
        return ERR_NOT_FOUND;
    const unsigned char *text = sqlite3_column_text(s, 0);
    int n = sqlite3_column_bytes(s, 0);
    if (text == NULL || (size_t)n >= size)
        return ERR_CORRUPT;
    memcpy(ret, text, (size_t)n + 1);
    return ERR_OK;
}

/* Tells one start of the machine from another: what was written without syncing survives a process. */
static void boot_id(char out[static 64])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, 63) : 0;
    if (fd >= 0)
        (void)close(fd);
    out[n > 0 ? n : 0] = '\0';
}

static const char *const tables =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
    "CREATE TABLE blocks (first INTEGER PRIMARY KEY, least INTEGER, most INTEGER, seq INTEGER, file INTEGER, at INTEGER);"
    "CREATE VIRTUAL TABLE words USING fts5(w, content='', columnsize=0, detail=none,"
    " tokenize=\"ascii tokenchars '_'\");"
    "INSERT INTO words(words, rank) VALUES ('automerge', 8), ('crisismerge', 32), ('pgsz', 8000);"
    "INSERT INTO meta VALUES ('version', '" INDEX_VERSION "'), ('next', '1'), ('state', 'synced'), ('leaf', '');";

static enum err make_tables(struct audit_index *x)
{
    TRY(run(x, "BEGIN IMMEDIATE"));
    enum err e = run(x, tables);
    enum err ended = run(x, e == ERR_OK ? "COMMIT" : "ROLLBACK");
    return e != ERR_OK ? e : ended;
}

/* ERR_NOT_FOUND: the log has no such record any more, or not yet. */
static enum err leaf_of(struct str dir, uint64_t seq, struct digest *ret)
{
    struct audit_reader *r;
    struct audit_entry e;
    TRY(audit_record_at(dir, seq, &r, &e));
    *ret = digest_of(e.leaf);
    audit_reader_free(r);
    return ERR_OK;
}

/* ERR_CORRUPT: it is of another log, another version, or may have lost something. */
static enum err check(struct audit_index *x)
{
    char text[128], boot[64];
    struct digest leaf;
    TRY(meta_get(x, "version", text, sizeof(text)));
    if (strcmp(text, INDEX_VERSION) != 0)
        return ERR_CORRUPT;
    boot_id(boot);
    TRY(meta_get(x, "state", text, sizeof(text)));
    if (strcmp(text, "synced") != 0 && strcmp(text, boot) != 0)
        return ERR_CORRUPT;
    TRY(meta_get(x, "next", text, sizeof(text)));
    if (str_to_u64(str_of(text), &x->next) != ERR_OK || x->next == 0)
        return ERR_CORRUPT;
    if (x->next == 1)
        return ERR_OK;
    TRY(meta_get(x, "leaf", text, sizeof(text)));
    if (digest_parse(str_of(text), &x->last_leaf) != ERR_OK ||
        leaf_of(str_of(x->dir), x->next - 1, &leaf) != ERR_OK || !digest_eq(&leaf, &x->last_leaf))
        return ERR_CORRUPT;
    return ERR_OK;
}

/* --- Opening -------------------------------------------------------------------------------------- */

static void path_of(const char *dir, const char *behind, char out[static 4096])
{
    (void)snprintf(out, 4096, "%s/" AUDIT_INDEX_FILE "%s", dir, behind);
}

static enum err remove_files(const char *dir)
{
    static const char *const behind[] = {"-journal", "-wal", "-shm", ""};
    char path[4096];
    for (size_t i = 0; i < ARRAY_LEN(behind); i++) {
        path_of(dir, behind[i], path);
        if (unlink(path) != 0 && errno != ENOENT)
            return errno == EACCES || errno == EROFS ? ERR_FORBIDDEN : ERR_IO;
    }
    return ERR_OK;
}

enum err audit_index_drop(struct str dir)
{
    char *z = str_dupz(dir);
    if (z == NULL)
        return ERR_NOMEM;
    enum err e = remove_files(z);
    free(z);
    return e;
}

static void close_db(struct audit_index *x)
{
    sqlite3_finalize(x->place);
    x->place = NULL;
    (void)sqlite3_close_v2(x->db);
    x->db = NULL;
}

/* Nobody but the log's owner reads it: the file is made before SQLite would, with the log's own mode. */
static enum err open_db(struct audit_index *x, bool *ret_empty)
{
    char path[4096], pragmas[256];
    struct stat st;
    path_of(x->dir, "", path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == EACCES || errno == EROFS || errno == EPERM ? ERR_FORBIDDEN : ERR_IO;
    bool known = fstat(fd, &st) == 0;
    (void)close(fd);
    if (!known)
        return ERR_IO;
    TRY(said(sqlite3_open_v2(path, &x->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL)));
    sqlite3_busy_timeout(x->db, BUSY_MS);
    (void)snprintf(pragmas, sizeof(pragmas),
                   "PRAGMA trusted_schema = OFF; PRAGMA synchronous = OFF; PRAGMA journal_mode = TRUNCATE;"
                   "PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY;", CACHE_KIB);
    *ret_empty = st.st_size == 0;
    return run(x, pragmas);
}

static enum err open_or_make(struct audit_index *x, bool *ret_new)
{
    bool empty = false;
    enum err e = open_db(x, &empty);
    if (e == ERR_OK && !empty)
        e = check(x);
    if (e == ERR_OK && !empty)
        return ERR_OK;
    if (e == ERR_CORRUPT || e == ERR_NOT_FOUND) { /* what is there is no index of this log */
        close_db(x);
        TRY(remove_files(x->dir));
        e = open_db(x, &empty);
    }
    TRY(e);
    *ret_new = true;
    x->next = 1;
    return make_tables(x);
}

enum err audit_index_open(struct str dir, struct audit_index **ret, bool *ret_new)
{
    struct audit_reader *log;
    TRY(audit_reader_open(dir, 1, &log));
    audit_reader_free(log);
    struct audit_index *x = calloc(1, sizeof(*x));
    if (x == NULL)
        return ERR_NOMEM;
    buf_init(&x->words, 2 * LIMIT_AUDIT_RECORD);
    buf_init(&x->terms, 2 * LIMIT_AUDIT_RECORD + 64 * KIB);
    arena_init(&x->arena, 4 * LIMIT_AUDIT_RECORD);
    bool is_new = false;
    x->dir = str_dupz(dir);
    enum err e = x->dir != NULL ? open_or_make(x, &is_new) : ERR_NOMEM;
    if (e != ERR_OK) {
        audit_index_close(x);
        return e;
    }
    *ret = x;
    *ret_new = is_new;
    return ERR_OK;
}

static void leave_log(struct audit_index *x)
{
    audit_reader_free(x->log);
    x->log = NULL;
}

void audit_index_close(struct audit_index *x)
{
    if (x == NULL)
        return;
    close_db(x);
    leave_log(x);
    free(x->dir);
    buf_done(&x->words);
    buf_done(&x->terms);
    arena_done(&x->arena);
    free(x);
}

uint64_t audit_index_next(const struct audit_index *x)
{
    return x->next;
}

/* --- Terms ---------------------------------------------------------------------------------------- */

/* No text holds such a word by chance, and if one does, the record is looked at anyway. */
static enum err put_term(struct buf *out, enum audit_term term, struct str value)
{
    return buf_printf(out, "zq%c%016llx", (char)term, (unsigned long long)str_hash(value));
}

static enum err put_terms(struct buf *out, enum audit_term term, const struct str *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].n == 0)
            continue;
        TRY(put_term(out, term, v[i]));
        TRY(buf_put_u8(out, ' '));
    }
    return ERR_OK;
}

static enum err put_about(struct buf *out, const struct about *a)
{
    char number[24];
    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)a->request);
    struct str request = a->request != 0 ? str_of(number) : (struct str){NULL, 0};
    buf_clear(out);
    TRY(put_terms(out, TERM_PERSON, a->people, a->n_people));
    TRY(put_terms(out, TERM_GUARDRAIL, a->guardrails, a->n_guardrails));
    TRY(put_terms(out, TERM_RESOURCE, &a->resource, 1));
    TRY(put_terms(out, TERM_OUTCOME, &a->outcome, 1));
    TRY(put_terms(out, TERM_KIND, &a->kind, 1));
    TRY(put_terms(out, TERM_REQUEST, &request, 1));
    return buf_put_str(out, a->words);
}

/* --- Advancing ------------------------------------------------------------------------------------ */

struct batch {
    struct audit_index *x;
    sqlite3_stmt *word, *time;
    uint64_t n;
};

static void batch_done(struct batch *b)
{
    sqlite3_finalize(b->word);
    sqlite3_finalize(b->time);
}

static enum err insert(struct batch *b, const struct audit_entry *e)
{
    struct audit_index *x = b->x;
    struct about about;
    arena_reset(&x->arena);
    enum err err = about_record(e, &x->arena, &x->words, &about);
    if (err == ERR_INVALID) /* about nothing that can be looked for; the verifier will have its say */
        about = (struct about){.kind = e->kind};
    else
        TRY(err);
    TRY(put_about(&x->terms, &about));
    sqlite3_bind_int64(b->word, 1, (sqlite3_int64)e->seq);
    bind_str(b->word, 2, buf_view(&x->terms));
    TRY(step_once(b->word));
    sqlite3_bind_int64(b->time, 1, (sqlite3_int64)(e->seq / BLOCK * BLOCK));
    sqlite3_bind_int64(b->time, 2, e->wall_ns);
    sqlite3_bind_int64(b->time, 3, (sqlite3_int64)e->seq);
    sqlite3_bind_int64(b->time, 4, (sqlite3_int64)e->file);
    sqlite3_bind_int64(b->time, 5, (sqlite3_int64)e->at);
    return step_once(b->time);
}

static enum err read_batch(struct batch *b, uint64_t most)
{
    struct audit_entry e;
    while (b->n < most) {
        enum err err = audit_reader_next(b->x->log, &e);
        if (err == ERR_NOT_FOUND)
            break;
        TRY(err);
        if (e.seq < b->x->next)
            return ERR_CORRUPT;
        TRY(insert(b, &e));
        b->x->next = e.seq + 1;
        b->x->last_leaf = digest_of(e.leaf);
        b->n++;
    }
    return ERR_OK;
}

static enum err note_progress(struct audit_index *x)
{
    char text[128], hex[DIGEST_HEX + 1];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)x->next);
    TRY(meta_set(x, "next", str_of(text)));
    return meta_set(x, "leaf", digest_hex(&x->last_leaf, hex));
}

/* Within a transaction. */
static enum err add_batch(struct audit_index *x, uint64_t most, uint64_t *ret_n)
{
    struct batch b CLEANUP(batch_done) = {.x = x};
    if (x->log == NULL)
        TRY(audit_reader_open(str_of(x->dir), x->next, &x->log));
    TRY(prepare(x, "INSERT INTO words (rowid, w) VALUES (?, ?)", &b.word));
    TRY(prepare(x,
                "INSERT INTO blocks VALUES (?1, ?2, ?2, ?3, ?4, ?5) ON CONFLICT (first) DO UPDATE SET"
                " least = min(least, ?2), most = max(most, ?2)",
                &b.time));
    TRY(read_batch(&b, most));
    *ret_n = b.n;
    return b.n != 0 ? note_progress(x) : ERR_OK;
}

static enum err add_committed(struct audit_index *x, uint64_t most, uint64_t *ret_n)
{
    uint64_t next = x->next;
    struct digest leaf = x->last_leaf;
    TRY(run(x, "BEGIN IMMEDIATE"));
    enum err e = add_batch(x, most, ret_n);
    if (e == ERR_OK)
        e = run(x, "COMMIT");
    if (e == ERR_OK)
        return ERR_OK;
    (void)run(x, "ROLLBACK");
    leave_log(x);
    x->next = next;
    x->last_leaf = leaf;
    return e;
}

/* Nothing is synced while it grows; a machine that crashes then leaves an index that is begun anew. */
static enum err state_set(struct audit_index *x, const char *state)
{
    TRY(run(x, "PRAGMA synchronous = FULL"));
    enum err e = meta_set(x, "state", str_of(state));
    enum err off = run(x, "PRAGMA synchronous = OFF");
    return e != ERR_OK ? e : off;
}

static enum err sync_file(struct audit_index *x)
{
    char path[4096];
    path_of(x->dir, "", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    int rc = fsync(fd);
    (void)close(fd);
    return rc == 0 ? ERR_OK : ERR_IO;
}

static enum err advance(struct audit_index *x, uint64_t most, uint64_t *ret_n)
{
    char boot[64];
    uint64_t n = 0;
    uint64_t next = x->next;
    boot_id(boot);
    TRY(check(x)); /* another process may have moved it on */
    if (x->next != next)
        leave_log(x);
    TRY(state_set(x, boot));
    do {
        uint64_t now = most - *ret_n < BATCH ? most - *ret_n : BATCH;
        TRY(add_committed(x, now, &n));
        *ret_n += n;
    } while (n != 0 && *ret_n < most);
    TRY(sync_file(x));
    return state_set(x, "synced");
}

/* The first record from x->next on, read from the place of one before it. */
static enum err read_ahead(struct audit_index *x, struct audit_reader *log)
{
    struct audit_entry e;
    uint64_t near, file, at;
    if (audit_index_place(x, x->next - 1, &near, &file, &at) != ERR_OK ||
        audit_reader_seek(log, near, file, at) != ERR_OK)
        return ERR_OK; /* not known: reading on will tell */
    do
        TRY(audit_reader_next(log, &e));
    while (e.seq < x->next);
    return ERR_OK;
}

/* ERR_NOT_FOUND: the index has all of the log. */
static enum err look_ahead(struct audit_index *x)
{
    struct audit_reader *log;
    struct audit_entry e;
    TRY(audit_reader_open(str_of(x->dir), x->next, &log));
    enum err err = x->next > 1 ? read_ahead(x, log) : audit_reader_next(log, &e);
    audit_reader_free(log);
    return err == ERR_CORRUPT ? ERR_OK : err; /* reading on from here says what is wrong */
}

static void unlock(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

/* One process adds at a time; the next one finds it done. A file of its own, since SQLite's locks would go with
 * the first descriptor of the index that is closed. */
static enum err lock(struct audit_index *x, int *ret)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/index.lock", x->dir);
    *ret = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*ret < 0)
        return errno == EACCES || errno == EROFS || errno == EPERM ? ERR_FORBIDDEN : ERR_IO;
    while (flock(*ret, LOCK_EX) != 0)
        if (errno != EINTR)
            return ERR_IO;
    return ERR_OK;
}

enum err audit_index_advance(struct audit_index *x, uint64_t most, uint64_t *ret_n)
{
    int fd CLEANUP(unlock) = -1;
    *ret_n = 0;
    enum err e = look_ahead(x);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    TRY(lock(x, &fd));
    return advance(x, most, ret_n);
}

/* --- Asking --------------------------------------------------------------------------------------- */

static enum err and_then(struct buf *query)
{
    return buf_len(query) != 0 ? buf_put_str(query, STR(" AND ")) : ERR_OK;
}

enum err audit_index_ask(struct buf *query, enum audit_term term, struct str value)
{
    TRY(and_then(query));
    return put_term(query, term, value);
}

enum err audit_index_ask_text(struct buf *query, struct str text)
{
    struct buf words CLEANUP(buf_done) = {0};
    struct str part, rest = text;
    buf_init(&words, LIMIT_REASON_BYTES + 64);
    while (rest.n != 0) {
        if (!str_cut(rest, ' ', &part, &rest)) {
            part = rest;
            rest.n = 0;
        }
        bool prefix = part.n != 0 && part.p[part.n - 1] == '*';
        buf_clear(&words);
        TRY(about_words(part, &words));
        struct str one, left = buf_view(&words);
        while (str_cut(left, ' ', &one, &left)) {
            TRY(and_then(query));
            TRY(buf_printf(query, "\"%.*s\"%s", STR_FMT(one), prefix && left.n == 0 ? "*" : ""));
        }
    }
    return ERR_OK;
}

enum err audit_index_times(struct audit_index *x, int64_t since_ns, int64_t until_ns, uint64_t *from,
                           uint64_t *to)
{
    sqlite3_stmt *s CLEANUP(finalize) = NULL;
    if (since_ns == INT64_MIN && until_ns == INT64_MAX)
        return ERR_OK;
    TRY(prepare(x, "SELECT min(first), max(first) FROM blocks WHERE most >= ? AND least < ?", &s));
    sqlite3_bind_int64(s, 1, since_ns);
    sqlite3_bind_int64(s, 2, until_ns);
    int rc = sqlite3_step(s);
    TRY(said(rc));
    if (rc != SQLITE_ROW || sqlite3_column_type(s, 0) == SQLITE_NULL) {
        *to = *from;
        return ERR_OK;
    }
    uint64_t first = (uint64_t)sqlite3_column_int64(s, 0), last = (uint64_t)sqlite3_column_int64(s, 1) + BLOCK;
    *from = first > *from ? first : *from;
    *to = last < *to ? last : *to;
    if (*to < *from)
        *to = *from;
    return ERR_OK;
}

enum err audit_index_place(struct audit_index *x, uint64_t seq, uint64_t *ret_near, uint64_t *ret_file,
                           uint64_t *ret_at)
{
    if (x->place == NULL)
        TRY(prepare(x, "SELECT seq, file, at FROM blocks WHERE first = ?", &x->place));
    sqlite3_bind_int64(x->place, 1, (sqlite3_int64)(seq / BLOCK * BLOCK));
    int rc = sqlite3_step(x->place);
    enum err e = rc == SQLITE_DONE ? ERR_NOT_FOUND : said(rc);
    if (e == ERR_OK) {
        *ret_near = (uint64_t)sqlite3_column_int64(x->place, 0);
        *ret_file = (uint64_t)sqlite3_column_int64(x->place, 1);
        *ret_at = (uint64_t)sqlite3_column_int64(x->place, 2);
    }
    (void)sqlite3_reset(x->place);
    return e == ERR_OK && *ret_near > seq ? ERR_NOT_FOUND : e;
}

static enum err each_row(sqlite3_stmt *s, audit_index_each_fn *each, void *ctx)
{
    for (;;) {
        int rc = sqlite3_step(s);
        TRY(said(rc));
        if (rc == SQLITE_DONE || !each(ctx, (uint64_t)sqlite3_column_int64(s, 0)))
            return ERR_OK;
    }
}

/* Every record answers the empty query. */
static void each_of_range(uint64_t from, uint64_t to, bool oldest_first, audit_index_each_fn *each,
                          void *ctx)
{
    for (uint64_t i = 0; i < to - from; i++)
        if (!each(ctx, oldest_first ? from + i : to - 1 - i))
            return;
}

enum err audit_index_find(struct audit_index *x, struct str query, uint64_t from, uint64_t to,
                          bool oldest_first, audit_index_each_fn *each, void *ctx)
{
    sqlite3_stmt *s CLEANUP(finalize) = NULL;
    if (to <= from)
        return ERR_OK;
    if (query.n == 0) {
        each_of_range(from, to < x->next ? to : x->next, oldest_first, each, ctx);
        return ERR_OK;
    }
    TRY(prepare(x, oldest_first ? "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid"
                                : "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC",
                &s));
    bind_str(s, 1, query);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)from);
    sqlite3_bind_int64(s, 3, (sqlite3_int64)(to - 1 < INT64_MAX ? to - 1 : INT64_MAX));
    return each_row(s, each, ctx);
}
