/* Facts beyond one text: what EXECUTE and FETCH run, FunctionCall, start-up settings, walsender commands, settings. */
#include "sql_text.h"

struct known {
    const char *statement, *cursor;
    struct sql_facts facts;
};

static const struct sql_facts *known_statement(void *ctx, struct str name)
{
    struct known *k = ctx;
    return k->statement != NULL && str_is(name, k->statement) ? &k->facts : NULL;
}

static const struct sql_facts *known_cursor(void *ctx, struct str name)
{
    struct known *k = ctx;
    return k->cursor != NULL && str_is(name, k->cursor) ? &k->facts : NULL;
}

static struct sql_facts resolved(const char *text, struct known *k)
{
    struct sql_facts f = facts(text), ret;
    struct sql_names_known known = {known_statement, known_cursor, k};
    memset(&ret, 0, sizeof(ret));
    CHECK_OK(sql_facts_resolve(&sql_text_arena, &f, &known, &ret));
    return ret;
}

TEST(execute_carries_the_facts_of_what_it_runs)
{
    struct known k = {"p", NULL, facts("DELETE FROM accounts")};
    struct sql_facts f = resolved("EXECUTE p", &k);
    CHECK((f.classes & SQL_DELETE) != 0 && f.dynamic == 0 && (f.classes & SQL_DYNAMIC) == 0);
    CHECK(!f.has_where && has(f.tables_written, "accounts") && has(f.execute_names, "p"));
    CHECK_STR(f.command, "EXECUTE");
    CHECK((resolved("EXPLAIN ANALYZE EXECUTE p", &k).classes & SQL_DELETE) != 0);
    CHECK((resolved("CREATE TABLE t AS EXECUTE p", &k).classes & SQL_DELETE) != 0);
    CHECK((resolved("EXPLAIN EXECUTE p", &k).classes & SQL_DELETE) == 0);
}

TEST(a_name_nobody_knows_stays_dynamic)
{
    struct known none = {NULL, NULL, facts("SELECT 1")};
    CHECK((resolved("EXECUTE p", &none).dynamic & SQL_D_NAMED) != 0);
    CHECK(resolved("FETCH c", &none).may_write);
    struct known one = {"p", NULL, facts("SELECT 1")};
    CHECK((resolved("EXECUTE p; EXECUTE q", &one).dynamic & SQL_D_NAMED) != 0);
    CHECK(resolved("EXECUTE p", &one).dynamic == 0);
    CHECK((resolved("DEALLOCATE p; EXECUTE p", &one).dynamic & SQL_D_NAMED) != 0);
    CHECK((resolved("DISCARD ALL; EXECUTE p", &one).dynamic & SQL_D_NAMED) != 0);
    CHECK((resolved("EXECUTE p(f())", &one).dynamic & SQL_D_FUNCTION) != 0);
}

TEST(a_message_that_prepares_and_executes_is_judged_by_itself)
{
    struct known none = {NULL, NULL, facts("SELECT 1")}, old = {"p", NULL, facts("DELETE FROM accounts")};
    struct sql_facts f = resolved("PREPARE p AS DELETE FROM accounts; EXECUTE p", &none);
    CHECK((f.classes & SQL_DELETE) != 0 && (f.dynamic & SQL_D_NAMED) == 0);
    f = resolved("PREPARE p AS SELECT 1; EXECUTE p", &none);
    CHECK((f.classes & SQL_DELETE) == 0 && f.dynamic == 0);
    /* Where the PREPARE fails because the name is taken, a later message would run the older one: both count. */
    CHECK((resolved("PREPARE p AS SELECT 1; EXECUTE p", &old).classes & SQL_DELETE) != 0);
    f = resolved("BEGIN; DECLARE c CURSOR FOR SELECT purge(); FETCH c", &none);
    CHECK((f.dynamic & SQL_D_FUNCTION) != 0 && (f.dynamic & SQL_D_NAMED) == 0);
}

TEST(a_fetch_carries_the_facts_of_its_cursor)
{
    struct known k = {NULL, "c", facts("SELECT purge() FROM t")};
    struct sql_facts f = resolved("FETCH ALL FROM c", &k);
    CHECK((f.dynamic & SQL_D_FUNCTION) != 0 && (f.dynamic & SQL_D_NAMED) == 0 && has(f.tables_read, "t"));
    CHECK((resolved("MOVE 5 IN c", &k).dynamic & SQL_D_FUNCTION) != 0);
    CHECK((resolved("UPDATE t SET a = 1 WHERE CURRENT OF c", &k).dynamic & SQL_D_FUNCTION) != 0);
}

TEST(named_objects_are_told_in_the_order_of_the_text)
{
    struct sql_facts f = facts("PREPARE a AS SELECT 1; DEALLOCATE a; DECLARE c CURSOR FOR SELECT 2; CLOSE c; "
                               "DEALLOCATE ALL; CLOSE ALL; DISCARD ALL; EXECUTE a");
    static const enum sql_named_op ops[] = {SQL_NAMED_PREPARE, SQL_NAMED_DEALLOCATE,     SQL_NAMED_DECLARE,
                                            SQL_NAMED_CLOSE,   SQL_NAMED_DEALLOCATE_ALL, SQL_NAMED_CLOSE_ALL,
                                            SQL_NAMED_DISCARD_ALL, SQL_NAMED_EXECUTE};
    CHECK(f.n_named == ARRAY_LEN(ops));
    for (size_t i = 0; i < f.n_named && i < ARRAY_LEN(ops); i++)
        CHECK(f.named[i].op == ops[i] &&
              (f.named[i].facts != NULL) == (ops[i] == SQL_NAMED_PREPARE || ops[i] == SQL_NAMED_DECLARE));
    CHECK(f.n_parts == 8 && f.statements == 8 && (f.classes & SQL_MULTI) != 0);
}

TEST(each_statement_of_a_message_has_its_own_facts_and_place)
{
    const char *text = "SELECT 1; DELETE FROM t WHERE id = 4 ;SET x.y = 1";
    struct sql_facts f = facts(text);
    CHECK(f.n_parts == 3 && f.parts[0].classes == SQL_READ && f.parts[1].classes == SQL_DELETE);
    CHECK_STR(str_trim(str_from(text + f.parts[1].offset, f.parts[1].length)), "DELETE FROM t WHERE id = 4");
    CHECK_STR(f.parts[2].command, "SET");
}

TEST(a_function_call_message_is_judged_by_its_oid)
{
    struct sql_facts f;
    CHECK_OK(classify_function_call(&sql_text_arena, 964, &f)); /* lo_unlink(oid) */
    CHECK((f.classes & SQL_ADMIN) != 0 && (f.classes & SQL_DELETE) != 0 && has(f.dangerous_functions, "lo_unlink"));
    CHECK_OK(classify_function_call(&sql_text_arena, 870, &f)); /* lower(text) */
    CHECK((f.classes & SQL_ADMIN) != 0 && f.dynamic == 0 && has(f.functions, "lower"));
    CHECK_OK(classify_function_call(&sql_text_arena, 16999, &f));
    CHECK((f.dynamic & SQL_D_FUNCTION_OID) != 0 && has(f.unknown_functions, "oid 16999") && f.may_write);
    CHECK_OK(classify_function_call(&sql_text_arena, 65535 + 870, &f));
    CHECK((f.dynamic & SQL_D_FUNCTION_OID) != 0);
}

static struct sql_facts setting(const char *name, const char *value)
{
    struct sql_facts f;
    memset(&f, 0, sizeof(f));
    CHECK_OK(classify_startup_setting(&sql_text_arena, str_of(name), str_of(value), &f));
    return f;
}

TEST(a_setting_means_the_same_however_it_is_given)
{
    CHECK((setting("ROLE", "gi_ro").classes & SQL_ROLE) != 0);
    CHECK((facts("SET role = gi_ro").classes & SQL_ROLE) != 0);
    CHECK((facts("RESET \"ROLE\"").classes & SQL_ROLE) != 0);
    CHECK((facts("SET SESSION AUTHORIZATION DEFAULT").classes & SQL_ROLE) != 0);
    CHECK((facts("SELECT set_config('Role', 'gi_ro', true)").classes & SQL_ROLE) != 0);
    CHECK((facts("SELECT pg_catalog.set_config('role'::text, $1, true)").classes & SQL_ROLE) != 0);
    CHECK((facts("SELECT set_config('ro' || 'le', 'x', false)").dynamic & SQL_D_SETTING) != 0);
    CHECK((facts("UPDATE pg_settings SET setting = 'x' WHERE name = 'role'").dynamic & SQL_D_SETTING) != 0);
    CHECK((setting("session_replication_role", "replica").traits & SQL_T_DISABLES_GUARD) != 0);
    CHECK((facts("SET session_replication_role = origin").traits & SQL_T_DISABLES_GUARD) == 0);
    CHECK((facts("SET row_security TO DEFAULT").traits & SQL_T_DISABLES_GUARD) != 0);
    CHECK((facts("SET search_path = a, pg_catalog").traits & SQL_T_DISABLES_GUARD) != 0);
    CHECK((facts("SET search_path = pg_catalog, a").traits & SQL_T_DISABLES_GUARD) == 0);
    /* The server folds what is not quoted: another spelling is the same schema. */
    CHECK((facts("SELECT set_config('search_path', 'evil, PG_CATALOG', false)").traits & SQL_T_DISABLES_GUARD) != 0);
    CHECK((facts("SELECT set_config('search_path', 'Pg_Catalog, evil', false)").traits & SQL_T_DISABLES_GUARD) == 0);
    CHECK((facts("SELECT set_config('search_path', '\"x\", pg_catalog', false)").traits & SQL_T_DISABLES_GUARD) != 0);
    CHECK((facts("SELECT set_config('search_path', '\"pg_catalog\", x', false)").traits & SQL_T_DISABLES_GUARD) == 0);
    CHECK((facts("SET nobody_knows = 1").traits & SQL_T_UNREVIEWED_SETTING) != 0);
    CHECK((facts("SET app.user = '5'").traits & SQL_T_UNREVIEWED_SETTING) == 0);
    CHECK((facts("SET NAMES 'GBK'").traits & SQL_T_LEXER_CHANGE) != 0);
    struct sql_facts f = facts("SET search_path = a, \"B c\"");
    CHECK(f.n_setting_changes == 1 && f.setting_changes[0].known_value && f.changes_session && !f.writes);
    CHECK_STR(f.setting_changes[0].name, "search_path");
    CHECK_STR(f.setting_changes[0].value, "a, B c");
    CHECK_STR(facts("SET LOCAL work_mem = -64").setting_changes[0].value, "-64");
    CHECK(facts("ALTER ROLE r SET search_path = evil").n_setting_changes == 0);
}

TEST(walsender_commands_are_known_on_replication_connections_only)
{
    struct sql_settings s = SQL_SETTINGS_DEFAULT;
    CHECK(facts("IDENTIFY_SYSTEM").classes == SQL_PARSE_ERROR);
    s.replication = true;
    struct sql_facts f = facts_with(STR(" create_replication_slot gi_r1 LOGICAL pgoutput"), s);
    CHECK((f.classes & SQL_ADMIN) != 0 && (f.classes & SQL_PARSE_ERROR) == 0 && f.writes);
    CHECK_STR(f.command, "CREATE_REPLICATION_SLOT");
    f = facts_with(STR("SELECT 1"), s);
    CHECK((f.classes & SQL_ADMIN) != 0 && (f.classes & SQL_READ) != 0);
    CHECK((facts_with(STR("SELEC 1"), s).classes & SQL_PARSE_ERROR) != 0);
}

TEST(names_keep_their_parts_apart)
{
    CHECK_NAMES(facts("SELECT * FROM \"a.b\", a.b, \"x\"\"y\", \"A\".\"b\"").tables_read, "\"a.b\", a.b, \"x\"\"y\", A.b");
    CHECK_NAMES(facts("SELECT * FROM a.t, b.t").table_names, "t");
    CHECK_NAMES(facts("UPDATE s.t SET a = 1, (b, c) = (1, 2) WHERE id = 1").columns_written, "s.t.a, s.t.b, s.t.c");
    CHECK_NAMES(facts("INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 2").columns_written, "t.*, t.b");
    CHECK_NAMES(facts("COPY s.t (a, b) FROM STDIN").columns_written, "s.t.a, s.t.b");
    CHECK_NAMES(facts("DROP FUNCTION s.f(int)").objects, "function s.f");
}

TEST(locks_are_those_of_the_manual)
{
    CHECK(facts("SELECT * FROM t FOR UPDATE").lock_level == SQL_LOCK_ROW_SHARE);
    CHECK(facts("UPDATE t SET a = 1").lock_level == SQL_LOCK_ROW_EXCLUSIVE);
    CHECK(facts("CREATE INDEX i ON t (a)").lock_level == SQL_LOCK_SHARE);
    CHECK(facts("CREATE INDEX CONCURRENTLY i ON t (a)").lock_level == SQL_LOCK_SHARE_UPDATE_EXCLUSIVE);
    CHECK(facts("ALTER TABLE t ADD COLUMN a int").lock_level == SQL_LOCK_ACCESS_EXCLUSIVE);
    CHECK(facts("ALTER TABLE t VALIDATE CONSTRAINT k").lock_level == SQL_LOCK_SHARE_UPDATE_EXCLUSIVE);
    CHECK(facts("LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE").lock_level == SQL_LOCK_SHARE_ROW_EXCLUSIVE);
    CHECK(facts("EXPLAIN DELETE FROM t").lock_level == SQL_LOCK_NONE);
    CHECK(facts("SELECT 1").lock_level == SQL_LOCK_NONE);
    CHECK(strcmp(sql_lock_name(SQL_LOCK_ACCESS_EXCLUSIVE), "ACCESS EXCLUSIVE") == 0);
}

TEST(joins_that_pair_everything_are_counted)
{
    CHECK(facts("SELECT * FROM a, b").joins_without_condition == 1);
    CHECK(facts("SELECT * FROM a CROSS JOIN b JOIN c ON true").joins_without_condition == 2);
    CHECK(facts("SELECT * FROM a, b WHERE a.id = b.id").joins_without_condition == 0);
    CHECK(facts("SELECT * FROM a JOIN b USING (id) NATURAL JOIN c").joins_without_condition == 0);
    CHECK(facts("SELECT * FROM a, LATERAL (SELECT a.x) s, unnest(a.y) u").joins_without_condition == 0);
    CHECK(facts("UPDATE a SET x = 1 FROM b").joins_without_condition == 1);
    CHECK(facts("SELECT count(*) FROM generate_series(1, 9) a, generate_series(1, 9) b").joins_without_condition == 1);
}

int main(void)
{
    static const struct tap_test tests[] = {
        T(execute_carries_the_facts_of_what_it_runs),
        T(a_name_nobody_knows_stays_dynamic),
        T(a_message_that_prepares_and_executes_is_judged_by_itself),
        T(a_fetch_carries_the_facts_of_its_cursor),
        T(named_objects_are_told_in_the_order_of_the_text),
        T(each_statement_of_a_message_has_its_own_facts_and_place),
        T(a_function_call_message_is_judged_by_its_oid),
        T(a_setting_means_the_same_however_it_is_given),
        T(walsender_commands_are_known_on_replication_connections_only),
        T(names_keep_their_parts_apart),
        T(locks_are_those_of_the_manual),
        T(joins_that_pair_everything_are_counted),
    };
    sql_text_init();
    int failed = tap_run(tests, ARRAY_LEN(tests));
    sql_text_done();
    return failed;
}
