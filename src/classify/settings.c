/*
 * What changing a setting means, however it is spelt: SET, RESET, set_config, ALTER ROLE … SET, start-up parameters.
 */
#include "base/limits.h"
#include "classify/walk.h"

enum setting_kind {
    SETTING_UNREVIEWED,
    SETTING_HARMLESS,
    SETTING_IDENTITY,     /* who the session is */
    SETTING_LEXER,        /* how the next text is read */
    SETTING_GUARD,        /* a protection, or the evidence in the server's log */
    SETTING_GUARD_UNLESS, /* the same, except with the value that protects */
    SETTING_PATH,
    SETTING_CODE,         /* loads libraries */
    SETTING_PROGRAM,      /* runs programs; only ALTER SYSTEM reaches these */
};

struct setting {
    const char *name;
    enum setting_kind kind;
    const char *safe; /* SETTING_GUARD_UNLESS */
};

/* Settings of PostgreSQL 15 that a session can change, reviewed by hand. What is not here is unreviewed. */
static const struct setting settings[] = {
    {"role", SETTING_IDENTITY, NULL},
    {"session_authorization", SETTING_IDENTITY, NULL},
    {"standard_conforming_strings", SETTING_LEXER, NULL},
    {"client_encoding", SETTING_LEXER, NULL},
    {"backslash_quote", SETTING_LEXER, NULL},
    {"transform_null_equals", SETTING_LEXER, NULL},
    {"row_security", SETTING_GUARD_UNLESS, "on"},
    {"session_replication_role", SETTING_GUARD_UNLESS, "origin"},
    {"default_transaction_read_only", SETTING_GUARD_UNLESS, "on"},
    {"transaction_read_only", SETTING_GUARD_UNLESS, "on"},
    {"allow_system_table_mods", SETTING_GUARD, NULL},
    {"allow_in_place_tablespaces", SETTING_GUARD, NULL},
    {"ignore_checksum_failure", SETTING_GUARD, NULL},
    {"ignore_system_indexes", SETTING_GUARD, NULL},
    {"zero_damaged_pages", SETTING_GUARD, NULL},
    {"lo_compat_privileges", SETTING_GUARD, NULL},
    {"password_encryption", SETTING_GUARD, NULL},
    {"restrict_nonsystem_relation_kind", SETTING_GUARD, NULL},
    {"track_activities", SETTING_GUARD, NULL},
    {"update_process_title", SETTING_GUARD, NULL},
    {"log_statement", SETTING_GUARD, NULL},
    {"log_min_duration_statement", SETTING_GUARD, NULL},
    {"log_min_error_statement", SETTING_GUARD, NULL},
    {"log_min_messages", SETTING_GUARD, NULL},
    {"log_error_verbosity", SETTING_GUARD, NULL},
    {"log_parameter_max_length", SETTING_GUARD, NULL},
    {"log_parameter_max_length_on_error", SETTING_GUARD, NULL},
    {"log_duration", SETTING_GUARD, NULL},
    {"log_replication_commands", SETTING_GUARD, NULL},
    {"search_path", SETTING_PATH, NULL},
    {"dynamic_library_path", SETTING_CODE, NULL},
    {"local_preload_libraries", SETTING_CODE, NULL},
    {"session_preload_libraries", SETTING_CODE, NULL},
    {"shared_preload_libraries", SETTING_CODE, NULL},
    {"output_plugin_libraries", SETTING_CODE, NULL},
    {"extension_destdir", SETTING_CODE, NULL},
    {"jit_provider", SETTING_CODE, NULL},
    {"archive_library", SETTING_CODE, NULL},
    {"archive_command", SETTING_PROGRAM, NULL},
    {"archive_cleanup_command", SETTING_PROGRAM, NULL},
    {"restore_command", SETTING_PROGRAM, NULL},
    {"recovery_end_command", SETTING_PROGRAM, NULL},
    {"ssl_passphrase_command", SETTING_PROGRAM, NULL},
};

static const char *const harmless[] = {
    "application_name", "array_nulls", "backend_flush_after", "bytea_output", "check_function_bodies",
    "client_connection_check_interval", "client_min_messages", "commit_delay", "commit_siblings",
    "compute_query_id", "constraint_exclusion", "cpu_index_tuple_cost", "cpu_operator_cost", "cpu_tuple_cost",
    "cursor_tuple_fraction", "database", "datestyle", "deadlock_timeout", "debug_pretty_print",
    "debug_print_parse", "debug_print_plan", "debug_print_rewritten", "default_statistics_target",
    "default_table_access_method", "default_tablespace", "default_text_search_config",
    "default_toast_compression", "default_transaction_deferrable", "default_transaction_isolation",
    "effective_cache_size", "effective_io_concurrency", "enable_async_append", "enable_bitmapscan",
    "enable_gathermerge", "enable_hashagg", "enable_hashjoin", "enable_incremental_sort",
    "enable_indexonlyscan", "enable_indexscan", "enable_material", "enable_memoize", "enable_mergejoin",
    "enable_nestloop", "enable_parallel_append", "enable_parallel_hash", "enable_partition_pruning",
    "enable_partitionwise_aggregate", "enable_partitionwise_join", "enable_seqscan", "enable_sort",
    "enable_tidscan", "escape_string_warning", "exit_on_error", "extra_float_digits", "force_parallel_mode",
    "from_collapse_limit", "geqo", "geqo_effort", "geqo_generations", "geqo_pool_size", "geqo_seed",
    "geqo_selection_bias", "geqo_threshold", "gin_fuzzy_search_limit", "gin_pending_list_limit",
    "hash_mem_multiplier", "idle_in_transaction_session_timeout", "idle_session_timeout", "intervalstyle",
    "jit", "jit_above_cost", "jit_expressions", "jit_inline_above_cost", "jit_optimize_above_cost",
    "jit_tuple_deforming", "join_collapse_limit", "lc_messages", "lc_monetary", "lc_numeric", "lc_time",
    "lock_timeout", "log_executor_stats", "log_lock_waits", "log_parser_stats", "log_planner_stats",
    "log_statement_stats", "log_temp_files", "logical_decoding_work_mem", "maintenance_io_concurrency",
    "maintenance_work_mem", "max_parallel_maintenance_workers", "max_parallel_workers",
    "max_parallel_workers_per_gather", "max_stack_depth", "min_parallel_index_scan_size",
    "min_parallel_table_scan_size", "parallel_leader_participation", "parallel_setup_cost",
    "parallel_tuple_cost", "plan_cache_mode", "quote_all_identifiers", "random_page_cost",
    "recursive_worktable_factor", "seed", "seq_page_cost", "statement_timeout", "stats_fetch_consistency",
    "synchronize_seqscans", "synchronous_commit", "tcp_keepalives_count", "tcp_keepalives_idle",
    "tcp_keepalives_interval", "tcp_user_timeout", "temp_buffers", "temp_file_limit", "temp_tablespaces",
    "timezone", "timezone_abbreviations", "trace_notify", "trace_sort", "track_counts", "track_functions",
    "track_io_timing", "track_wal_io_timing", "transaction_deferrable", "transaction_isolation",
    "vacuum_cost_delay", "vacuum_cost_limit", "vacuum_cost_page_dirty", "vacuum_cost_page_hit",
    "vacuum_cost_page_miss", "vacuum_failsafe_age", "vacuum_freeze_min_age", "vacuum_freeze_table_age",
    "vacuum_multixact_failsafe_age", "vacuum_multixact_freeze_min_age", "vacuum_multixact_freeze_table_age",
    "wal_sender_timeout", "wal_skip_threshold", "work_mem", "xmlbinary", "xmloption",
};

static struct setting find_setting(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (str_is(name, settings[i].name))
            return settings[i];
    for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
        if (str_is(name, harmless[i]))
            return (struct setting){harmless[i], SETTING_HARMLESS, NULL};
    /* An application's own setting; an audit extension's is a guard. */
    if (str_starts(name, STR("pgaudit.")) || str_starts(name, STR("set_user.")))
        return (struct setting){NULL, SETTING_GUARD, NULL};
    bool custom = name.n != 0 && memchr(name.p, '.', name.n) != NULL;
    return (struct setting){NULL, custom ? SETTING_HARMLESS : SETTING_UNREVIEWED, NULL};
}

static struct str lower_case(struct collect *c, struct str s)
{
    struct str copy = collect_text(c, s);
    char *p = (char *)(uintptr_t)copy.p;
    for (size_t i = 0; i < copy.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] - 'A' + 'a');
    return copy;
}

/* True where the path puts something before pg_catalog, so that it can stand in for built-ins. */
static bool path_hides_catalog(struct str path)
{
    size_t skip = path.n != 0 && path.p[0] == '"' ? 2 : 1; /* standing first it hides nothing */
    return path.n > skip &&
           str_contains_ascii_nocase((struct str){path.p + skip, path.n - skip}, STR("pg_catalog"));
}

static void mark_setting(struct walk *w, struct place place, const struct setting *s, const struct str *value)
{
    uint32_t classes = 0, traits = 0, dynamic = 0;
    switch (s->kind) {
    case SETTING_HARMLESS:
        break;
    case SETTING_UNREVIEWED:
        traits = SQL_T_UNREVIEWED_SETTING;
        break;
    case SETTING_IDENTITY:
        classes = SQL_PRIVILEGE | SQL_ROLE;
        break;
    case SETTING_LEXER:
        traits = SQL_T_LEXER_CHANGE;
        break;
    case SETTING_GUARD:
        traits = SQL_T_DISABLES_GUARD;
        break;
    case SETTING_GUARD_UNLESS:
        if (value == NULL || !str_eq_ascii_nocase(*value, str_of(s->safe)))
            traits = SQL_T_DISABLES_GUARD;
        break;
    case SETTING_PATH:
        traits = SQL_T_SEARCH_PATH;
        if (value != NULL && path_hides_catalog(*value))
            traits |= SQL_T_DISABLES_GUARD;
        break;
    case SETTING_CODE:
        traits = SQL_T_NATIVE_CODE;
        break;
    case SETTING_PROGRAM:
        traits = SQL_T_PROGRAM;
        break;
    }
    walk_mark(w, place, classes, traits, dynamic);
}

void walk_setting(struct walk *w, struct place place, struct str name, const struct str *value, bool is_local)
{
    struct sql_setting change = {.name = lower_case(w->c, name), .known_value = value != NULL, .is_local = is_local};
    if (value != NULL)
        change.value = collect_text(w->c, *value);
    struct setting s = find_setting(change.name);
    mark_setting(w, place, &s, value);
    if (walk_runs(place))
        collect_setting(w->c, &change);
    else
        collect_name(w->c, SET_SETTINGS, change.name);
}

/* --- SET … TO a, b --------------------------------------------------------------------------- */

static struct str argument_text(const Node *arg)
{
    struct str s;
    if (tree_const_text(arg, &s))
        return s;
    if (arg != NULL && IsA(arg, A_Const) && !((const A_Const *)arg)->isnull) {
        const A_Const *c = (const A_Const *)arg;
        if (c->val.node.type == T_Float)
            return str_of(c->val.fval.fval);
        if (c->val.node.type == T_Boolean)
            return c->val.boolval.boolval ? STR("on") : STR("off");
    }
    return (struct str){NULL, 0};
}

static struct str join_arguments(struct collect *c, const List *args)
{
    struct str all = {NULL, 0};
    for (int i = 0; i < tree_list_len(args); i++) {
        const Node *arg = tree_list_at(args, i);
        struct str one = argument_text(arg);
        int64_t number;
        char digits[24];
        if (one.p == NULL && tree_const_int(arg, &number)) {
            size_t at = sizeof(digits);
            uint64_t rest = number < 0 ? (uint64_t)-number : (uint64_t)number;
            do
                digits[--at] = (char)('0' + rest % 10);
            while ((rest /= 10) != 0);
            if (number < 0)
                digits[--at] = '-';
            one = str_from(digits + at, sizeof(digits) - at);
        }
        size_t n = all.n + (i > 0 ? 2 : 0) + one.n;
        char *p = arena_alloc(c->arena, n + 1);
        if (p == NULL) {
            c->err = ERR_NOMEM;
            return all;
        }
        if (all.n != 0)
            memcpy(p, all.p, all.n);
        if (i > 0)
            memcpy(p + all.n, ", ", 2);
        if (one.n != 0)
            memcpy(p + n - one.n, one.p, one.n);
        all = str_from(p, n);
    }
    return all;
}

static bool says_false(const Node *arg)
{
    struct str s = argument_text(arg);
    int64_t n;
    if (tree_const_int(arg, &n))
        return n == 0;
    return str_eq_ascii_nocase(s, STR("off")) || str_eq_ascii_nocase(s, STR("false"));
}

/* SET TRANSACTION …, SET SESSION CHARACTERISTICS AS TRANSACTION … */
static void set_transaction(struct walk *w, const VariableSetStmt *s, struct place place)
{
    walk_mark(w, place, SQL_TRANSACTION, 0, 0);
    if (strcmp(s->name, "SESSION CHARACTERISTICS") == 0)
        walk_mark(w, place, SQL_SESSION, 0, 0);
    else
        w->c->f.transaction = SQL_TX_SET;
    for (int i = 0; i < tree_list_len(s->args); i++) {
        const Node *arg = tree_list_at(s->args, i);
        if (!IsA(arg, DefElem)) /* TRANSACTION SNAPSHOT */
            continue;
        const DefElem *d = (const DefElem *)arg;
        collect_name(w->c, SET_SETTINGS, str_of(d->defname));
        if (strcmp(d->defname, "transaction_read_only") == 0 && says_false(d->arg))
            walk_mark(w, place, 0, SQL_T_DISABLES_GUARD, 0);
    }
}

void visit_setting_value(struct walk *w, const VariableSetStmt *s, struct place place)
{
    switch (s->kind) {
    case VAR_SET_MULTI:
        set_transaction(w, s, place);
        return;
    case VAR_RESET_ALL:
        walk_mark(w, place, SQL_SESSION, 0, 0);
        if (walk_runs(place))
            collect_setting(w->c, &(struct sql_setting){.name = STR("all")});
        return;
    case VAR_SET_VALUE: {
        struct str value = join_arguments(w->c, s->args);
        walk_mark(w, place, SQL_SESSION, 0, 0);
        walk_setting(w, place, str_of(s->name), &value, s->is_local);
        return;
    }
    case VAR_SET_DEFAULT:
    case VAR_SET_CURRENT:
    case VAR_RESET:
        walk_mark(w, place, SQL_SESSION, 0, 0);
        walk_setting(w, place, str_of(s->name), NULL, s->is_local);
        return;
    }
}

static void set_config(struct walk *w, const FuncCall *f, struct place place)
{
    struct str name, value;
    if (tree_list_len(f->args) < 2 || !tree_const_text(tree_list_at(f->args, 0), &name)) {
        walk_mark(w, place, 0, 0, SQL_D_SETTING);
        return;
    }
    bool known = tree_const_text(tree_list_at(f->args, 1), &value);
    walk_setting(w, place, name, known ? &value : NULL, false);
}

void visit_set(struct walk *w, const void *node, struct place place)
{
    if (IsA(node, FuncCall)) {
        set_config(w, node, place);
        return;
    }
    const VariableSetStmt *s = node;
    bool reset = s->kind == VAR_RESET || s->kind == VAR_RESET_ALL;
    collect_static(w->c, SET_COMMANDS, reset ? "RESET" : "SET");
    visit_setting_value(w, s, place);
}
