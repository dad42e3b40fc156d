#include "store/internal.h"

/*
 * The schema, step by step: migrations[n] leads from version n to n + 1 (PRAGMA user_version). A
 * step that was released is never edited.
 */
static const char *const migrations[] = {
    "CREATE TABLE requests ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 9),"
    "  envelope BLOB NOT NULL,"
    "  digest BLOB NOT NULL CHECK (length(digest) = 32),"
    "  context TEXT NOT NULL,"
    "  explanation TEXT NOT NULL,"
    "  subject BLOB NOT NULL,"
    "  person TEXT NOT NULL,"
    "  on_behalf_of TEXT NOT NULL,"
    "  resource TEXT NOT NULL,"
    "  policy_version TEXT NOT NULL,"
    "  guardrails TEXT NOT NULL,"
    "  message TEXT NOT NULL,"
    "  keep_on_disconnect INTEGER NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  decide_by INTEGER NOT NULL,"
    "  decided INTEGER NOT NULL,"
    "  run_by INTEGER NOT NULL,"
    "  run_within INTEGER NOT NULL,"
    "  outcome TEXT NOT NULL,"
    "  instance TEXT NOT NULL,"
    "  worker INTEGER NOT NULL,"
    "  pid INTEGER NOT NULL,"
    "  hold INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX requests_open ON requests (id) WHERE state <= 3;"
    "CREATE TABLE requirements ("
    "  request INTEGER NOT NULL REFERENCES requests (id),"
    "  n INTEGER NOT NULL,"
    "  position INTEGER NOT NULL,"
    "  count INTEGER NOT NULL CHECK (count >= 1),"
    "  name TEXT NOT NULL,"
    "  PRIMARY KEY (request, n, position)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE votes ("
    "  request INTEGER NOT NULL REFERENCES requests (id),"
    "  n INTEGER NOT NULL,"
    "  person TEXT NOT NULL,"
    "  kind INTEGER NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  digest BLOB NOT NULL CHECK (length(digest) = 32),"
    "  time INTEGER NOT NULL,"
    "  via TEXT NOT NULL,"
    "  PRIMARY KEY (request, n),"
    "  UNIQUE (request, person, kind)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE grants ("
    "  request INTEGER PRIMARY KEY REFERENCES requests (id),"
    "  digest BLOB NOT NULL CHECK (length(digest) = 32),"
    "  subject BLOB NOT NULL,"
    "  resource TEXT NOT NULL,"
    "  expires INTEGER NOT NULL,"
    "  uses_left INTEGER NOT NULL CHECK (uses_left >= 0)"
    ") STRICT;"
    "CREATE TABLE tokens ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),"
    "  person TEXT NOT NULL,"
    "  label TEXT NOT NULL,"
    "  scopes INTEGER NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  expires INTEGER NOT NULL,"
    "  revoked INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;",

    "CREATE TABLE untold ("
    "  request INTEGER PRIMARY KEY REFERENCES requests (id),"
    "  digest BLOB NOT NULL CHECK (length(digest) = 32),"
    "  subject BLOB NOT NULL,"
    "  ended INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX untold_digest ON untold (digest);",

    "ALTER TABLE requests ADD COLUMN signed_votes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE votes ADD COLUMN signature TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE votes ADD COLUMN signed_text TEXT NOT NULL DEFAULT '';",

    /* Stages and waits; votes that can be taken back, of which one a person stands. */
    "ALTER TABLE requests ADD COLUMN rejects INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE requests ADD COLUMN reason_to_approve INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE requirements ADD COLUMN stage INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE requirements ADD COLUMN wait INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE requirements ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;"
    "UPDATE requirements SET asked ="
    " (SELECT max(created, 1) FROM requests WHERE requests.id = requirements.request);"
    "ALTER TABLE votes RENAME TO votes_before;"
    "CREATE TABLE votes ("
    "  request INTEGER NOT NULL REFERENCES requests (id),"
    "  n INTEGER NOT NULL,"
    "  person TEXT NOT NULL,"
    "  kind INTEGER NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  digest BLOB NOT NULL CHECK (length(digest) = 32),"
    "  time INTEGER NOT NULL,"
    "  via TEXT NOT NULL,"
    "  on_duty TEXT NOT NULL DEFAULT '',"
    "  stood_for TEXT NOT NULL DEFAULT '',"
    "  retracted INTEGER NOT NULL DEFAULT 0,"
    "  signature TEXT NOT NULL DEFAULT '',"
    "  signed_text TEXT NOT NULL DEFAULT '',"
    "  PRIMARY KEY (request, n)"
    ") STRICT, WITHOUT ROWID;"
    /* Before, a person could reject after approving: the later vote is the one that stands. */
    "INSERT INTO votes (request, n, person, kind, reason, digest, time, via, signature,"
    "  signed_text, retracted)"
    " SELECT request, n, person, kind, reason, digest, time, via, signature, signed_text,"
    "  CASE WHEN EXISTS (SELECT 1 FROM votes_before AS later WHERE later.request = old.request"
    "   AND later.person = old.person AND later.n > old.n) THEN max(time, 1) ELSE 0 END"
    " FROM votes_before AS old;"
    "DROP TABLE votes_before;"
    "CREATE UNIQUE INDEX votes_standing ON votes (request, person) WHERE retracted = 0;",
    "CREATE TABLE request_terms ("
    "  request INTEGER PRIMARY KEY REFERENCES requests (id),"
    "  kinds INTEGER NOT NULL,"
    "  max_ns INTEGER NOT NULL,"
    "  uses INTEGER NOT NULL,"
    "  shape BLOB NOT NULL CHECK (length(shape) = 32),"
    "  shape_text TEXT NOT NULL,"
    "  session TEXT NOT NULL,"
    "  guardrails TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE vote_grants ("
    "  request INTEGER NOT NULL REFERENCES requests (id),"
    "  person TEXT NOT NULL,"
    "  kind INTEGER NOT NULL,"
    "  uses INTEGER NOT NULL,"
    "  for_ns INTEGER NOT NULL,"
    "  PRIMARY KEY (request, person)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE standing_grants ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  request INTEGER NOT NULL UNIQUE REFERENCES requests (id),"
    "  kinds INTEGER NOT NULL CHECK (kinds <> 0),"
    "  shape BLOB NOT NULL CHECK (length(shape) = 32),"
    "  shape_text TEXT NOT NULL,"
    "  session TEXT NOT NULL,"
    "  subject BLOB NOT NULL,"
    "  resource TEXT NOT NULL,"
    "  guardrails TEXT NOT NULL,"
    "  policy_version TEXT NOT NULL,"
    "  uses INTEGER NOT NULL,"
    "  used INTEGER NOT NULL CHECK (uses = 0 OR used <= uses),"
    "  created INTEGER NOT NULL,"
    "  expires INTEGER NOT NULL,"
    "  revoked INTEGER NOT NULL,"
    "  revoked_by TEXT NOT NULL,"
    "  revoked_why TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX standing_subject ON standing_grants (subject) WHERE revoked = 0;"
    "CREATE TABLE grant_uses ("
    "  standing INTEGER NOT NULL REFERENCES standing_grants (id),"
    "  request INTEGER NOT NULL REFERENCES requests (id),"
    "  used INTEGER NOT NULL,"
    "  PRIMARY KEY (standing, request)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX grant_uses_request ON grant_uses (request);"
    "CREATE TABLE bypasses ("
    "  request INTEGER PRIMARY KEY REFERENCES requests (id),"
    "  kind INTEGER NOT NULL"
    ") STRICT;",

    /* What running a request would do, and what it has in common with others. */
    "CREATE TABLE impacts ("
    "  request INTEGER PRIMARY KEY REFERENCES requests (id),"
    "  shape BLOB NOT NULL CHECK (length(shape) = 32),"
    "  json TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX impacts_shape ON impacts (shape, request);",
    "CREATE TABLE token_keys ("
    "  token INTEGER PRIMARY KEY REFERENCES tokens (id),"
    "  stored BLOB NOT NULL CHECK (length(stored) = 32),"
    "  server BLOB NOT NULL CHECK (length(server) = 32)"
    ") STRICT;"
    "CREATE INDEX tokens_person ON tokens (person);",
    "CREATE TABLE totp ("
    "  person TEXT PRIMARY KEY,"
    "  secret BLOB NOT NULL,"
    "  last_step INTEGER NOT NULL,"
    "  created INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE sealed_tokens ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),"
    "  person TEXT NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  used INTEGER NOT NULL,"
    "  request INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE glass_tries ("
    "  person TEXT PRIMARY KEY,"
    "  failures INTEGER NOT NULL,"
    "  locked INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE reviews ("
    "  request INTEGER PRIMARY KEY REFERENCES requests (id),"
    "  person TEXT NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  factor TEXT NOT NULL,"
    "  broken INTEGER NOT NULL,"
    "  due INTEGER NOT NULL,"
    "  reviewed INTEGER NOT NULL,"
    "  reviewer TEXT NOT NULL,"
    "  note TEXT NOT NULL"
    ") STRICT;",

    "CREATE TABLE delegations ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  person TEXT NOT NULL,"
    "  deputy TEXT NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  until INTEGER NOT NULL,"
    "  revoked INTEGER NOT NULL"
    ") STRICT;",
};

/* "Csgn": tells our file from any other SQLite file. */
#define APPLICATION_ID 0x4373676e

static int read_number(sqlite3 *db, const char *sql, int64_t *ret)
{
    sqlite3_stmt *st;
    int code = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    if (code != SQLITE_OK)
        return code;
    code = sqlite3_step(st);
    if (code == SQLITE_ROW) {
        *ret = sqlite3_column_int64(st, 0);
        code = SQLITE_OK;
    }
    (void)sqlite3_finalize(st);
    return code;
}

/* Ours, or still empty. */
static enum err check_owner(sqlite3 *db, int64_t *ret_version)
{
    int64_t application = 0, tables = 0;
    if (read_number(db, "PRAGMA application_id", &application) != SQLITE_OK ||
        read_number(db, "PRAGMA user_version", ret_version) != SQLITE_OK ||
        read_number(db, "SELECT count(*) FROM sqlite_schema", &tables) != SQLITE_OK)
        return sqlite3_extended_errcode(db) == SQLITE_NOTADB ? ERR_CORRUPT : ERR_IO;
    if (tables == 0 && *ret_version == 0)
        return ERR_OK;
    bool ours = application == APPLICATION_ID && *ret_version >= 1 &&
                *ret_version <= (int64_t)ARRAY_LEN(migrations);
    return ours ? ERR_OK : ERR_CORRUPT;
}

enum err store_migrate(sqlite3 *db)
{
    int64_t version = 0;
    TRY(check_owner(db, &version));
    for (; version < (int64_t)ARRAY_LEN(migrations); version++) {
        char mark[96];
        (void)sqlite3_snprintf(sizeof(mark), mark,
                               "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;",
                               APPLICATION_ID, (int)version + 1);
        if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
            sqlite3_exec(db, migrations[version], NULL, NULL, NULL) != SQLITE_OK ||
            sqlite3_exec(db, mark, NULL, NULL, NULL) != SQLITE_OK)
            return ERR_IO;
    }
    return ERR_OK;
}
