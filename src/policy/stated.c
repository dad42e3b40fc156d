#include "policy/stated.h"

#include "policy/cel/re2.h"

enum { NOT_REQUIRED = 1, REQUIRED };
static const struct word words[] = {{"required", REQUIRED}, {"optional", NOT_REQUIRED}};

static void read_required(struct loader *l, const struct yaml_node *v, void *target)
{
    int word = 0;
    if (field_word(l, v, words, ARRAY_LEN(words), &word))
        *(bool *)target = word == REQUIRED;
}

/* `required` is the requester's reason; a mapping says whose. */
void field_reason(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct field fields[] = {
        {"requester", read_required, offsetof(struct must_state, reason_of_requester), false},
        {"approver", read_required, offsetof(struct must_state, reason_of_approver), false},
    };
    struct must_state *m = target;
    m->said = true;
    if (v->kind == YAML_MAPPING)
        fields_read(l, v, "`reason`", fields, ARRAY_LEN(fields), m);
    else
        read_required(l, v, &m->reason_of_requester);
}

void field_ticket(struct loader *l, const struct yaml_node *v, void *target)
{
    struct must_state *m = target;
    m->ticket_at = v;
    read_required(l, v, &m->ticket);
}

/* --- The tracker ------------------------------------------------------------------------------ */

static void read_pattern(struct loader *l, const struct yaml_node *v, void *target)
{
    struct cel_regex *r = NULL;
    char why[256];
    struct str whole;
    if (!field_is_scalar(l, v, "a pattern"))
        return;
    if (arena_printf(l->arena, &whole, "\\A(?:%.*s)\\z", STR_FMT(v->text)) != ERR_OK) {
        l->out_of_memory = true;
        return;
    }
    if (v->text.n == 0 || cel_regex_new(whole, &r, why, sizeof(why)) != ERR_OK)
        problem_error(l->problems, yaml_place(v), STR("an RE2 pattern of the whole ticket: OPS-[0-9]+"),
                      "this pattern cannot be compiled%s%s", v->text.n != 0 ? ": " : "",
                      v->text.n != 0 ? why : "");
    else
        *(struct str *)target = v->text;
    cel_regex_free(r);
}

static void read_url(struct loader *l, const struct yaml_node *v, void *target)
{
    if (!field_is_scalar(l, v, "a URL"))
        return;
    if (str_starts(v->text, STR("https://")) || str_starts(v->text, STR("http://")))
        *(struct str *)target = v->text;
    else
        problem_error(l->problems, yaml_place(v), STR("write https://tracker.example/{ticket}"),
                      "`%.*s` is not a URL", STR_FMT(v->text));
}

bool ticket_read(struct loader *l, const struct section *s, struct ticket_rule *ret)
{
    static const struct field fields[] = {
        {"pattern", read_pattern, offsetof(struct ticket_rule, pattern), false},
        {"url", read_url, offsetof(struct ticket_rule, url), false},
        {"check", read_url, offsetof(struct ticket_rule, check), false},
    };
    size_t errors = l->problems->n_errors;
    if (s->n > 1)
        problem_error(l->problems, yaml_place(s->parts[1]->key), STR("keep one of them"),
                      "`ticket` stands in more than one file");
    if (s->n != 0)
        fields_read(l, s->parts[0], "`ticket`", fields, ARRAY_LEN(fields), ret);
    return l->problems->n_errors == errors;
}
