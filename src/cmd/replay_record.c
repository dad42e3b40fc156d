#include "cmd/replay_record.h"

static bool was_put_apart(const struct json_part *v)
{
    struct json_part mark;
    return (json_member(v, "erased", &mark) || json_member(v, "sealed", &mark)) &&
           json_part_is_true(&mark);
}

static void text_member(const struct json_part *data, const char *name, struct arena *a,
                        struct str *ret)
{
    struct json_part v;
    if (!json_member(data, name, &v) || json_part_text(&v, a, ret) != ERR_OK)
        *ret = (struct str){NULL, 0};
}

/* The text of the action: in the envelope, else beside it. */
static void read_text(const struct json_part *data, struct arena *a, struct replay_record *r)
{
    struct json_part v, envelope, action;
    struct str bytes;
    if (json_member(data, "envelope", &v)) {
        r->paper.text_known = json_part_text(&v, a, &bytes) == ERR_OK &&
                              json_part_of(bytes, &envelope) &&
                              json_member(&envelope, "action", &action) &&
                              json_member(&action, "text", &v) &&
                              json_part_text(&v, a, &r->paper.text) == ERR_OK;
        return;
    }
    r->paper.text_known = json_member(data, "text", &v) &&
                          json_part_text(&v, a, &r->paper.text) == ERR_OK;
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

static enum err read_opened(const struct json_part *data, struct arena *a, struct replay_record *r)
{
    struct json_part why, facts;
    r->was = VERDICT_HOLD;
    r->has_approvals = json_member(data, "approvals", &r->approvals);
    if (!json_member(data, "explanation", &why))
        return ERR_OK;
    r->erased = was_put_apart(&why);
    r->has_guardrails = json_member(&why, "guardrails", &r->guardrails);
    if (json_member(&why, "facts", &facts) && !read_facts(&facts, a, r))
        return ERR_INVALID;
    return ERR_OK;
}

static enum err read_action(const struct json_part *data, struct arena *a, struct replay_record *r)
{
    struct json_part facts;
    struct str verdict;
    text_member(data, "verdict", a, &verdict);
    if (verdict_parse(verdict, &r->was) != ERR_OK)
        return ERR_INVALID;
    r->has_guardrails = json_member(data, "guardrails", &r->guardrails);
    text_member(data, "vocabulary", a, &r->vocabulary);
    if (json_member(data, "facts", &facts) && !read_facts(&facts, a, r))
        return ERR_INVALID;
    return ERR_OK;
}

enum err replay_record_read(const struct audit_entry *e, struct arena *a, struct replay_record *ret)
{
    struct json_part data;
    struct replay_record r = {.was = VERDICT_DENY};
    bool opened = str_is(e->kind, "opened");
    if (!opened && !str_is(e->kind, "action"))
        return ERR_NOT_FOUND;
    if (!json_part_of(e->data, &data))
        return ERR_INVALID;
    TRY(opened ? read_opened(&data, a, &r) : read_action(&data, a, &r));
    read_text(&data, a, &r);
    text_member(&data, "subject", a, &r.subject);
    text_member(&data, "person", a, &r.person);
    text_member(&data, "on_behalf_of", a, &r.on_behalf_of);
    text_member(&data, "resource", a, &r.resource);
    r.paper.time_wall_ns = e->wall_ns;
    *ret = r;
    return ERR_OK;
}
