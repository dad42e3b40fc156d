/*
 * A log to measure with: log-make DIRECTORY RECORDS writes that many records as a gateway would that records
 * all actions: mostly allowed statements with their facts, some denials, one action in fifty a request with its
 * whole life. Thirty days long, the same bytes for the same number but for hashes and keys.
 */
#include "audit/audit.h"
#include "base/json.h"
#include "base/limits.h"
#include "classify/sql.h"
#include "policy/config.h"
#include "policy/recorded.h"

#include <stdio.h>
#include <stdlib.h>

static const char config_text[] =
    "version: 1\n"
    "resources:\n"
    "  - {name: shop, type: postgres, listen: '127.0.0.1:1', upstream: 'postgresql://h', labels: {environment: production}}\n"
    "  - {name: billing, type: postgres, listen: '127.0.0.1:2', upstream: 'postgresql://h', labels: {environment: production}}\n"
    "people:\n"
    "  ana: {groups: [dba]}\n  bo: {groups: [dba, leads]}\n  cleo: {groups: [leads]}\n"
    "guardrails:\n"
    "  - {name: bulk-write, on: sql, when: \"sql.writes && !sql.has_narrow_where\", then: hold, approvals: [{from: [dba], count: 1}]}\n"
    "  - {name: secrets, on: sql, when: \"'secrets' in sql.table_names\", then: deny}\n"
    "  - {name: office, on: sql, when: \"sql.writes && context.application == 'psql'\", then: hold, mode: observe, approvals: [{from: [dba], count: 1}]}\n";

static const char *const forms[] = {
    "SELECT id, status, total FROM orders WHERE customer = # ORDER BY id DESC LIMIT 20",
    "SELECT c.name, sum(o.total) FROM customers c JOIN orders o ON o.customer = c.id WHERE c.id = # GROUP BY c.name",
    "INSERT INTO visits (customer, page) VALUES (#, '/basket')",
    "UPDATE baskets SET items = items + 1 WHERE id = #",
    "DELETE FROM sessions WHERE id = #",
    "SELECT price FROM prices WHERE product = # AND valid_to IS NULL FOR UPDATE",
    "UPDATE orders SET status = 'shipped' WHERE id = #",
    "SELECT count(*) FROM payments WHERE customer = # AND state <> 'settled'",
};
static const char *const rare[] = {"UPDATE orders SET status = 'lost' WHERE total > #", "DELETE FROM visits WHERE customer < #",
                                   "SELECT value FROM secrets WHERE id = #"};
static const char *const applications[] = {"shop-web", "shop-worker", "psql", "reports"};

struct maker {
    struct audit_settings settings;
    struct config *config;
    struct policy_eval *eval;
    struct arena arena;
    struct buf facts, data, text, envelope;
    struct audit *log;
    uint64_t seed, made, wanted, requests;
    int64_t start_ns;
};

static void must(enum err e)
{
    if (e == ERR_OK)
        return;
    fprintf(stderr, "log-make: %s\n", err_text(e));
    exit(1);
}

static uint64_t roll(struct maker *m, uint64_t sides)
{
    m->seed = m->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (m->seed >> 33) % sides;
}

static struct moment moment_of(const struct maker *m)
{
    int64_t span = 30 * INT64_C(86400) * NS_PER_S;
    int64_t at = m->start_ns + (int64_t)((double)span * (double)m->made / (double)m->wanted);
    return (struct moment){at, at};
}

static void append(struct maker *m, const char *kind)
{
    must(audit_append(m->log, kind, buf_view(&m->data), moment_of(m), NULL));
    m->made++;
}

/* One action with everything a gate would know of it. */
static void judge(struct maker *m, const char *form, struct action *a, struct subject *s, struct session_context *c,
                  struct sql_facts *f, struct decision *d)
{
    static const struct resource *r;
    struct policy_run *run = NULL;
    struct json j;
    char name[32];
    arena_reset(&m->arena);
    buf_clear(&m->text);
    struct str before, behind;
    must(str_cut(str_of(form), '#', &before, &behind) ? ERR_OK : ERR_BUG);
    must(buf_printf(&m->text, "%.*s%llu%.*s", STR_FMT(before), (unsigned long long)roll(m, 5000000),
                    STR_FMT(behind)));
    (void)snprintf(name, sizeof(name), "user%llu", (unsigned long long)roll(m, 200));
    struct str who;
    must(arena_str(&m->arena, roll(m, 20) == 0 ? STR("ana") : str_of(name), &who));
    r = &m->config->resources[roll(m, 5) == 0];
    *s = (struct subject){.name = who, .kind = STR("user"), .address = STR("10.1.2.3:51234")};
    *c = (struct session_context){.id = STR("pg1a2b3c4d-77"), .address = s->address, .database = r->name, .login = who,
                                  .application = str_of(applications[roll(m, ARRAY_LEN(applications))])};
    must(classify_sql(&m->arena, buf_view(&m->text), &SQL_SETTINGS_DEFAULT, f));
    *a = (struct action){.kind = ACTION_SQL, .operation = STR("execute"), .text = buf_view(&m->text), .sql = f, .subject = s,
                         .resource = r, .context = c, .time_wall_ns = moment_of(m).wall_ns};
    must(policy_decide(m->config->policy, m->eval, a, &run, &m->arena, d));
    buf_clear(&m->facts);
    json_init(&j, &m->facts);
    must(policy_facts_json(m->config->policy, m->eval, a, &j));
    buf_clear(&m->envelope);
    json_init(&j, &m->envelope);
    json_object_begin(&j);
    json_put_int(&j, "countersign", 1);
    json_put_z(&j, "kind", "sql");
    json_key(&j, "action");
    json_object_begin(&j);
    json_put_z(&j, "message", "execute");
    json_put_str(&j, "text", a->text);
    json_object_end(&j);
    json_object_end(&j);
    must(json_end(&j));
}

static void put_guardrails(struct json *j, const struct decision *d)
{
    json_key(j, "guardrails");
    json_array_begin(j);
    for (size_t i = 0; i < d->n_matched; i++) {
        json_object_begin(j);
        json_put_str(j, "name", d->matched[i].name);
        json_put_z(j, "then", verdict_text(d->matched[i].then));
        json_put_z(j, "mode", d->matched[i].observe ? "observe" : "enforce");
        json_put_str(j, "message", d->matched[i].message);
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_digest(struct json *j, struct str bytes)
{
    char hex[DIGEST_HEX + 1];
    struct digest d = digest_of(bytes);
    json_put_str(j, "digest", digest_hex(&d, hex));
}

static void make_action(struct maker *m, const struct action *a, const struct decision *d)
{
    struct json j;
    char time[CLOCK_TEXT];
    buf_clear(&m->data);
    json_init(&j, &m->data);
    json_object_begin(&j);
    json_put_z(&j, "verdict", verdict_text(d->verdict));
    json_put_z(&j, "kind", "sql");
    json_put_str(&j, "operation", a->operation);
    json_put_str(&j, "subject", a->subject->name);
    json_put_str(&j, "resource", a->resource->name);
    json_put_str(&j, "session", a->context->id);
    json_put_str(&j, "address", a->context->address);
    put_digest(&j, buf_view(&m->envelope));
    json_put_str(&j, "envelope", buf_view(&m->envelope));
    put_guardrails(&j, d);
    json_key(&j, "facts");
    json_raw(&j, buf_view(&m->facts));
    json_put_str(&j, "vocabulary", m->config->vocabulary_name);
    json_put_str(&j, "policy", m->config->version);
    json_put_str(&j, "at", clock_text(a->time_wall_ns, time));
    json_object_end(&j);
    must(json_end(&j));
    append(m, "action");
}

/* The members that every record of a request has; the caller goes on. */
static void begin_request(struct maker *m, struct json *j, const struct action *a)
{
    buf_clear(&m->data);
    json_init(j, &m->data);
    json_object_begin(j);
    json_put_int(j, "request", (int64_t)m->requests);
    put_digest(j, buf_view(&m->envelope));
    json_put_str(j, "subject", a->subject->name);
    json_put_str(j, "resource", a->resource->name);
    json_put_z(j, "guardrails", "bulk-write");
    json_put_str(j, "policy_version", m->config->version);
}

static void end_record(struct maker *m, struct json *j, const char *kind)
{
    json_object_end(j);
    must(json_end(j));
    append(m, kind);
}

static void make_request(struct maker *m, const struct action *a)
{
    static const char *const ends[] = {"rejected", "expired", "withdrawn"};
    struct json j;
    m->requests++;
    begin_request(m, &j, a);
    json_put_z(&j, "message", "writes many rows");
    json_key(&j, "approvals");
    json_raw(&j, STR("[{\"from\":[\"dba\"],\"count\":1}]"));
    json_key(&j, "explanation");
    json_object_begin(&j);
    json_key(&j, "guardrails");
    json_raw(&j, STR("[{\"name\":\"bulk-write\",\"then\":\"hold\",\"mode\":\"enforce\",\"outcome\":\"true\"}]"));
    json_key(&j, "facts");
    json_raw(&j, buf_view(&m->facts));
    json_object_end(&j);
    json_put_str(&j, "vocabulary", m->config->vocabulary_name);
    json_put_str(&j, "envelope", buf_view(&m->envelope));
    end_record(m, &j, "opened");
    if (roll(m, 5) == 0) {
        begin_request(m, &j, a);
        json_put_z(&j, "from", "pending");
        end_record(m, &j, ends[roll(m, ARRAY_LEN(ends))]);
        return;
    }
    static const char *const steps[] = {"vote", "approved", "running", "completed"};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        begin_request(m, &j, a);
        json_put_z(&j, "by", roll(m, 2) == 0 ? "bo" : "ana");
        json_put_z(&j, "reason", "agreed in the change meeting");
        if (i == 0)
            json_put_z(&j, "vote", "approve");
        end_record(m, &j, steps[i]);
    }
}

static void make_one(struct maker *m)
{
    struct action a;
    struct subject s;
    struct session_context c;
    struct sql_facts f;
    struct decision d;
    bool is_rare = roll(m, 50) == 0;
    judge(m, is_rare ? rare[roll(m, ARRAY_LEN(rare))] : forms[roll(m, ARRAY_LEN(forms))], &a, &s, &c, &f, &d);
    if (d.verdict == VERDICT_HOLD)
        make_request(m, &a);
    else
        make_action(m, &a, &d);
}

static void make_start(struct maker *m)
{
    struct json j;
    buf_clear(&m->data);
    json_init(&j, &m->data);
    json_object_begin(&j);
    json_put_str(&j, "policy_version", m->config->version);
    json_put_str(&j, "vocabulary", m->config->vocabulary);
    json_object_end(&j);
    must(json_end(&j));
    append(m, "started");
}

static void start(struct maker *m, const char *dir)
{
    struct config_file file = {STR("bench.yaml"), str_from(config_text, sizeof(config_text) - 1)};
    struct diagnostics said;
    struct audit_error error;
    struct arena scratch;
    arena_init(&scratch, LIMIT_CONFIG_ARENA);
    must(config_from_files(&file, 1, &scratch, &said, &m->config));
    arena_done(&scratch);
    must(policy_eval_new(&m->eval));
    arena_init(&m->arena, LIMIT_ACTION_ARENA);
    struct buf *const all[] = {&m->facts, &m->data, &m->text, &m->envelope};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        buf_init(all[i], 16 * MIB);
    m->start_ns = clock_wall_ns() - 30 * INT64_C(86400) * NS_PER_S;
    m->settings = (struct audit_settings){.directory = str_of(dir)};
    must(audit_open(&m->settings, NULL, moment_of(m), &m->log, &error));
}

int main(int argc, char **argv)
{
    struct maker m = {.seed = 42};
    if (argc != 3 || str_to_u64(str_of(argv[2]), &m.wanted) != ERR_OK || m.wanted == 0) {
        fprintf(stderr, "usage: log-make DIRECTORY RECORDS\n");
        return 2;
    }
    start(&m, argv[1]);
    make_start(&m);
    while (m.made < m.wanted)
        make_one(&m);
    audit_close(m.log);
    struct buf *const all[] = {&m.facts, &m.data, &m.text, &m.envelope};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        buf_done(all[i]);
    policy_eval_free(m.eval);
    arena_done(&m.arena);
    config_unref(m.config);
    return 0;
}
