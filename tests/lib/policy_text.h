/* Actions for tests of guardrails. */
#pragma once

#include "classify/sql.h"
#include "config_text.h"
#include "model/lazy_facts.h"

struct asking {
    struct fixture f;
    struct policy_eval *eval;
    struct arena arena;
    struct sql_facts sql;
    struct subject subject;
    struct session_context context;
    struct action action;
    struct policy_run *run;
    struct decision d;
};

static inline void asking_start(struct asking *x, const char *config)
{
    *x = (struct asking){.run = NULL};
    fixture_text(&x->f, config);
    if (x->f.err != ERR_OK)
        fixture_good(&x->f);
    CHECK(x->f.config != NULL);
    CHECK_OK(policy_eval_new(&x->eval));
    arena_init(&x->arena, LIMIT_ACTION_ARENA);
    x->subject = (struct subject){.name = STR("ana"), .kind = STR("user"), .address = STR("local")};
    x->context = (struct session_context){.id = STR("s1"), .database = STR("shop")};
    x->action = (struct action){.kind = ACTION_SQL,
                                .operation = STR("query"),
                                .sql = &x->sql,
                                .subject = &x->subject,
                                .resource = x->f.config != NULL ? x->f.config->resources : NULL,
                                .context = &x->context};
}

static inline void asking_end(struct asking *x)
{
    policy_eval_free(x->eval);
    arena_done(&x->arena);
    fixture_done(&x->f);
}

/* What the guardrails say of the statement. */
static inline enum verdict asked(struct asking *x, const char *sql)
{
    arena_reset(&x->arena);
    x->run = NULL;
    x->action.text = str_of(sql);
    CHECK_OK(classify_sql(&x->arena, x->action.text, &SQL_SETTINGS_DEFAULT, &x->sql));
    CHECK_OK(policy_decide(x->f.config->policy, x->eval, &x->action, &x->run, &x->arena, &x->d));
    return x->d.verdict;
}

/* The same action once more, with what was obtained. */
static inline enum verdict asked_again(struct asking *x, const struct lazy_facts *lazy)
{
    x->action.lazy = lazy;
    CHECK_OK(policy_decide(x->f.config->policy, x->eval, &x->action, &x->run, &x->arena, &x->d));
    x->action.lazy = NULL;
    return x->d.verdict;
}

/* "name name …" of what matched, with ~ after an observed and ! after a failed one. */
static inline struct str asked_matched(struct asking *x)
{
    struct str all = STR("");
    for (size_t i = 0; i < x->d.n_matched; i++) {
        const struct matched_guardrail *m = &x->d.matched[i];
        struct str more;
        if (arena_printf(&x->arena, &more, "%.*s%s%.*s%s%s", STR_FMT(all), i == 0 ? "" : " ",
                         STR_FMT(m->name), m->observe ? "~" : "", m->failed ? "!" : "") != ERR_OK)
            return STR("no memory");
        all = more;
    }
    return all;
}

/* "2 dba, 1 leads ana" */
static inline struct str asked_quorum(struct asking *x)
{
    struct str all = STR("");
    for (size_t i = 0; i < x->d.quorum.n_reqs; i++) {
        const struct requirement *r = &x->d.quorum.reqs[i];
        struct str more;
        if (arena_printf(&x->arena, &more, "%.*s%s%u", STR_FMT(all), i == 0 ? "" : ", ", r->count) !=
            ERR_OK)
            return STR("no memory");
        all = more;
        for (size_t k = 0; k < r->n_from; k++) {
            if (arena_printf(&x->arena, &more, "%.*s %.*s", STR_FMT(all), STR_FMT(r->from[k])) !=
                ERR_OK)
                return STR("no memory");
            all = more;
        }
    }
    return all;
}
