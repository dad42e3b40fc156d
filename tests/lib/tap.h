/*
 * Unit tests in TAP (testanything.org, version 13): one program a module, one TEST a fact.
 *
 *   TEST(an_empty_buffer_has_no_bytes) { CHECK(buf_len(&b) == 0); }
 *   TAP_MAIN(T(an_empty_buffer_has_no_bytes), ...)
 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "base/str.h"

struct tap_state {
    int failures;
};

static struct tap_state tap;

#define TEST(name) static void name(void)

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            tap.failures++;                                                                        \
            printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);                                    \
        }                                                                                          \
    } while (0)

#define CHECK_ERR(call, want)                                                                      \
    do {                                                                                           \
        enum err got_ = (call);                                                                    \
        if (got_ != (want)) {                                                                      \
            tap.failures++;                                                                        \
            printf("# %s:%d: %s gave \"%s\", not \"%s\"\n", __FILE__, __LINE__, #call,             \
                   err_text(got_), err_text(want));                                                \
        }                                                                                          \
    } while (0)

#define CHECK_OK(call) CHECK_ERR(call, ERR_OK)

#define CHECK_STR(got, want)                                                                       \
    do {                                                                                           \
        struct str g_ = (got), w_ = str_of(want);                                                  \
        if (!str_eq(g_, w_)) {                                                                     \
            tap.failures++;                                                                        \
            printf("# %s:%d: got  [%.*s]\n# %s:%d: want [%.*s]\n", __FILE__, __LINE__,             \
                   STR_FMT(g_), __FILE__, __LINE__, STR_FMT(w_));                                  \
        }                                                                                          \
    } while (0)

struct tap_test {
    const char *name;
    void (*run)(void);
};

static inline int tap_run(const struct tap_test *tests, size_t n)
{
    int failed = 0;
    printf("TAP version 13\n1..%zu\n", n);
    for (size_t i = 0; i < n; i++) {
        tap.failures = 0;
        tests[i].run();
        failed += tap.failures != 0;
        printf("%sok %zu - %s\n", tap.failures != 0 ? "not " : "", i + 1, tests[i].name);
        fflush(stdout);
    }
    return failed != 0;
}

#define T(name) {#name, name}
#define TAP_MAIN(...)                                                                              \
    int main(void)                                                                                 \
    {                                                                                              \
        static const struct tap_test tests[] = {__VA_ARGS__};                                      \
        return tap_run(tests, sizeof(tests) / sizeof(tests[0]));                                   \
    }
