/* The configuration: what it means, and that every mistake is found where it was made. */
#include "config_text.h"

#include "base/clock.h"
#include "policy/yaml.h"

#define RESOURCE                                                                                   \
    "resources:\n"                                                                                 \
    "  - { name: shop, type: postgres, listen: '127.0.0.1:6432', upstream: 'db:5432',\n"           \
    "      labels: { env: production } }\n"
#define PEOPLE                                                                                     \
    "people:\n"                                                                                    \
    "  ana: { groups: [dba] }\n"                                                                   \
    "  bo: { groups: [dba, leads] }\n"                                                             \
    "  cy: { groups: [dba, leads] }\n"
#define HEAD "version: 1\n" RESOURCE PEOPLE

/* The text does not load, and `want` is what is said first. */
static void check_first(int line, const char *text, const char *want)
{
    struct fixture f;
    fixture_text(&f, text);
    struct str said = fixture_said(&f), first = said, rest;
    if (str_cut(said, '\n', &first, &rest))
        (void)rest;
    else
        first = said;
    if (f.err != ERR_INVALID || !str_eq(first, str_of(want))) {
        tap.failures++;
        printf("# %s:%d: %s, said\n# [%.*s]\n# not\n# [%s]\n", __FILE__, line, err_text(f.err),
               STR_FMT(first), want);
    }
    fixture_done(&f);
}
#define REFUSED(text, want) check_first(__LINE__, text, want)

TEST(a_label_of_columns_names_table_and_column)
{
    struct fixture f;
    fixture_text(&f, "version: 1\nresources: [{ name: a, type: postgres, listen: '*:1', upstream: db, "
                     "column_labels: { pii: [customers.email, hr.people.ssn, patients.*] } }]\n");
    CHECK(fixture_good(&f));
    CHECK(f.config != NULL && f.config->resources[0].n_column_labels == 3);
    fixture_done(&f);
    static const char *const wrong[] = {"email", "a.b.c.d", "a..b", ".b"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char text[256];
        snprintf(text, sizeof(text), "version: 1\nresources:\n  - name: a\n    type: postgres\n    listen: '*:1'\n"
                 "    upstream: db\n    column_labels: { pii: ['%s'] }\n", wrong[i]);
        fixture_text(&f, text);
        char said[256];
        snprintf(said, sizeof(said), "7:29 error `%s` is no column | write table.column, schema.table.column or table.*", wrong[i]);
        CHECK_STR(fixture_said(&f), said);
        fixture_done(&f);
    }
}

TEST(settings_have_the_documented_defaults)
{
    struct fixture f;
    fixture_text(&f, "version: 1\n");
    CHECK(fixture_good(&f));
    const struct config *c = f.config;
    if (c == NULL)
        return;
    CHECK(!c->has_api && c->socket.n == 0 && c->user.n == 0 && c->workers == 0);
    CHECK_STR(c->store, "countersign.db");
    CHECK_STR(c->audit_directory, "audit");
    CHECK(c->audit_what == AUDIT_MATCHED);
    CHECK(c->notice_interval_ns == 30 * NS_PER_S);
    CHECK(c->n_resources == 0 && c->people.n == 0 && policy_count(c->policy) == 0);
    CHECK(c->n_files == 1 && c->version.n == DIGEST_HEX);
    fixture_done(&f);
}

TEST(every_setting_is_read)
{
    struct fixture f;
    struct config_file file = {
        STR("/etc/cs/main.yaml"),
        STR("version: 1\napi: 127.0.0.1:7070\napi_url: https://cs.example/\nsocket: run/api.sock\n"
            "store: sqlite:data.db\naudit: { directory: /var/log/cs, record: all }\nworkers: 3\n"
            "user: nobody\nnotice_interval: 10s\n")};
    fixture_files(&f, &file, 1);
    CHECK(fixture_good(&f));
    const struct config *c = f.config;
    if (c == NULL)
        return;
    CHECK(c->has_api && c->api.port == 7070);
    CHECK_STR(c->api_url, "https://cs.example");
    CHECK_STR(c->socket, "/etc/cs/run/api.sock");
    CHECK_STR(c->store, "/etc/cs/data.db");
    CHECK_STR(c->audit_directory, "/var/log/cs");
    CHECK(c->audit_what == AUDIT_ALL && c->workers == 3);
    CHECK_STR(c->user, "nobody");
    CHECK(c->notice_interval_ns == 10 * NS_PER_S);
    fixture_done(&f);
}

TEST(a_resource_is_read_in_full)
{
    struct fixture f;
    fixture_text(&f, "version: 1\nresources:\n"
                     "  - name: shop\n    type: postgres\n    listen: ['[::1]:6432', unix:/run/s]\n"
                     "    upstream: postgresql://db.internal\n    client_tls: require\n"
                     "    tls_cert: c.pem\n    tls_key: k.pem\n    upstream_tls: verify-full\n"
                     "    upstream_ca: ca.pem\n    allow_replication: true\n    default: deny\n"
                     "    labels: { env: production, tier: '1' }\n"
                     "  - { name: plain, type: postgres, listen: '*:1', upstream: 'db:2' }\n");
    CHECK(fixture_good(&f));
    if (f.config == NULL)
        return;
    const struct resource *r = config_resource(f.config, STR("shop"));
    CHECK(r != NULL && config_resource(f.config, STR("nope")) == NULL);
    CHECK(r->n_listen == 2 && r->listen[1].is_unix);
    CHECK_STR(r->upstream.host, "db.internal");
    CHECK(r->upstream.port == 5432);
    CHECK(r->client_tls == TLS_REQUIRE && r->upstream_tls == TLS_VERIFY_FULL);
    CHECK(r->allow_replication && r->default_verdict == VERDICT_DENY);
    CHECK_STR(resource_label(r, STR("tier")), "1");
    const struct resource *plain = config_resource(f.config, STR("plain"));
    CHECK(plain->client_tls == TLS_DISABLE && plain->upstream_tls == TLS_DISABLE);
    CHECK(plain->default_verdict == VERDICT_ALLOW && !plain->allow_replication);
    fixture_done(&f);
}

TEST(people_have_groups_accounts_and_users)
{
    struct fixture f;
    fixture_text(&f, "version: 1\npeople:\n  ana: { groups: dba, accounts: [ana_w, ana_r], admin: true }\n"
                     "  bo: { os_users: [bob] }\n  cy:\n");
    CHECK(fixture_good(&f));
    if (f.config == NULL)
        return;
    const struct people *all = &f.config->people;
    CHECK(all->n == 3 && people_find(all, STR("ana"))->admin);
    CHECK(people_by_account(all, STR("ana_r")) == people_find(all, STR("ana")));
    CHECK(people_by_os_user(all, STR("bob")) == people_find(all, STR("bo")));
    CHECK(people_by_os_user(all, STR("bo")) == NULL);
    CHECK(people_by_os_user(all, STR("cy")) == people_find(all, STR("cy")));
    fixture_done(&f);
}

TEST(included_files_are_one_configuration)
{
    const struct config_file files[] = {
        {STR("d/main.yaml"), STR("version: 1\ninclude: [people.yaml, packs/a.yaml]\n" RESOURCE)},
        {STR("d/people.yaml"), STR("people: { ana: { groups: [dba] }, bo: { groups: [dba] } }\n")},
        {STR("d/packs/a.yaml"), STR("include: b.yaml\nmacros: { risky: sql.writes }\n")},
        {STR("d/packs/b.yaml"),
         STR("guardrails:\n  - { name: w, on: sql, when: risky, then: hold, approvals: { from: dba } }\n")},
    };
    struct fixture f;
    fixture_files(&f, files, ARRAY_LEN(files));
    CHECK(fixture_good(&f));
    CHECK(f.config != NULL && f.config->n_files == 4 && policy_count(f.config->policy) == 1);
    fixture_done(&f);
    fixture_files(&f, files, 2);
    CHECK(f.err == ERR_INVALID);
    CHECK_STR(fixture_said(&f), "2:24 error `d/packs/a.yaml` cannot be read: not found");
    fixture_done(&f);
}

TEST(the_version_changes_with_every_byte_and_division)
{
    const struct config_file one[] = {{STR("a"), STR("version: 1\ninclude: b\n")}, {STR("b"), STR("")}};
    const struct config_file two[] = {{STR("a"), STR("version: 1\ninclude: b\n\n")}, {STR("b"), STR("")}};
    const struct config_file three[] = {{STR("a"), STR("version: 1\ninclude: b\n")}, {STR("b"), STR("\n")}};
    struct fixture f, g, h;
    fixture_files(&f, one, 2);
    fixture_files(&g, two, 2);
    fixture_files(&h, three, 2);
    CHECK(fixture_good(&f) && fixture_good(&g) && fixture_good(&h));
    CHECK(!str_eq(f.config->version, g.config->version));
    CHECK(!str_eq(g.config->version, h.config->version));
    fixture_done(&f);
    fixture_done(&g);
    fixture_done(&h);
}

TEST(a_file_is_not_included_twice_nor_by_itself)
{
    const struct config_file loop[] = {{STR("a"), STR("version: 1\ninclude: a\n")}};
    struct fixture f;
    fixture_files(&f, loop, 1);
    CHECK_STR(fixture_said(&f), "2:10 error `a` is included twice");
    fixture_done(&f);
    REFUSED("version: 1\ninclude: x.yaml\n", "2:10 error `x.yaml` cannot be read: not found");
}

TEST(an_included_file_has_no_settings)
{
    const struct config_file files[] = {{STR("a"), STR("version: 1\ninclude: b\n")},
                                        {STR("b"), STR("store: sqlite:other.db\n")}};
    struct fixture f;
    fixture_files(&f, files, 2);
    CHECK_STR(fixture_said(&f), "1:1 error unknown key `store` in an included file");
    fixture_done(&f);
}

TEST(mistakes_in_settings_are_named)
{
    REFUSED("", "1:1 error expected a mapping, here is nothing");
    REFUSED("api: 127.0.0.1:1\n", "1:1 error the configuration needs `version:`");
    REFUSED("version: 2\n", "1:10 error version `2` is not known | this is version 1 of the format");
    REFUSED("version: 1\naip: x\n", "2:1 error unknown key `aip` in the configuration | did you mean `api`?");
    REFUSED("version: 1\nworkers: 1\nworkers: 2\n",
            "3:1 error double key `workers`; it is already on line 2 | remove one of the two");
    REFUSED("version: 1\nworkers: many\n",
            "2:10 error `many` is not a count | write a whole number such as 2");
    REFUSED("version: 1\nworkers: 1000\n", "2:10 error at most 256 workers | 0, or leave it out: one per core");
    REFUSED("version: 1\nworkers: [1]\n", "2:10 error `workers` must be a number, here is a list");
    REFUSED("version: 1\nstore: postgres:x\n", "2:8 error `postgres:x` is not a store | write sqlite:FILE");
    REFUSED("version: 1\nnotice_interval: 5\n",
            "2:18 error `5` is not a duration | write a number and its unit: 90s, 15m, 2h, 1d, 1h30m (at "
            "most 366d)");
    REFUSED("version: 1\naudit: { record: some }\n",
            "2:18 error `some` is not one of matched, all");
    REFUSED("version: 1\napi_url: cs.example\n",
            "2:10 error `cs.example` is not a URL that a browser can open | write https://host[:port]");
    REFUSED("version: 1\nuser:\n", "2:1 error `user` must be a text, here is nothing");
}

TEST(mistakes_in_resources_are_named)
{
#define ONE(rest) "version: 1\nresources:\n  - { name: a, type: postgres, " rest " }\n"
    REFUSED(ONE("listen: '*:1'"), "3:5 error a resource needs `upstream:`");
    REFUSED(ONE("listen: here, upstream: 'db'"),
            "3:40 error `here` is not an address | write host:port, [ipv6]:port, *:port or unix:/path");
    REFUSED(ONE("listen: '*:1', upstream: 'postgresql://u:p@db/x'"),
            "3:58 error `upstream` takes only an address | write host:port alone: user, password and "
            "database are the client's");
    REFUSED(ONE("listen: '*:1', upstream: db, client_tls: require"),
            "3:73 error TLS for clients needs a certificate and its key | name the files with "
            "`tls_cert:` and `tls_key:`");
    REFUSED(ONE("listen: '*:1', upstream: db, upstream_tls: verify"),
            "3:75 error `verify` is not one of disable, require, verify-full");
    REFUSED(ONE("listen: '*:1', upstream: db, walls: [readonly]"),
            "3:69 error `readonly` is not one of read_only | did you mean `read_only`?");
    REFUSED(ONE("listen: '*:1', upstream: db, walls: [read_only], allow_replication: true"),
            "3:68 error `walls` cannot stand around replication connections | give replication a resource of its own");
    REFUSED(ONE("listen: '*:1', upstream: db, default: hold"),
            "3:5 error resource `a` holds by default, but nobody is named to approve | say who "
            "approves: `defaults: { approvals: [...] }`");
    REFUSED("version: 1\nresources:\n  - { name: a, type: mysql, listen: '*:1', upstream: db }\n",
            "3:22 error unknown resource type `mysql` | known types: postgres");
    REFUSED("version: 1\n" RESOURCE
            "  - { name: shop, type: postgres, listen: '127.0.0.1:6432', upstream: 'db:5432' }\n",
            "5:13 error there is already a resource `shop`");
}

TEST(mistakes_in_people_are_named)
{
    REFUSED("version: 1\npeople: { ana: { accounts: [x] }, bo: { accounts: [x] } }\n",
            "2:35 error the name or account `x` is already that of `ana`");
    REFUSED("version: 1\npeople: { ana: {}, bo: { accounts: [ana] } }\n",
            "2:20 error the name or account `ana` is already that of `ana`");
    REFUSED("version: 1\npeople: { ana: { groups: [bo] }, bo: {} }\n",
            "2:11 error `bo` is a person and cannot be a group as well | give the group another name");
    REFUSED("version: 1\npeople: { ana: {}, ana: {} }\n",
            "2:20 error the name or account `ana` is already that of `ana`");
    REFUSED("version: 1\npeople: { 'a na': {} }\n",
            "2:12 error `a na` cannot be a name | a name has no spaces, commas or quotes, and at most "
            "128 bytes");
}

TEST(mistakes_in_guardrails_are_named)
{
#define RAIL(rest) HEAD "guardrails:\n  - { name: g, on: sql, " rest " }\n"
    REFUSED(RAIL("when: sql.writes"), "10:5 error a guardrail needs `then:`");
    REFUSED(RAIL("then: block"), "10:31 error `block` is not one of allow, hold, deny");
    REFUSED(RAIL("then: hold"), "10:13 error guardrail `g` holds, but nobody is named to approve | add "
                                "`approvals: [{ from: GROUP, count: 1 }]` to it or to `defaults:`");
    REFUSED(RAIL("then: deny, aprovals: []"),
            "10:37 error unknown key `aprovals` in a guardrail | did you mean `approvals`?");
    REFUSED(RAIL("then: deny, approvals: { from: dba }"),
            "10:37 error approvals only make sense with `then: hold` | set `then: hold`, or remove the "
            "approvals");
    REFUSED(RAIL("then: hold, approvals: { from: dbas }"),
            "10:56 error no person or group is called `dbas` | did you mean `dba`?");
    REFUSED(RAIL("then: hold, approvals: { from: leads, count: 3 }"),
            "10:56 error needs 3 approvals, but only 2 people can give one | lower `count`, or add "
            "people to the group under `people:`");
    REFUSED(RAIL("then: hold, approvals: { from: dba, count: 0 }"), "10:68 error `count` is 1 to 32");
    REFUSED(RAIL("then: deny, hold_at: commit"),
            "10:46 error `hold_at: commit` only makes sense with `then: hold` | set `then: hold`");
    REFUSED(RAIL("then: hold, approvals: { from: dba }, commit_within: 1m"),
            "10:78 error `commit_within` only makes sense with `hold_at: commit` | add `hold_at: commit`");
    REFUSED(RAIL("then: hold, approvals: { from: dba }, hold_at: commit, commit_within: 16m"),
            "10:95 error `commit_within` is at most 15m | its locks keep others waiting all that time");
    REFUSED(RAIL("then: hold, approvals: { from: dba }, hold_at: commit, on_disconnect: keep"),
            "10:72 error a transaction that waits for its COMMIT ends with its client's session | remove "
            "`on_disconnect: keep`, `wait: return` or `grant`");
    REFUSED(RAIL("then: deny, resources: [shpo]"),
            "10:49 error there is no resource `shpo` | did you mean `shop`?");
    REFUSED(RAIL("then: deny, mode: observed"),
            "10:43 error `observed` is not one of enforce, observe | did you mean `observe`?");
    REFUSED(RAIL("then: deny, message: 'a } b'"),
            "10:49 error no brace is open here | a brace that is meant as text is written twice: }}");
    REFUSED(RAIL("then: deny, message: 'a { b'"),
            "10:49 error this brace is not closed | a brace that is meant as text is written twice: {{");
    REFUSED(HEAD "guardrails:\n  - { name: g, on: sqll, then: deny }\n",
            "10:20 error `sqll` is not one of sql, command, tool, http, deploy, policy | did you mean `sql`?");
    REFUSED(HEAD "guardrails:\n  - { name: g, on: sql, then: deny }\n  - { name: g, on: sql, then: deny }\n",
            "11:13 error there is already a guardrail `g` (t.yaml line 10)");
}

TEST(distinct_people_are_counted_once)
{
    /* bo and cy are all of leads: two leads and two more of dba cannot be four people. */
    REFUSED(RAIL("then: hold, approvals: [{ from: leads, count: 2 }, { from: dba, count: 2 }]"),
            "10:48 error these approvals need 4 distinct people, and there are not that many | "
            "everybody counts once, whatever their groups: add people to the groups");
    struct fixture f;
    fixture_text(&f, RAIL("then: hold, approvals: [{ from: dba }, { from: leads, count: 1 }]"));
    CHECK(fixture_good(&f));
    fixture_done(&f);
    fixture_text(&f, RAIL("then: hold, approvals: [{ from: dba }, { from: leads, count: 2 }]"));
    CHECK(f.err == ERR_OK);
    CHECK_STR(fixture_said(&f), "10:48 warning nobody could approve what `ana` requests | nobody "
                                "approves their own requests: add another person");
    fixture_done(&f);
}

TEST(a_bad_condition_is_found_inside_the_yaml)
{
    REFUSED(RAIL("then: deny, when: sql.writs"),
            "10:47 error unknown member `writs` of `sql` | did you mean `writes`?");
    REFUSED(RAIL("then: deny, when: 'sql.command == ''x'' && sql.writs'"),
            "10:72 error unknown member `writs` of `sql` | did you mean `writes`?");
    REFUSED(RAIL("then: deny, when: \"sql.command == \\\"x\\\" && sql.writs\""),
            "10:72 error unknown member `writs` of `sql` | did you mean `writes`?");
    REFUSED(HEAD "guardrails:\n  - name: g\n    on: sql\n    then: deny\n    when: |\n"
                 "      sql.writes &&\n\n        sql.writs\n",
            "16:13 error unknown member `writs` of `sql` | did you mean `writes`?");
    REFUSED(HEAD "guardrails:\n  - name: g\n    on: sql\n    then: deny\n    when: >-\n"
                 "      sql.writes\n      && sql.writs\n",
            "15:14 error unknown member `writs` of `sql` | did you mean `writes`?");
    REFUSED(HEAD "macros:\n  m: sql.writs\nguardrails:\n  - { name: g, on: sql, then: deny, when: m }\n",
            "10:10 error unknown member `writs` of `sql` | did you mean `writes`?");
    REFUSED(RAIL("then: deny, message: 'é {sql.writs}'"),
            "10:54 error unknown member `writs` of `sql` | did you mean `writes`?");
    REFUSED(RAIL("then: deny, when: 'has(resource.labels.env)'"),
            "10:48 error has() is true of every fact: a missing one is empty | write `'name' in "
            "resource.labels`");
    REFUSED(RAIL("then: deny, when: '!has( context.ticket )'"),
            "10:50 error has() is true of every fact: a missing one is empty | compare it with '' or [] "
            "instead");
}

TEST(yaml_that_swallows_a_condition_is_explained)
{
    REFUSED(HEAD "guardrails:\n  - name: g\n    on: sql\n    then: deny\n    when: !sql.has_where\n",
            "13:11 error tags have no meaning here | in YAML a value that starts with `!` is a tag: "
            "put it into quotes, or after `|-`");
    REFUSED(HEAD "guardrails:\n  - name: g\n    on: sql\n    then: deny\n    when: a ? b : c\n",
            "13:17 error not valid YAML: invalid nested block mapping on the same line | a condition "
            "that holds `: `, ` #`, or starts with a quote or one of [ ] { } ! & * @ % needs a block: "
            "write `|-` and put it on the next line");
    REFUSED("version: 1\nb: *c\n",
            "2:5 error no value is anchored as `c` | an anchor `&name` must come before the alias "
            "`*name`; text that starts with `*` needs quotes");
    REFUSED("version: 1\n---\nversion: 1\n",
            "2:1 error a file holds one document | put it into a file of its own and `include:` it");
    REFUSED("version: 1\n? [a]\n: b\n",
            "2:3 error a key must be text | write the key as a plain word or in quotes");
    REFUSED("version: 1\n<<: { a: 1 }\n",
            "2:1 error unknown key `<<` in the configuration | merge keys are not part of YAML 1.2: use "
            "`include:` and `macros:`");
}

/* The message as its YAML says it, or what went wrong. */
static void check_message(int line, const char *yaml, const char *want)
{
    struct fixture f;
    char text[4096];
    snprintf(text, sizeof(text),
             HEAD "guardrails:\n  - name: g\n    on: sql\n    then: deny\n    message: %s\n", yaml);
    struct config_file file = {STR("t.yaml"), str_of(text)};
    struct arena a;
    struct problems problems;
    const struct yaml_node *root = NULL;
    fixture_text(&f, text);
    CHECK(fixture_good(&f));
    arena_init(&a, MIB);
    problems_init(&problems, &a);
    CHECK_OK(yaml_parse(&file, &a, &problems, &root));
    struct str got =
        root != NULL ? yaml_get(yaml_get(root, "guardrails")->first, "message")->text : STR("");
    if (!str_eq(got, str_of(want))) {
        tap.failures++;
        printf("# %s:%d: got [%.*s]\n", __FILE__, line, STR_FMT(got));
    }
    arena_done(&a);
    fixture_done(&f);
}
#define MESSAGE(yaml, want) check_message(__LINE__, yaml, want)

TEST(every_way_to_quote_gives_the_text)
{
    MESSAGE("plain text", "plain text");
    MESSAGE("plain\n      text", "plain text");
    MESSAGE("'it''s'", "it's");
    MESSAGE("'''a'' ''b'' ''c'''", "'a' 'b' 'c'");
    MESSAGE("'a \n\n       b\n      c '", "a\nb c ");
    MESSAGE("'a\r\n      b'", "a b");
    MESSAGE("\"a\\tb\\u00e9\"", "a\tb\xc3\xa9");
    MESSAGE("|-\n      a\n        b\n\n      c", "a\n  b\n\nc");
    MESSAGE(">-\n      a\n      b\n\n      c", "a b\nc");
}

TEST(aliases_stand_for_their_value)
{
    struct fixture f;
    fixture_text(&f, HEAD "guardrails:\n"
                          "  - { name: a, on: sql, then: hold, approvals: &two [{ from: dba, count: 2 }] }\n"
                          "  - { name: b, on: sql, then: hold, approvals: *two }\n");
    CHECK(fixture_good(&f));
    CHECK(f.config != NULL && policy_count(f.config->policy) == 2);
    fixture_done(&f);
}

TEST(a_billion_laughs_are_refused_early)
{
    char text[4096] = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 12; i++) {
        char line[256];
        snprintf(line, sizeof(line), "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i,
                 i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        strcat(text, line);
    }
    REFUSED(text, "6:39 error the file has too many values, counting aliases");
}

TEST(depth_and_bytes_are_bounded)
{
    char deep[256] = "version: 1\nx: ";
    memset(deep + strlen(deep), '[', 60);
    REFUSED(deep, "2:35 error values are nested too deeply");
    struct fixture f;
    struct config_file nul = {STR("t"), STR("version: 1\nuser: a\0b\n")};
    fixture_files(&f, &nul, 1);
    CHECK_STR(fixture_said(&f), "2:1 error the line holds a NUL byte");
    fixture_done(&f);
    REFUSED("version: 1\nuser: \xff\n", "2:1 error the line is not UTF-8");
}

TEST(all_problems_are_said_in_one_run)
{
    struct fixture f;
    fixture_text(&f, "version: 1\napi: x\n" RESOURCE PEOPLE "guardrails:\n"
                     "  - { name: a, on: sql, then: hold, approvals: { from: dba }, when: sql.x }\n"
                     "  - { name: b, on: sql, then: hold, approvals: { from: nobody } }\n");
    CHECK(f.err == ERR_INVALID && f.said.n_errors == 3 && f.said.n == 3);
    fixture_done(&f);
}

TEST(a_diagnostic_shows_its_line_and_a_caret)
{
    struct fixture f;
    struct buf out;
    buf_init(&out, 64 * KIB);
    fixture_text(&f, "version: 1\n\taip: é\n");
    CHECK(f.err == ERR_INVALID);
    fixture_done(&f);
    fixture_text(&f, "version: 1\naip: é\n");
    CHECK(f.said.n == 1);
    CHECK_OK(diagnostic_text(&out, &f.said.list[0]));
    CHECK_STR(buf_view(&out), "t.yaml:2:1: error: unknown key `aip` in the configuration\n"
                              "    2 | aip: é\n"
                              "      | ^~~\n"
                              "      hint: did you mean `api`?\n");
    buf_clear(&out);
    /* A hint of several lines, as of a failing test with several reasons. */
    const struct diagnostic reasons = {.severity = SEVERITY_ERROR, .path = STR("p"), .message = STR("m"),
                                       .hint = STR("one\ntwo\n")};
    CHECK_OK(diagnostic_text(&out, &reasons));
    CHECK_STR(buf_view(&out), "p: error: m\n      hint: one\n            two\n");
    buf_clear(&out);
    struct json j;
    json_init(&j, &out);
    diagnostic_json(&j, &f.said.list[0]);
    CHECK_OK(json_end(&j));
    CHECK_STR(buf_view(&out), "{\"severity\":\"error\",\"path\":\"t.yaml\",\"line\":2,\"column\":1,"
                              "\"message\":\"unknown key `aip` in the configuration\","
                              "\"hint\":\"did you mean `api`?\"}");
    buf_done(&out);
    fixture_done(&f);
}

TEST(tests_of_guardrails_are_checked_without_running)
{
#define TESTED(rest) RAIL("then: deny, when: sql.writes, tests: [{ sql: x, expect: deny, " rest " }]")
    REFUSED(TESTED("facts: { estimated_row: 1 }"),
            "10:96 error there is no fact `estimated_row` | did you mean `estimated_rows`?");
    REFUSED(TESTED("facts: { writes: yes }"),
            "10:104 error `yes` is neither true nor false | write true or false");
    REFUSED(TESTED("facts: { now: noon }"),
            "10:101 error `noon` is not a time | write 2026-11-22T17:20:00Z, in quotes");
    REFUSED(TESTED("resource: shpo"),
            "10:97 error there is no resource `shpo` | did you mean `shop`?");
    struct fixture f;
    fixture_text(&f, TESTED("facts: { tables: [a, b], statements: 2, subject.kind: agent, now: "
                            "'2026-11-22T17:20:00Z', writes: true }"));
    CHECK(fixture_good(&f));
    fixture_done(&f);
}

TAP_MAIN(T(a_label_of_columns_names_table_and_column), T(settings_have_the_documented_defaults), T(every_setting_is_read),
         T(a_resource_is_read_in_full), T(people_have_groups_accounts_and_users),
         T(included_files_are_one_configuration), T(the_version_changes_with_every_byte_and_division),
         T(a_file_is_not_included_twice_nor_by_itself), T(an_included_file_has_no_settings),
         T(mistakes_in_settings_are_named), T(mistakes_in_resources_are_named),
         T(mistakes_in_people_are_named), T(mistakes_in_guardrails_are_named),
         T(distinct_people_are_counted_once), T(a_bad_condition_is_found_inside_the_yaml),
         T(yaml_that_swallows_a_condition_is_explained), T(every_way_to_quote_gives_the_text),
         T(aliases_stand_for_their_value),
         T(a_billion_laughs_are_refused_early), T(depth_and_bytes_are_bounded),
         T(all_problems_are_said_in_one_run), T(a_diagnostic_shows_its_line_and_a_caret),
         T(tests_of_guardrails_are_checked_without_running))
