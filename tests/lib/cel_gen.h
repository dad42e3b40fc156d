/*
 * Random CEL expressions, mostly well-typed, driven by bytes: equal bytes, equal expression. Used by
 * the fuzz target (bytes from the fuzzer) and by the unit test (bytes from a generator of its own).
 * Also the schema they range over, and random values for its slots.
 */
#pragma once

#include "base/buf.h"
#include "policy/cel/cel.h"

#include <stdlib.h>

struct cel_gen {
    const uint8_t *p;
    size_t left;
    unsigned depth, locals;
    struct buf out;
};

enum gen_type { GEN_BOOL, GEN_INT, GEN_STRING, GEN_DOUBLE, GEN_INTS, GEN_STRINGS, GEN_MAP, GEN_DYN };

static const struct {
    const char *name;
    enum gen_type type;
    int bit;
} gen_facts[] = {
    {"b", GEN_BOOL, CEL_EAGER},      {"f.flag", GEN_BOOL, CEL_EAGER}, {"f.lazy_flag", GEN_BOOL, 1},
    {"i", GEN_INT, CEL_EAGER},       {"f.rows", GEN_INT, 2},          {"s", GEN_STRING, CEL_EAGER},
    {"f.owner", GEN_STRING, 3},      {"d", GEN_DOUBLE, CEL_EAGER},    {"ints", GEN_INTS, CEL_EAGER},
    {"f.names", GEN_STRINGS, 4},     {"names", GEN_STRINGS, CEL_EAGER}, {"m", GEN_MAP, CEL_EAGER},
    {"any", GEN_DYN, CEL_EAGER},     {"f.any", GEN_DYN, 60},
};

static inline unsigned gen_byte(struct cel_gen *g)
{
    if (g->left == 0)
        return 0;
    g->left--;
    return *g->p++;
}

static inline unsigned gen_below(struct cel_gen *g, unsigned n)
{
    return gen_byte(g) % n;
}

static inline void gen_text(struct cel_gen *g, const char *text)
{
    (void)!buf_put_str(&g->out, str_of(text));
}

static inline void gen_expr(struct cel_gen *g, enum gen_type t);

/* A template: lower-case letters of the types stand behind `$`, e.g. "$i + $i". */
static inline void gen_template(struct cel_gen *g, const char *text)
{
    static const char letters[] = "bisdINMy";
    g->depth++;
    for (; *text != '\0'; text++) {
        const char *at = *text == '$' ? strchr(letters, text[1]) : NULL;
        if (at == NULL) {
            (void)!buf_put_u8(&g->out, (uint8_t)*text);
            continue;
        }
        text++;
        gen_expr(g, (enum gen_type)(at - letters));
    }
    g->depth--;
}

static const char *const gen_leaves[][10] = {
    [GEN_BOOL] = {"true", "false", "b", "f.flag", "f.lazy_flag", "has(f.rows)", "b", "f.flag"},
    [GEN_INT] = {"0", "1", "-3", "7", "i", "f.rows", "9223372036854775807", "size(s)"},
    [GEN_STRING] = {"''", "'a'", "'abc'", "'zz top'", "s", "f.owner", "'\\u00e4\\u00f6'", "'(b+'"},
    [GEN_DOUBLE] = {"0.0", "1.5", "-2.0", "1e300", "d", "7.0", "double('NaN')", "d"},
    [GEN_INTS] = {"[]", "[1, 2, 3]", "ints", "[7]", "[1, 1, 0]", "ints", "[i]", "[-3, 7]"},
    [GEN_STRINGS] = {"[]", "['a', 'abc']", "names", "f.names", "['']", "[s]", "names", "['zz top']"},
    [GEN_MAP] = {"{}", "{'a': 1}", "m", "{'a': 1, 'abc': 7}", "{s: i}", "m", "m", "{'': 0}"},
    [GEN_DYN] = {"any", "f.any", "dyn(1)", "dyn('a')", "null", "dyn([1, 'a'])", "dyn(1u)", "1u"},
};

static const char *const gen_branches[][18] = {
    [GEN_BOOL] = {"($b && $b)", "($b || $b)", "!($b)", "$i == $i", "$i < $i", "$s == $s", "$s in $N",
                  "$i in $I", "$I.exists(x, $b && x > $i)", "$N.all(x, x.startsWith($s))",
                  "($b ? $b : $b)", "$s.contains($s)", "$M.exists(k, v, v > $i && k != $s)",
                  "$y == $y", "$s.matches($s)", "$i in [1, 2, $i, 7]", "$I.exists_one(x, x == $i)",
                  "($b && $b && ($b || $b) && $b)"},
    [GEN_INT] = {"($i + $i)", "($i - $i)", "($i * $i)", "($i / $i)", "($i % $i)", "-($i)",
                 "size($s)", "size($I)", "$I[$i]", "$M['a']", "($b ? $i : $i)", "$s.indexOf($s)",
                 "cel.bind(v, $i, v + v + $i)", "$M.?abc.orValue($i)", "int($s)", "$M[?$s].orValue($i)",
                 "int($d)", "math.greatest($i, $i)"},
    [GEN_STRING] = {"($s + $s)", "string($i)", "$N[$i]", "$s.substring($i)", "($b ? $s : $s)",
                    "$s.upperAscii()", "$s.replace($s, $s)", "$N.join($s)", "$s.charAt($i)",
                    "string($d)", "'%s-%d'.format([$s, $i])", "$s.trim()", "$s.reverse()",
                    "cel.bind(v, $s, v + v)", "string($y)", "$s.lowerAscii()", "strings.quote($s)",
                    "$N.map(x, x + $s).join('')"},
    [GEN_DOUBLE] = {"($d + $d)", "($d - $d)", "($d * $d)", "($d / $d)", "double($i)", "-($d)",
                    "math.ceil($d)", "($b ? $d : $d)", "math.abs($d)", "double($s)", "math.round($d)",
                    "math.trunc($d)", "math.sqrt($d)", "math.sign($d)", "math.floor($d)", "$d", "$d",
                    "$d"},
    [GEN_INTS] = {"($I + $I)", "[$i, $i]", "$I.map(x, x + $i)", "$I.filter(x, x > $i)",
                  "($b ? $I : $I)", "$I.map(x, $b, x * x)", "$I.transformList(k, v, k + v)",
                  "$I.sort()", "$I.distinct()", "$I.reverse()", "[?optional.of($i), $i]",
                  "$I.slice(0, $i)", "lists.range($i % 9)", "$N.map(x, size(x))", "$I", "$I", "$I", "$I"},
    [GEN_STRINGS] = {"($N + $N)", "[$s, $s]", "$N.filter(x, x != $s)", "$N.map(x, x + $s)",
                     "$s.split($s)", "$M.map(k, k)", "($b ? $N : $N)", "$N.sort()", "$N.distinct()",
                     "$N", "$N", "$N", "$N", "$N", "$N", "$N", "$N", "$N"},
    [GEN_MAP] = {"{$s: $i}", "{$s: $i, $s: $i}", "($b ? $M : $M)", "{?$s: optional.of($i)}",
                 "{?'a': $M[?$s]}", "$M.transformMap(k, v, v + $i)",
                 "$M.transformMapEntry(k, v, {k + $s: v})", "$M", "$M", "$M", "$M", "$M", "$M", "$M",
                 "$M", "$M", "$M", "$M"},
    [GEN_DYN] = {"dyn($i)", "dyn($s)", "dyn($d)", "dyn($I)", "dyn($M)", "dyn($b)", "dyn(uint($i))",
                 "dyn(optional.of($i))", "$y.a", "$y[$y]", "dyn(type($y))", "dyn(bytes($s))", "($b ? $y : $y)",
                 "cel.bind(v, $y, v)", "dyn(duration('1s'))", "dyn([$y])", "dyn({'a': $y})", "$y"},
};

/* The shapes that the planner makes one node of. */
static const char *const gen_fused[] = {
    "s.startsWith('a')", "s.endsWith('bc')", "f.owner.contains('bc')", "s.matches('^a.*c$')",
    "!(s in ['a', 'abc'])", "!(f.owner == 'abc')", "i <= 7", "7 > f.rows", "!(i in [1, 7])",
    "has(f.owner)", "s in ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'abc']", "i != 7", "!f.flag",
    "$N.exists(x, x.endsWith('c'))", "$N.all(x, !(x in ['a', 'abc']))", "$I.exists(x, x >= 7)",
    "any == 7", "any in [7, 1.5, 'a']", "f.owner in ['abc', '']", "d < 7", "$I.all(x, x == i)",
    "'a' in names", "!('abc' in f.names)", "'' in names || 'zz top' in names", "names.exists(x, x in ['a', 'b'])",
};

static inline void gen_expr(struct cel_gen *g, enum gen_type t)
{
    if (t == GEN_BOOL && g->depth <= 5 && gen_below(g, 3) == 0)
        gen_template(g, gen_fused[gen_below(g, ARRAY_LEN(gen_fused))]);
    else if (g->depth > 5 || g->left == 0 || gen_below(g, 4) == 0)
        gen_text(g, gen_leaves[t][gen_below(g, 8)]);
    else
        gen_template(g, gen_branches[t][gen_below(g, 18)]);
}

static inline const struct cel_type *gen_cel_type(enum gen_type t, struct arena *a)
{
    switch (t) {
    case GEN_BOOL:
        return &CEL_TYPE_BOOL;
    case GEN_INT:
        return &CEL_TYPE_INT;
    case GEN_STRING:
        return &CEL_TYPE_STRING;
    case GEN_DOUBLE:
        return &CEL_TYPE_DOUBLE;
    case GEN_INTS:
        return cel_type_list(a, &CEL_TYPE_INT);
    case GEN_STRINGS:
        return &CEL_TYPE_STRINGS;
    case GEN_MAP:
        return cel_type_map(a, &CEL_TYPE_STRING, &CEL_TYPE_INT);
    case GEN_DYN:
        break;
    }
    return &CEL_TYPE_DYN;
}

static inline struct cel_schema *gen_schema(void)
{
    struct cel_schema *s;
    uint32_t slot;
    if (cel_schema_new(1 << 20, &s) != ERR_OK)
        abort();
    for (size_t i = 0; i < ARRAY_LEN(gen_facts); i++)
        if (cel_schema_var(s, str_of(gen_facts[i].name),
                           gen_cel_type(gen_facts[i].type, cel_schema_arena(s)), gen_facts[i].bit,
                           &slot) != ERR_OK)
            abort();
    return s;
}

/* A value of the type, or none, or an error: facts fail, too. */
static inline struct cel_value gen_value(struct cel_gen *g, enum gen_type t)
{
    static const struct str texts[] = {STR_INIT("a"), STR_INIT("abc"), STR_INIT(""), STR_INIT("zz top"),
                                       STR_INIT("\xff\xfe"), STR_INIT("ä(ö")};
    static const struct cel_value numbers[] = {{.meta = CEL_INT, .i = 7},
                                               {.meta = CEL_INT, .i = 1},
                                               {.meta = CEL_INT, .i = INT64_MIN}};
    static const struct cel_map_entry entries[] = {
        {{.meta = (uint64_t)CEL_STRING | (uint64_t)1 << 32, .s = "a"}, {.meta = CEL_INT, .i = 7}},
        {{.meta = (uint64_t)CEL_STRING | (uint64_t)3 << 32, .s = "abc"}, {.meta = CEL_INT, .i = 1}}};
    static const struct cel_map map = {.entries = entries, .count = 2};
    static const struct cel_error failed = {CEL_E_FACT, CEL_NO_OFFSET, STR_INIT("no answer")};
    unsigned r = gen_below(g, 16), n = gen_below(g, 4);
    if (r == 0)
        return cel_unset();
    if (r == 1)
        return cel_absent();
    if (r == 2)
        return (struct cel_value){.meta = CEL_ERROR_VALUE, .error = &failed};
    switch (t) {
    case GEN_BOOL:
        return cel_bool(n & 1);
    case GEN_INT:
        return n == 3 ? cel_int(0) : numbers[n % 3];
    case GEN_STRING:
        return cel_string(texts[r % ARRAY_LEN(texts)]);
    case GEN_DOUBLE:
        return cel_double(n == 0 ? 7.0 : n == 1 ? 1.5 : n == 2 ? -0.0 : 1e18);
    case GEN_INTS:
        return cel_list(numbers, n);
    case GEN_STRINGS:
        return cel_list_of_strs(texts, n);
    case GEN_MAP:
        return cel_map(&map);
    case GEN_DYN:
        return n == 0 ? cel_null() : gen_value(g, (enum gen_type)(r % GEN_DYN));
    }
    return cel_null();
}

/* Whether the outcome of both evaluators is one; what came of each is in `out`. */
static inline bool gen_agree(struct cel_value fast, struct cel_value slow, struct buf *out)
{
    struct buf a CLEANUP(buf_done), b CLEANUP(buf_done);
    bool spent = false;
    buf_init(&a, 1 << 16);
    buf_init(&b, 1 << 16);
    for (int i = 0; i < 2; i++) {
        struct cel_value v = i == 0 ? fast : slow;
        spent |= cel_is(v, CEL_ERROR_VALUE) &&
                 (v.error->code == CEL_E_COST || v.error->code == CEL_E_MEMORY);
    }
    if (cel_value_text(&a, fast, 60000) != ERR_OK || cel_value_text(&b, slow, 60000) != ERR_OK)
        return true;
    (void)!buf_printf(out, "fast: %.*s\nslow: %.*s\n", (int)buf_len(&a), buf_view(&a).p,
                      (int)buf_len(&b), buf_view(&b).p);
    if (spent)
        return true;
    if (cel_kind_of(fast) != cel_kind_of(slow))
        return false;
    if (cel_is(fast, CEL_ERROR_VALUE))
        return true; /* && and || may see another of several errors first */
    if (cel_is(fast, CEL_UNKNOWN_VALUE))
        return fast.u == slow.u;
    return str_eq(buf_view(&a), buf_view(&b));
}
