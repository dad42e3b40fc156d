/* Messages for people: text with CEL expressions in braces, rendered when a guardrail matches. */
#include "policy/compiler.h"

#include "base/limits.h"

/* The end of the expression that starts at `at` (after its brace): the position of the closing brace,
 * or n. Braces and quotes inside the expression are its own. */
static size_t expression_end(struct str s, size_t at)
{
    size_t depth = 0;
    char quote = '\0';
    for (; at < s.n; at++) {
        char c = s.p[at];
        if (quote != '\0') {
            at += c == '\\';
            quote = c == quote ? '\0' : quote;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '{') {
            depth++;
        } else if (c == '}') {
            if (depth == 0)
                return at;
            depth--;
        }
    }
    return s.n;
}

static bool doubled(struct str s, size_t at)
{
    return at + 1 < s.n && s.p[at + 1] == s.p[at];
}

struct parsing {
    struct compiler *c;
    const struct yaml_node *v;
    struct message_part *parts;
    size_t n;
    char *literal; /* room for all literal text, unescaped */
    size_t used, from;
};

static void literal_end(struct parsing *x)
{
    if (x->used > x->from)
        x->parts[x->n++] = (struct message_part){{x->literal + x->from, x->used - x->from}, NULL};
    x->from = x->used;
}

static enum err expression(struct parsing *x, size_t at, size_t end)
{
    struct str text = x->v->text;
    if (end == text.n) {
        problem_error(x->c->l->problems, yaml_place_in(x->v, at - 1, 1),
                      STR("a brace that is meant as text is written twice: {{"),
                      "this brace is not closed");
        return ERR_OK;
    }
    literal_end(x);
    struct cel_program *p = NULL;
    TRY(compile_expression(x->c, x->v, at, end - at, NULL, &p));
    if (p != NULL)
        x->parts[x->n++] = (struct message_part){{NULL, 0}, p};
    return ERR_OK;
}

enum err message_compile(struct compiler *c, const struct yaml_node *v, struct message *ret)
{
    struct str s = v->text;
    size_t braces = 0;
    for (size_t i = 0; i < s.n; i++)
        braces += s.p[i] == '{';
    struct parsing x = {.c = c, .v = v};
    x.parts = arena_new_array(c->l->arena, 2 * braces + 1, struct message_part);
    x.literal = arena_alloc(c->l->arena, s.n);
    if (x.parts == NULL || x.literal == NULL)
        return ERR_NOMEM;
    *ret = (struct message){x.parts, 0};
    for (size_t i = 0; i < s.n; i++) {
        bool brace = s.p[i] == '{' || s.p[i] == '}';
        if (brace && doubled(s, i)) {
            x.literal[x.used++] = s.p[i++];
        } else if (s.p[i] == '{') {
            size_t end = expression_end(s, i + 1);
            TRY(expression(&x, i + 1, end));
            ret->n = x.n;
            i = end;
        } else if (brace) {
            problem_error(c->l->problems, yaml_place_in(v, i, 1),
                          STR("a brace that is meant as text is written twice: }}"),
                          "no brace is open here");
        } else {
            x.literal[x.used++] = s.p[i];
        }
    }
    literal_end(&x);
    ret->n = x.n;
    return ERR_OK;
}

void message_free(struct message *m)
{
    for (size_t i = 0; i < m->n; i++)
        cel_program_free(m->parts[i].program);
}

/* --- Rendering ------------------------------------------------------------------------------------ */

static enum err part_render(const struct message_part *part, struct policy_eval *e, struct buf *out)
{
    if (buf_len(out) >= LIMIT_MESSAGE_BYTES)
        return ERR_LIMIT;
    if (part->program == NULL)
        return buf_put_str(out, part->text);
    e->cel.cost = 0;
    e->cel.cost_limit = LIMIT_CEL_COST;
    struct cel_value v = cel_evaluate(part->program, &e->cel);
    if (cel_is(v, CEL_ERROR_VALUE) || cel_is(v, CEL_UNKNOWN_VALUE))
        return buf_put_str(out, STR("?"));
    return cel_value_plain(out, v, LIMIT_MESSAGE_VALUE);
}

/* A message that grows too long ends with an ellipsis: it explains the action and is not the action,
 * which is shown in full beside it. */
static enum err parts_render(const struct guardrail *g, struct policy_eval *e, struct buf *out)
{
    for (size_t i = 0; i < g->message.n; i++) {
        enum err err = part_render(&g->message.parts[i], e, out);
        if (err == ERR_LIMIT)
            return buf_put_str(out, STR("…"));
        TRY(err);
    }
    return ERR_OK;
}

enum err guardrail_message(const struct guardrail *g, struct policy_eval *e, const struct hit *h,
                           struct arena *arena, struct str *ret)
{
    if (h->outcome != CEL_OUTCOME_TRUE)
        return arena_printf(arena, ret,
                            "guardrail %.*s could not be evaluated (%.*s), so the action is %s",
                            STR_FMT(g->name), STR_FMT(h->why),
                            g->then == VERDICT_DENY ? "denied" : "held");
    if (g->message.n == 0) {
        *ret = g->default_message;
        return ERR_OK;
    }
    buf_clear(&e->text);
    TRY(parts_render(g, e, &e->text));
    if (buf_len(&e->text) != 0)
        return arena_str(arena, buf_view(&e->text), ret);
    *ret = g->default_message;
    return ERR_OK;
}
