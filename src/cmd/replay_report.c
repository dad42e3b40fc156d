/* What a replay found, for people and as JSON. */
#include "cmd/replay.h"

#include "base/json.h"
#include "base/limits.h"
#include "cmd/table.h"
#include "cmd/when.h"
#include "model/display.h"

#include <stdio.h>

static const char *const verdict_words[REPLAY_VERDICTS] = {"allow", "hold", "deny"};

static uint64_t changed(const struct replay_counts *c)
{
    uint64_t n = 0;
    for (int i = 0; i < REPLAY_VERDICTS; i++)
        for (int k = 0; k < REPLAY_VERDICTS; k++)
            n += i != k ? c->verdicts[i][k] : 0;
    return n;
}

/* Requests that this person could have decided: in all, and on the day that had most. */
struct load {
    uint64_t all, busiest;
};

static struct load load_of(const struct replay *r, const uint32_t *load, size_t person)
{
    struct load l = {0, 0};
    for (size_t i = 0; i < r->n_days; i++) {
        uint32_t n = load[person * r->n_days + i];
        l.all += n;
        l.busiest = n > l.busiest ? n : l.busiest;
    }
    return l;
}

static double a_day(const struct replay *r, uint64_t n)
{
    return (double)n / (double)r->n_days;
}

/* The record of an example, judged once more. */
static enum err example(const struct replay *r, uint64_t seq, struct arena *a,
                        struct replay_shown *ret)
{
    struct audit_reader *reader;
    struct audit_entry e;
    TRY(audit_record_at(r->dir, seq, &reader, &e));
    enum err err = replay_show(r, &e, a, ret);
    if (err == ERR_OK)
        err = arena_str(a, ret->time, &ret->time);
    if (err == ERR_OK)
        err = arena_str(a, ret->who, &ret->who);
    if (err == ERR_OK)
        err = arena_str(a, ret->resource, &ret->resource);
    if (err == ERR_OK)
        err = arena_str(a, ret->text, &ret->text);
    audit_reader_free(reader);
    return err;
}

static uint64_t examples_of(const struct replay *r, const struct replay_guardrail *g)
{
    return g->changed < r->examples ? g->changed : r->examples;
}

/* --- Text ----------------------------------------------------------------------------------------- */

static enum err number_cell(struct table *t, uint64_t n)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
    return table_cell(t, str_of(text));
}

static enum err put_verdicts(const struct replay *r, struct buf *out)
{
    struct table t CLEANUP(table_done);
    table_init(&t, REPLAY_VERDICTS + 1);
    TRY(table_cell(&t, STR("")));
    for (int i = 0; i < REPLAY_VERDICTS; i++) {
        char head[32];
        (void)snprintf(head, sizeof(head), "would %s", verdict_words[i]);
        TRY(table_cell(&t, str_of(head)));
    }
    for (int i = 0; i < REPLAY_VERDICTS; i++) {
        static const char *const were[REPLAY_VERDICTS] = {"was allowed", "was held", "was denied"};
        TRY(table_cell(&t, str_of(were[i])));
        for (int k = 0; k < REPLAY_VERDICTS; k++)
            TRY(number_cell(&t, r->counts.verdicts[i][k]));
    }
    return table_print(out, &t, (struct style){false, 0});
}

static enum err put_guardrails(const struct replay *r, struct buf *out)
{
    static const char *const head[] = {"GUARDRAIL", "MATCHED", "WOULD MATCH", "NEW", "GONE", "CHANGES"};
    struct table t CLEANUP(table_done);
    table_init(&t, ARRAY_LEN(head));
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        TRY(table_cell(&t, str_of(head[i])));
    for (size_t i = 0; i < r->n_guardrails; i++) {
        const struct replay_guardrail *g = &r->guardrails[i];
        TRY(table_cell(&t, str_of(g->name)));
        const uint64_t numbers[] = {g->was, g->now, g->gained, g->lost, g->changed};
        for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
            TRY(number_cell(&t, numbers[k]));
    }
    return table_print(out, &t, (struct style){false, 0});
}

static enum err put_example(const struct replay *r, uint64_t seq, struct buf *out)
{
    static const struct display_block block = {STR_INIT("    | "), STR_INIT("    : "), 100};
    struct arena a CLEANUP(arena_done);
    struct replay_shown x;
    arena_init(&a, LIMIT_ACTION_ARENA);
    enum err e = example(r, seq, &a, &x);
    if (e != ERR_OK)
        return buf_printf(out, "  record %llu: %s\n", (unsigned long long)seq, err_text(e));
    TRY(buf_printf(out, "  record %llu, %.*s, ", (unsigned long long)seq, STR_FMT(x.time)));
    TRY(display_line(out, x.who));
    TRY(buf_put_str(out, STR(" on ")));
    TRY(display_line(out, x.resource));
    TRY(buf_printf(out, ": %.*s, would %.*s\n", STR_FMT(x.was), STR_FMT(x.now)));
    return display_text(out, x.text, &block);
}

static enum err put_examples(const struct replay *r, struct buf *out)
{
    for (size_t i = 0; i < r->n_guardrails; i++) {
        const struct replay_guardrail *g = &r->guardrails[i];
        if (examples_of(r, g) == 0)
            continue;
        TRY(buf_put_u8(out, '\n'));
        TRY(display_line(out, str_of(g->name)));
        TRY(buf_printf(out, ": %llu decided differently, among them\n", (unsigned long long)g->changed));
        for (uint64_t k = 0; k < examples_of(r, g); k++)
            TRY(put_example(r, g->examples[k], out));
    }
    return ERR_OK;
}

static enum err put_load(const struct replay *r, struct buf *out)
{
    static const char *const head[] = {"PERSON", "A DAY", "WOULD BE", "BUSIEST DAY", "WOULD BE"};
    struct table t CLEANUP(table_done);
    table_init(&t, ARRAY_LEN(head));
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        TRY(table_cell(&t, str_of(head[i])));
    for (size_t i = 0; i < r->config->people.n; i++) {
        struct load was = load_of(r, r->load_was, i), now = load_of(r, r->load_now, i);
        char text[2][32];
        if (was.all == 0 && now.all == 0)
            continue;
        n++;
        (void)snprintf(text[0], sizeof(text[0]), "%.1f", a_day(r, was.all));
        (void)snprintf(text[1], sizeof(text[1]), "%.1f", a_day(r, now.all));
        TRY(table_cell(&t, r->config->people.list[i].name));
        TRY(table_cell(&t, str_of(text[0])));
        TRY(table_cell(&t, str_of(text[1])));
        TRY(number_cell(&t, was.busiest));
        TRY(number_cell(&t, now.busiest));
    }
    TRY(buf_put_str(out, STR("\nRequests that each person could decide:\n")));
    return n != 0 ? table_print(out, &t, (struct style){false, 0}) : buf_put_str(out, STR("none\n"));
}

static enum err put_words(struct buf *out, const struct replay_word *words)
{
    for (size_t i = 0; i < REPLAY_WORDS && words[i].n != 0; i++) {
        TRY(buf_put_str(out, i == 0 ? STR(" (") : STR(", ")));
        TRY(display_line(out, str_of(words[i].name)));
        TRY(buf_printf(out, ": %llu", (unsigned long long)words[i].n));
    }
    return words[0].n != 0 ? buf_put_u8(out, ')') : ERR_OK;
}

static enum err put_unknown(struct buf *out, uint64_t n, const char *what,
                            const struct replay_word *words)
{
    if (n == 0)
        return ERR_OK;
    TRY(buf_printf(out, "%llu %s", (unsigned long long)n, what));
    if (words != NULL)
        TRY(put_words(out, words));
    return buf_put_u8(out, '\n');
}

/* What the numbers do not say. */
static enum err put_limits(const struct replay *r, struct buf *out)
{
    const struct replay_counts *c = &r->counts;
    TRY(buf_put_u8(out, '\n'));
    TRY(put_unknown(out, c->unknown, "depend on a fact that was not recorded", c->unknown_facts));
    TRY(put_unknown(out, c->no_facts, "were recorded without their facts", NULL));
    TRY(put_unknown(out, c->erased, "have been erased or sealed", NULL));
    TRY(put_unknown(out, c->gone, "are on resources that this configuration does not have",
                    c->gone_resources));
    TRY(put_unknown(out, c->invalid, "are not as this program writes records", NULL));
    if (c->unmatched == 0)
        TRY(buf_put_str(out, STR("Allowed actions that no guardrail matched are not in this log: what this "
                                 "policy would\nnewly stop of them does not show. `audit: {record: all}` "
                                 "records them.\n")));
    if (c->err != ERR_OK)
        TRY(buf_printf(out, "THE LOG COULD NOT BE READ TO ITS END: %s. `countersign audit verify` says "
                            "where.\n", err_text(c->err)));
    return ERR_OK;
}

enum err replay_text(const struct replay *r, struct buf *out)
{
    const struct replay_counts *c = &r->counts;
    char from[CLOCK_TEXT], to[CLOCK_TEXT];
    if (c->records == 0)
        TRY(buf_put_str(out, STR("no recorded action in this time\n")));
    else
        TRY(buf_printf(out, "%llu recorded actions, %.*s to %.*s UTC; %llu judged for certain\n",
                       (unsigned long long)c->records, STR_FMT(when_text(c->first_ns, from)),
                       STR_FMT(when_text(c->last_ns, to)),
                       (unsigned long long)(c->judged - c->unknown)));
    TRY(buf_printf(out, "by policy %.12s\n\n", r->config->version.p));
    TRY(put_verdicts(r, out));
    TRY(buf_printf(out, "\n%llu would be decided differently.\n\n", (unsigned long long)changed(c)));
    TRY(put_guardrails(r, out));
    TRY(put_examples(r, out));
    TRY(put_load(r, out));
    return put_limits(r, out);
}

/* --- JSON ----------------------------------------------------------------------------------------- */

static void uint_member(struct json *j, const char *key, uint64_t n)
{
    json_key(j, key);
    json_uint(j, n);
}

static void time_member(struct json *j, const char *key, int64_t ns)
{
    char text[CLOCK_TEXT];
    json_put_str(j, key, clock_text(ns, text));
}

static void verdicts_json(const struct replay *r, struct json *j)
{
    json_key(j, "verdicts");
    json_array_begin(j);
    for (int i = 0; i < REPLAY_VERDICTS; i++)
        for (int k = 0; k < REPLAY_VERDICTS; k++) {
            json_object_begin(j);
            json_put_z(j, "was", verdict_words[i]);
            json_put_z(j, "would_be", verdict_words[k]);
            uint_member(j, "actions", r->counts.verdicts[i][k]);
            json_object_end(j);
        }
    json_array_end(j);
}

static void example_json(const struct replay *r, uint64_t seq, struct json *j)
{
    struct arena a CLEANUP(arena_done);
    struct replay_shown x;
    arena_init(&a, LIMIT_ACTION_ARENA);
    json_object_begin(j);
    uint_member(j, "record", seq);
    if (example(r, seq, &a, &x) == ERR_OK) {
        json_put_str(j, "time", x.time);
        json_key(j, "who");
        json_bytes(j, x.who);
        json_put_str(j, "resource", x.resource);
        json_key(j, "text");
        json_bytes(j, x.text);
        json_put_str(j, "was", x.was);
        json_put_str(j, "would_be", x.now);
    }
    json_object_end(j);
}

static void guardrail_json(const struct replay *r, const struct replay_guardrail *g, struct json *j)
{
    json_object_begin(j);
    json_put_z(j, "name", g->name);
    uint_member(j, "matched", g->was);
    uint_member(j, "would_match", g->now);
    uint_member(j, "new", g->gained);
    uint_member(j, "gone", g->lost);
    uint_member(j, "changes", g->changed);
    json_key(j, "examples");
    json_array_begin(j);
    for (uint64_t i = 0; i < examples_of(r, g); i++)
        example_json(r, g->examples[i], j);
    json_array_end(j);
    json_object_end(j);
}

static void load_json(const struct replay *r, const uint32_t *list, size_t person, const char *key,
                      struct json *j)
{
    struct load l = load_of(r, list, person);
    json_key(j, key);
    json_object_begin(j);
    uint_member(j, "requests", l.all);
    json_key(j, "a_day");
    json_double(j, a_day(r, l.all));
    uint_member(j, "busiest_day", l.busiest);
    json_object_end(j);
}

static void people_json(const struct replay *r, struct json *j)
{
    json_key(j, "approvers");
    json_array_begin(j);
    for (size_t i = 0; i < r->config->people.n; i++) {
        if (load_of(r, r->load_was, i).all == 0 && load_of(r, r->load_now, i).all == 0)
            continue;
        json_object_begin(j);
        json_put_str(j, "person", r->config->people.list[i].name);
        load_json(r, r->load_was, i, "was", j);
        load_json(r, r->load_now, i, "would_be", j);
        json_object_end(j);
    }
    json_array_end(j);
}

static void words_json(struct json *j, const char *key, const struct replay_word *words)
{
    json_key(j, key);
    json_object_begin(j);
    for (size_t i = 0; i < REPLAY_WORDS && words[i].n != 0; i++) {
        json_key_str(j, str_of(words[i].name));
        json_uint(j, words[i].n);
    }
    json_object_end(j);
}

static void limits_json(const struct replay *r, struct json *j)
{
    const struct replay_counts *c = &r->counts;
    json_key(j, "not_judged");
    json_object_begin(j);
    words_json(j, "unknown_facts", c->unknown_facts);
    uint_member(j, "unknown", c->unknown);
    uint_member(j, "without_facts", c->no_facts);
    uint_member(j, "erased", c->erased);
    words_json(j, "resources_gone", c->gone_resources);
    uint_member(j, "invalid", c->invalid);
    json_object_end(j);
    json_put_bool(j, "all_actions_recorded", c->unmatched != 0);
    json_put_bool(j, "whole", c->err == ERR_OK);
}

enum err replay_json(const struct replay *r, struct buf *out)
{
    struct json j;
    json_init(&j, out);
    json_object_begin(&j);
    json_put_str(&j, "policy_version", r->config->version);
    uint_member(&j, "records", r->counts.records);
    if (r->counts.records != 0) {
        time_member(&j, "from", r->counts.first_ns);
        time_member(&j, "to", r->counts.last_ns);
    }
    uint_member(&j, "judged", r->counts.judged - r->counts.unknown);
    uint_member(&j, "changed", changed(&r->counts));
    json_put_int(&j, "days", (int64_t)r->n_days);
    verdicts_json(r, &j);
    json_key(&j, "guardrails");
    json_array_begin(&j);
    for (size_t i = 0; i < r->n_guardrails; i++)
        guardrail_json(r, &r->guardrails[i], &j);
    json_array_end(&j);
    people_json(r, &j);
    limits_json(r, &j);
    json_object_end(&j);
    TRY(json_end(&j));
    return buf_put_u8(out, '\n');
}
