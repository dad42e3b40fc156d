#include "store/internal.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUEST_COLUMNS                                                                            \
    "id, state, digest, context, explanation, subject, person, on_behalf_of, resource, "           \
    "policy_version, guardrails, message, keep_on_disconnect, signed_votes, created, decide_by, "  \
    "decided, run_by, run_within, outcome, instance, worker, pid, hold, rejects, "                 \
    "reason_to_approve, "
#define SMALL_ENVELOPE "CASE WHEN length(envelope) <= ?1 THEN envelope ELSE x'' END"
#define GRANT_COLUMNS                                                                              \
    "id, request, kinds, shape, shape_text, session, subject, resource, guardrails, policy_version, "  \
    "uses, used, created, expires, revoked, revoked_by, revoked_why"
#define REVIEW_COLUMNS "request, person, reason, factor, broken, due, reviewed, reviewer, note"
#define TOKEN_COLUMNS "id, hash, person, label, scopes, created, expires, revoked"

static const char *const texts[ST_COUNT_] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_ROLLBACK] = "ROLLBACK",
    [ST_REQUEST_INSERT] =
        "INSERT INTO requests (state, digest, context, explanation, subject, person, on_behalf_of,"
        " resource, policy_version, guardrails, message, keep_on_disconnect, signed_votes, created,"
        " decide_by, decided, run_by, run_within, outcome, instance, worker, pid, hold, rejects,"
        " reason_to_approve, envelope)"
        " VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [ST_REQUIREMENT_INSERT] = "INSERT INTO requirements (request, n, position, count, stage, wait,"
                              " asked, name) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [ST_REQUIREMENT_ASK] = "UPDATE requirements SET asked = ? WHERE request = ? AND n = ?"
                           " AND position < ? AND asked = 0",
    [ST_REQUEST_MOVE] = "UPDATE requests SET state = ?1,"
                        " decided = CASE ?2 WHEN 0 THEN decided ELSE ?2 END,"
                        " run_by = CASE ?3 WHEN 0 THEN run_by ELSE ?3 END,"
                        " outcome = CASE ?4 WHEN '' THEN outcome ELSE ?4 END"
                        " WHERE id = ?5 AND state = ?6",
    [ST_REQUEST_HOLDER] = "UPDATE requests SET instance = ?, worker = ?, pid = ?, hold = ?"
                          " WHERE id = ?",
    [ST_REQUEST_GET] = "SELECT " REQUEST_COLUMNS "envelope FROM requests WHERE id = ?",
    [ST_REQUEST_LIST] = "SELECT " REQUEST_COLUMNS SMALL_ENVELOPE " FROM requests"
                        " WHERE id < ?2 AND (?3 >> state) & 1 ORDER BY id DESC LIMIT ?4",
    [ST_REQUEST_LIST_OPEN] =
        "SELECT " REQUEST_COLUMNS SMALL_ENVELOPE " FROM requests INDEXED BY requests_open"
        " WHERE state <= 3 AND id < ?2 AND (?3 >> state) & 1 ORDER BY id DESC LIMIT ?4",
    [ST_REQUIREMENTS_OF] = "SELECT n, count, stage, wait, asked, name FROM requirements"
                           " WHERE request = ?"
                           " ORDER BY n, position",
    [ST_VOTES_OF] = "SELECT person, kind, reason, digest, time, via, signature, signed_text,"
                    " on_duty, stood_for, retracted"
                    " FROM votes WHERE request = ? ORDER BY n",
    [ST_VOTE_INSERT] =
        "INSERT INTO votes (request, n, person, kind, reason, digest, time, via, signature,"
        " signed_text, on_duty, stood_for)"
        " VALUES (?1, (SELECT count(*) FROM votes WHERE request = ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
        " ?9, ?10, ?11)",
    [ST_VOTE_RETRACT] = "UPDATE votes SET retracted = ? WHERE request = ? AND person = ?"
                        " AND retracted = 0",
    [ST_IMPACT_SET] = "INSERT INTO impacts (request, shape, json) VALUES (?1, ?2, ?3)"
                      " ON CONFLICT (request) DO UPDATE SET shape = ?2, json = ?3",
    [ST_IMPACT_GET] = "SELECT shape, json FROM impacts WHERE request = ?",
    [ST_IMPACT_HISTORY] =
        "SELECT r.state, count(*) FROM (SELECT request FROM impacts WHERE shape = ?1 AND request < ?2"
        " ORDER BY request DESC LIMIT ?4) AS i JOIN requests AS r ON r.id = i.request"
        " WHERE r.resource = ?3 AND r.state > 3 GROUP BY r.state",
    [ST_GRANT_INSERT] = "INSERT INTO grants (request, digest, subject, resource, expires, uses_left)"
                        " VALUES (?, ?, ?, ?, ?, ?)",
    [ST_GRANT_USE] = "UPDATE grants SET uses_left = uses_left - 1 WHERE request = ? AND digest = ?"
                     " AND subject = ? AND resource = ? AND uses_left > 0",
    [ST_TOKEN_INSERT] = "INSERT INTO tokens (hash, person, label, scopes, created, expires,"
                        " revoked) VALUES (?, ?, ?, ?, ?, ?, 0)",
    [ST_TOKEN_LIST] = "SELECT " TOKEN_COLUMNS " FROM tokens ORDER BY id LIMIT ?",
    [ST_TOKEN_BY_ID] = "SELECT " TOKEN_COLUMNS " FROM tokens WHERE id = ?",
    [ST_TOKEN_BY_HASH] = "SELECT " TOKEN_COLUMNS " FROM tokens WHERE hash = ?",
    [ST_TOKEN_KEYS_INSERT] = "INSERT INTO token_keys (token, stored, server) VALUES (?, ?, ?)",
    [ST_TOKENS_WITH_KEYS] = "SELECT " TOKEN_COLUMNS ", stored, server FROM tokens"
                            " JOIN token_keys ON token = id WHERE person = ? ORDER BY id DESC LIMIT ?",
    [ST_TOKEN_REVOKE] = "UPDATE tokens SET revoked = ? WHERE id = ? AND revoked = 0",
    [ST_UNTOLD_INSERT] = "INSERT INTO untold (request, digest, subject, ended) VALUES (?, ?, ?, ?)",
    [ST_UNTOLD_FIND] = "SELECT request FROM untold WHERE digest = ? AND subject = ? AND ended >= ?"
                       " ORDER BY request DESC LIMIT 1",
    [ST_UNTOLD_REMOVE] = "DELETE FROM untold WHERE request = ?",
    [ST_TERMS_INSERT] = "INSERT INTO request_terms (request, kinds, max_ns, uses, shape, shape_text, session,"
                        " guardrails) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [ST_TERMS_GET] = "SELECT kinds, max_ns, uses, shape, shape_text, session, guardrails FROM request_terms"
                     " WHERE request = ?",
    [ST_CHOICE_SET] = "INSERT OR REPLACE INTO vote_grants (request, person, kind, uses, for_ns)"
                      " VALUES (?, ?, ?, ?, ?)",
    [ST_CHOICE_GET] = "SELECT kind, uses, for_ns FROM vote_grants WHERE request = ? AND person = ?",
    [ST_STANDING_INSERT] =
        "INSERT INTO standing_grants (request, kinds, shape, shape_text, session, subject, resource, guardrails,"
        " policy_version, uses, used, created, expires, revoked, revoked_by, revoked_why)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, 0, '', '')",
    [ST_STANDING_GET] = "SELECT " GRANT_COLUMNS " FROM standing_grants WHERE id = ?",
    [ST_STANDING_OF] = "SELECT " GRANT_COLUMNS " FROM standing_grants WHERE subject = ? AND revoked = 0"
                       " AND expires > ? AND (uses = 0 OR used < uses) ORDER BY id LIMIT ?",
    [ST_STANDING_LIST] = "SELECT " GRANT_COLUMNS " FROM standing_grants WHERE id < ? ORDER BY id DESC LIMIT ?",
    [ST_STANDING_REVOKE] = "UPDATE standing_grants SET revoked = ?, revoked_by = ?, revoked_why = ?"
                           " WHERE id = ? AND revoked = 0",
    [ST_STANDING_USE] = "UPDATE standing_grants SET used = used + 1 WHERE id = ? AND revoked = 0"
                        " AND expires > ? AND (uses = 0 OR used < uses)",
    [ST_USE_INSERT] = "INSERT INTO grant_uses (standing, request, used) VALUES (?, ?, 0)",
    [ST_USE_RESERVED] = "SELECT count(*) FROM grant_uses u JOIN requests r ON r.id = u.request"
                        " WHERE u.standing = ? AND u.used = 0 AND r.state <= 2 AND r.id <> ?",
    [ST_USE_GRANTS_OF] = "SELECT standing FROM grant_uses WHERE request = ? ORDER BY standing",
    [ST_USE_WAITING] = "SELECT u.request FROM grant_uses u JOIN requests r ON r.id = u.request"
                       " WHERE u.standing = ? AND u.used = 0 AND r.state <= 2",
    [ST_USE_TAKE] = "UPDATE grant_uses SET used = ? WHERE standing = ? AND request = ? AND used = 0",
    [ST_BYPASS_SET] = "INSERT INTO bypasses (request, kind) VALUES (?, ?)",
    [ST_BYPASS_GET] = "SELECT kind FROM bypasses WHERE request = ?",
    [ST_TOTP_SET] = "INSERT OR REPLACE INTO totp (person, secret, last_step, created) VALUES (?, ?, 0, ?)",
    [ST_TOTP_GET] = "SELECT secret, last_step FROM totp WHERE person = ?",
    [ST_TOTP_USE] = "UPDATE totp SET last_step = ?1 WHERE person = ?2 AND last_step < ?1",
    [ST_SEALED_INSERT] = "INSERT INTO sealed_tokens (hash, person, created, used, request) VALUES (?, ?, ?, 0, 0)",
    [ST_SEALED_FIND] = "SELECT id FROM sealed_tokens WHERE hash = ? AND person = ? AND used = 0",
    [ST_SEALED_USE] = "UPDATE sealed_tokens SET used = ?, request = ? WHERE id = ? AND used = 0",
    [ST_TRIES_GET] = "SELECT failures, locked FROM glass_tries WHERE person = ?",
    [ST_TRIES_SET] = "INSERT OR REPLACE INTO glass_tries (person, failures, locked) VALUES (?, ?, ?)",
    [ST_REVIEW_INSERT] = "INSERT INTO reviews (request, person, reason, factor, broken, due, reviewed, reviewer, note)"
                         " VALUES (?, ?, ?, ?, ?, ?, 0, '', '')",
    [ST_REVIEW_GET] = "SELECT " REVIEW_COLUMNS " FROM reviews WHERE request = ?",
    [ST_REVIEW_LIST] = "SELECT " REVIEW_COLUMNS " FROM reviews ORDER BY request DESC LIMIT ?",
    [ST_REVIEW_OVERDUE] = "SELECT request FROM reviews WHERE person = ? AND reviewed = 0 AND due <= ? LIMIT 1",
    [ST_REVIEW_CLOSE] = "UPDATE reviews SET reviewed = ?, reviewer = ?, note = ? WHERE request = ? AND reviewed = 0",
    [ST_DELEGATION_INSERT] = "INSERT INTO delegations (person, deputy, reason, created, until,"
                             " revoked) VALUES (?, ?, ?, ?, ?, 0)",
    [ST_DELEGATION_LIST] = "SELECT id, person, deputy, reason, created, until FROM delegations"
                           " WHERE revoked = 0 AND until > ? ORDER BY id LIMIT ?",
    [ST_DELEGATION_REVOKE] = "UPDATE delegations SET revoked = ? WHERE id = ? AND revoked = 0",
    [ST_VOTE_TIMES] = "SELECT v.person, v.kind, v.time - r.created, r.guardrails FROM votes v"
                      " JOIN requests r ON r.id = v.request WHERE v.time >= ? ORDER BY v.request DESC LIMIT ?",
    [ST_META_SET] = "INSERT INTO meta (key, value) VALUES (?1, ?2)"
                    " ON CONFLICT (key) DO UPDATE SET value = ?2",
    [ST_META_GET] = "SELECT value FROM meta WHERE key = ?",
};

enum err store_failed(struct store *s, int code)
{
    (void)snprintf(s->error, sizeof(s->error), "%s", sqlite3_errmsg(s->db));
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return ERR_CORRUPT;
    case SQLITE_CONSTRAINT:
        return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY
                   ? ERR_EXISTS
                   : ERR_INVALID;
    default:
        return ERR_IO;
    }
}

const char *store_error_text(const struct store *s)
{
    return s->error[0] != '\0' ? s->error : "no error";
}

/* --- Opening --------------------------------------------------------------------------------- */

/* The file exists with mode 0600 before SQLite, which gives its side files the same, opens it. */
static enum err prepare_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    bool good = fchmod(fd, 0600) == 0;
    (void)close(fd);
    return good ? ERR_OK : ERR_IO;
}

/* A file of its own: closing any descriptor of the database file would drop SQLite's locks on it. */
static enum err take_lock(struct store *s, const char *path)
{
    char *name = sqlite3_mprintf("%s.lock", path);
    if (name == NULL)
        return ERR_NOMEM;
    s->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    sqlite3_free(name);
    if (s->lock_fd < 0)
        return ERR_IO;
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    return errno == EWOULDBLOCK ? ERR_EXISTS : ERR_IO;
}

static enum err open_database(struct store *s, const char *path)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(path, &s->db, flags, NULL);
    if (code != SQLITE_OK)
        return s->db != NULL ? store_failed(s, code) : ERR_NOMEM;
    (void)sqlite3_busy_timeout(s->db, LIMIT_STORE_BUSY_MS);
    code = sqlite3_exec(s->db,
                        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                        "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;",
                        NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return store_failed(s, code);
    enum err e = store_migrate(s->db);
    if (e != ERR_OK)
        (void)store_failed(s, sqlite3_extended_errcode(s->db));
    return e;
}

static enum err prepare_statements(struct store *s)
{
    for (size_t i = 0; i < ST_COUNT_; i++) {
        int code = sqlite3_prepare_v3(s->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &s->statements[i], NULL);
        if (code != SQLITE_OK)
            return store_failed(s, code);
    }
    return ERR_OK;
}

static enum err open_all(struct store *s, const char *path, struct store_error *ret_error)
{
    enum err e = prepare_file(path);
    if (e == ERR_OK)
        e = take_lock(s, path);
    if (e != ERR_OK) {
        (void)snprintf(ret_error->text, sizeof(ret_error->text), "store %.200s: %s", path,
                       e == ERR_EXISTS ? "another gateway has it open" : strerror(errno));
        return e;
    }
    e = open_database(s, path);
    if (e == ERR_OK)
        e = prepare_statements(s);
    if (e == ERR_CORRUPT)
        (void)snprintf(ret_error->text, sizeof(ret_error->text),
                       "store %.200s: not a database of this program or of a later version", path);
    else if (e != ERR_OK)
        (void)snprintf(ret_error->text, sizeof(ret_error->text), "store %.200s: %s", path, s->error);
    return e;
}

enum err store_open(struct str path, struct store **ret, struct store_error *ret_error)
{
    char *z = str_dupz(path);
    struct store *s = calloc(1, sizeof(*s));
    enum err e = ERR_NOMEM;
    ret_error->text[0] = '\0';
    if (z != NULL && s != NULL) {
        s->lock_fd = -1;
        e = open_all(s, z, ret_error);
    }
    free(z);
    if (e != ERR_OK) {
        store_close(s);
        return e;
    }
    *ret = s;
    return ERR_OK;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < ST_COUNT_; i++)
        (void)sqlite3_finalize(s->statements[i]);
    (void)sqlite3_close(s->db);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    free(s);
}

/* --- Transactions ---------------------------------------------------------------------------- */

static enum err run_plain(struct store *s, enum statement which)
{
    int code = sqlite3_step(s->statements[which]);
    if (code != SQLITE_DONE) {
        enum err e = store_failed(s, code);
        (void)sqlite3_reset(s->statements[which]);
        return e;
    }
    (void)sqlite3_reset(s->statements[which]);
    return ERR_OK;
}

enum err store_begin(struct store *s)
{
    if (s->in_transaction)
        return ERR_BAD_STATE;
    TRY(run_plain(s, ST_BEGIN));
    s->in_transaction = true;
    return ERR_OK;
}

enum err store_commit(struct store *s)
{
    if (!s->in_transaction)
        return ERR_BAD_STATE;
    TRY(run_plain(s, ST_COMMIT));
    s->in_transaction = false;
    return ERR_OK;
}

void store_rollback(struct store *s)
{
    if (!s->in_transaction)
        return;
    s->in_transaction = false;
    /* SQLite may have rolled back by itself (disk full); then there is nothing to do. */
    if (sqlite3_get_autocommit(s->db) == 0) {
        (void)sqlite3_step(s->statements[ST_ROLLBACK]);
        (void)sqlite3_reset(s->statements[ST_ROLLBACK]);
    }
}

/* --- One run of a statement ------------------------------------------------------------------- */

struct run run_start(struct store *s, enum statement which)
{
    return (struct run){.s = s, .st = s->statements[which]};
}

struct run run_start_change(struct store *s, enum statement which)
{
    struct run q = run_start(s, which);
    if (!s->in_transaction || sqlite3_get_autocommit(s->db) != 0)
        q.err = ERR_BAD_STATE;
    return q;
}

void run_done(struct run *q)
{
    (void)sqlite3_reset(q->st);
    (void)sqlite3_clear_bindings(q->st);
}

static void bound(struct run *q, int code)
{
    if (code != SQLITE_OK && q->err == ERR_OK)
        q->err = store_failed(q->s, code);
}

void bind_i64(struct run *q, int64_t v)
{
    bound(q, sqlite3_bind_int64(q->st, ++q->bound, v));
}

/* Numbers above INT64_MAX stand for "no bound" in `before` and never occur elsewhere. */
void bind_u64(struct run *q, uint64_t v)
{
    bind_i64(q, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

void bind_text(struct run *q, struct str v)
{
    bound(q, sqlite3_bind_text64(q->st, ++q->bound, v.n != 0 ? v.p : "", v.n, SQLITE_STATIC,
                                 SQLITE_UTF8));
}

void bind_bytes(struct run *q, struct str v)
{
    bound(q, sqlite3_bind_blob64(q->st, ++q->bound, v.n != 0 ? v.p : "", v.n, SQLITE_STATIC));
}

void bind_digest(struct run *q, const struct digest *d)
{
    bind_bytes(q, str_from(d->b, sizeof(d->b)));
}

enum err run_row(struct run *q)
{
    TRY(q->err);
    int code = sqlite3_step(q->st);
    q->column = 0;
    if (code == SQLITE_ROW)
        return ERR_OK;
    return q->err = code == SQLITE_DONE ? ERR_NOT_FOUND : store_failed(q->s, code);
}

enum err run_only(struct run *q)
{
    TRY(q->err);
    int code = sqlite3_step(q->st);
    return code == SQLITE_DONE ? ERR_OK : store_failed(q->s, code);
}

int run_changes(const struct run *q)
{
    return sqlite3_changes(q->s->db);
}

int64_t column_i64(struct run *q)
{
    return sqlite3_column_int64(q->st, q->column++);
}

uint64_t column_u64(struct run *q)
{
    int64_t v = column_i64(q);
    return v < 0 ? 0 : (uint64_t)v;
}

void column_str(struct run *q, struct str *ret)
{
    const void *p = sqlite3_column_blob(q->st, q->column);
    size_t n = (size_t)sqlite3_column_bytes(q->st, q->column++);
    enum err e = arena_str(q->arena, (struct str){p, n}, ret);
    if (e != ERR_OK && q->err == ERR_OK)
        q->err = e;
}

void column_digest(struct run *q, struct digest *ret)
{
    const void *p = sqlite3_column_blob(q->st, q->column);
    int n = sqlite3_column_bytes(q->st, q->column++);
    if (n == DIGEST_SIZE)
        memcpy(ret->b, p, DIGEST_SIZE);
    else if (q->err == ERR_OK)
        q->err = ERR_CORRUPT;
}
