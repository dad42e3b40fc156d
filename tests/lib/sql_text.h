/* Facts of a text for tests: one arena for the whole program, facts valid until sql_text_done. */
#pragma once

#include "base/limits.h"
#include "classify/sql.h"
#include "tap.h"

static struct arena sql_text_arena;

static inline void sql_text_init(void)
{
    arena_init(&sql_text_arena, LIMIT_ACTION_ARENA);
}

static inline void sql_text_done(void)
{
    arena_done(&sql_text_arena);
}

static inline struct sql_facts facts_with(struct str text, struct sql_settings settings)
{
    struct sql_facts f;
    memset(&f, 0, sizeof(f));
    CHECK_OK(classify_sql(&sql_text_arena, text, &settings, &f));
    return f;
}

static inline struct sql_facts facts(const char *text)
{
    return facts_with(str_of(text), SQL_SETTINGS_DEFAULT);
}

static inline bool has(struct sql_names names, const char *name)
{
    for (size_t i = 0; i < names.n; i++)
        if (str_is(names.v[i], name))
            return true;
    return false;
}

/* Exactly these, in this order: "a, b". */
static inline bool are(struct sql_names names, const char *list)
{
    struct str rest = str_of(list), head, tail;
    for (size_t i = 0; i < names.n; i++) {
        if (!str_cut(rest, ',', &head, &tail)) {
            head = rest;
            tail = (struct str){NULL, 0};
        }
        if (!str_eq(str_trim(head), names.v[i]))
            return false;
        rest = tail;
    }
    return str_trim(rest).n == 0;
}

#define CHECK_NAMES(names, list)                                                                   \
    do {                                                                                           \
        struct sql_names n_ = (names);                                                             \
        if (!are(n_, (list))) {                                                                    \
            tap.failures++;                                                                        \
            printf("# %s:%d: want [%s] got", __FILE__, __LINE__, (list));                          \
            for (size_t i_ = 0; i_ < n_.n; i_++)                                                   \
                printf(" %.*s", STR_FMT(n_.v[i_]));                                                \
            printf("\n");                                                                          \
        }                                                                                          \
    } while (0)
