#include "cmd/replay_record.h"

/* The members of `data` that are looked at, in one pass. */
enum member {
    M_VERDICT,
    M_GUARDRAILS,
    M_FACTS,
    M_VOCABULARY,
    M_ENVELOPE,
    M_TEXT,
    M_EXPLANATION,
    M_APPROVALS,
    M_SUBJECT,
    M_PERSON,
    M_ON_BEHALF_OF,
    M_RESOURCE,
    M_COUNT
};

static const char *const member_names[M_COUNT] = {
    [M_VERDICT] = "verdict",           [M_GUARDRAILS] = "guardrails",
    [M_FACTS] = "facts",               [M_VOCABULARY] = "vocabulary",
    [M_ENVELOPE] = "envelope",         [M_TEXT] = "text",
    [M_EXPLANATION] = "explanation",   [M_APPROVALS] = "approvals",
    [M_SUBJECT] = "subject",           [M_PERSON] = "person",
    [M_ON_BEHALF_OF] = "on_behalf_of", [M_RESOURCE] = "resource",
};

/* What was put apart and is not there any more stands as an object that says so. */
static bool was_put_apart(const struct json_part *v)
{
    struct json_parts it = json_parts_of(v);
    struct json_part mark;
    struct str key;
    while (json_parts_next(&it, &key, &mark)) {
        if (str_is(key, "erased") || str_is(key, "sealed"))
            return json_part_is_true(&mark);
        if (memchr(key.p, '.', key.n) != NULL) /* the name of a fact */
            break;
    }
    return false;
}

static void text_of(const struct json_part *v, struct arena *a, struct str *ret)
{
    if (v->kind == JSON_IS_MISSING || json_part_text(v, a, ret) != ERR_OK)
        *ret = (struct str){NULL, 0};
}

/* The text of the action: in the envelope, else beside it. */
static void read_text(const struct json_part *m, struct arena *a, struct replay_record *r)
{
    struct json_part v, envelope, action;
    struct str bytes;
    const struct json_part *text = &m[M_TEXT];
    if (m[M_ENVELOPE].kind != JSON_IS_MISSING) {
        if (json_part_text(&m[M_ENVELOPE], a, &bytes) != ERR_OK || !json_part_of(bytes, &envelope) ||
            !json_member(&envelope, "action", &action) || !json_member(&action, "text", &v))
            return;
        text = &v;
    }
    r->paper.text_known = text->kind != JSON_IS_MISSING &&
                          json_part_text(text, a, &r->paper.text) == ERR_OK;
}

static bool read_facts(const struct json_part *facts, struct arena *a, struct replay_record *r)
{
    struct json_part v;
    struct str kind;
    if (was_put_apart(facts)) {
        r->erased = true;
        return true;
    }
    if (!json_member(facts, "action.kind", &v) || json_part_text(&v, a, &kind) != ERR_OK ||
        action_kind_parse(kind, &r->paper.kind) != ERR_OK)
        return false;
    r->paper.facts = *facts;
    r->has_facts = true;
    return true;
}

static enum err read_opened(const struct json_part *m, struct arena *a, struct replay_record *r)
{
    struct json_part facts;
    r->was = VERDICT_HOLD;
    r->approvals = m[M_APPROVALS];
    if (m[M_EXPLANATION].kind == JSON_IS_MISSING)
        return ERR_OK;
    r->erased = was_put_apart(&m[M_EXPLANATION]);
    if (!json_member(&m[M_EXPLANATION], "guardrails", &r->guardrails))
        r->guardrails.kind = JSON_IS_MISSING;
    if (json_member(&m[M_EXPLANATION], "facts", &facts) && !read_facts(&facts, a, r))
        return ERR_INVALID;
    return ERR_OK;
}

static enum err read_action(const struct json_part *m, struct arena *a, struct replay_record *r)
{
    struct str verdict;
    text_of(&m[M_VERDICT], a, &verdict);
    if (verdict_parse(verdict, &r->was) != ERR_OK)
        return ERR_INVALID;
    r->guardrails = m[M_GUARDRAILS];
    if (m[M_FACTS].kind != JSON_IS_MISSING && !read_facts(&m[M_FACTS], a, r))
        return ERR_INVALID;
    return ERR_OK;
}

enum err replay_record_read(const struct audit_entry *e, struct arena *a, struct replay_record *ret)
{
    struct json_part data, m[M_COUNT];
    struct replay_record r = {.was = VERDICT_DENY};
    bool opened = str_is(e->kind, "opened");
    if (!opened && !str_is(e->kind, "action"))
        return ERR_NOT_FOUND;
    if (!json_part_of(e->data, &data))
        return ERR_INVALID;
    json_pick(&data, member_names, M_COUNT, m);
    TRY(opened ? read_opened(m, a, &r) : read_action(m, a, &r));
    read_text(m, a, &r);
    text_of(&m[M_VOCABULARY], a, &r.vocabulary);
    text_of(&m[M_SUBJECT], a, &r.subject);
    text_of(&m[M_PERSON], a, &r.person);
    text_of(&m[M_ON_BEHALF_OF], a, &r.on_behalf_of);
    text_of(&m[M_RESOURCE], a, &r.resource);
    r.paper.time_wall_ns = e->wall_ns;
    *ret = r;
    return ERR_OK;
}
