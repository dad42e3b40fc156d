/* `audit:` of the configuration: what of the log is settled there (model/audit_settings.h). */
#include "base/limits.h"
#include "policy/config.h"
#include "policy/sections.h"

/* Bytes are not text: `text` of a redaction covers the statement, `parameters` what it was called with. */
enum { REDACT_TEXT = 1, REDACT_PARAMETERS };

struct redaction_keys {
    struct audit_redaction r;
    struct text_list resources, subjects, guardrails, kinds;
};

static void read_what(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct word words[] = {{"text", REDACT_TEXT}, {"parameters", REDACT_PARAMETERS}};
    struct audit_redaction *r = target;
    bool many = v->kind == YAML_SEQUENCE;
    for (const struct yaml_node *e = many ? v->first : v; e != NULL; e = many ? e->next : NULL) {
        int what;
        if (!field_word(l, e, words, ARRAY_LEN(words), &what))
            return;
        r->text = r->text || what == REDACT_TEXT;
        r->parameters = r->parameters || what == REDACT_PARAMETERS;
    }
}

static void read_redaction(struct loader *l, const struct yaml_node *v, struct audit_redaction *ret)
{
    static const struct field fields[] = {
        {"name", field_name, offsetof(struct redaction_keys, r.name), true},
        {"redact", read_what, offsetof(struct redaction_keys, r), true},
        {"resources", field_texts, offsetof(struct redaction_keys, resources), false},
        {"subjects", field_texts, offsetof(struct redaction_keys, subjects), false},
        {"guardrails", field_texts, offsetof(struct redaction_keys, guardrails), false},
        {"kinds", field_texts, offsetof(struct redaction_keys, kinds), false},
    };
    struct redaction_keys k = {.r = {.n_kinds = 0}};
    if (!fields_read(l, v, "a redaction", fields, ARRAY_LEN(fields), &k))
        return;
    *ret = k.r;
    ret->resources = k.resources.list;
    ret->n_resources = k.resources.n;
    ret->subjects = k.subjects.list;
    ret->n_subjects = k.subjects.n;
    ret->guardrails = k.guardrails.list;
    ret->n_guardrails = k.guardrails.n;
    ret->kinds = k.kinds.list;
    ret->n_kinds = k.kinds.n;
}

static void read_redactions(struct loader *l, const struct yaml_node *v, void *target)
{
    struct audit_settings *a = target;
    size_t n = 0;
    if (!field_is_sequence(l, v, "a list of redactions"))
        return;
    struct audit_redaction *list = arena_new_array(l->arena, v->n + 1, struct audit_redaction);
    if (list == NULL) {
        l->out_of_memory = true;
        return;
    }
    for (const struct yaml_node *e = v->first; e != NULL; e = e->next)
        read_redaction(l, e, &list[n++]);
    a->redactions = list;
    a->n_redactions = n;
}

static void read_witnesses(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct field fields[] = {
        {"url", field_text, offsetof(struct audit_witness, url), true},
        {"key", field_text, offsetof(struct audit_witness, key), true},
    };
    struct audit_settings *a = target;
    size_t n = 0;
    if (!field_is_sequence(l, v, "a list of witnesses"))
        return;
    struct audit_witness *list = arena_new_array(l->arena, v->n + 1, struct audit_witness);
    if (list == NULL) {
        l->out_of_memory = true;
        return;
    }
    for (const struct yaml_node *e = v->first; e != NULL; e = e->next)
        if (fields_read(l, e, "a witness", fields, ARRAY_LEN(fields), &list[n]))
            n++;
    a->witnesses = list;
    a->n_witnesses = n;
}

static void read_signer(struct loader *l, const struct yaml_node *v, void *target)
{
    struct audit_settings *a = target;
    struct text_list words = {NULL, NULL, 0};
    field_texts(l, v, &words);
    a->signer = words.list;
    a->n_signer = words.n;
}

static void read_what_is_recorded(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct word words[] = {{"matched", AUDIT_MATCHED}, {"all", AUDIT_ALL}};
    int what;
    if (field_word(l, v, words, ARRAY_LEN(words), &what))
        *(enum audit_what *)target = (enum audit_what)what;
}

static void read_retain(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct field fields[] = {
        {"bodies", field_duration, offsetof(struct audit_settings, retain_bodies_ns), true},
    };
    fields_read(l, v, "`retain`", fields, ARRAY_LEN(fields), target);
}

void audit_read_section(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct field fields[] = {
        {"directory", field_path, offsetof(struct config, audit_directory), false},
        {"record", read_what_is_recorded, offsetof(struct config, audit_what), false},
        {"retain", read_retain, offsetof(struct config, audit), false},
        {"origin", field_text, offsetof(struct config, audit.origin), false},
        {"vault", field_path, offsetof(struct config, audit.vault), false},
        {"signer", read_signer, offsetof(struct config, audit), false},
        {"public_key", field_text, offsetof(struct config, audit.public_key), false},
        {"redact", read_redactions, offsetof(struct config, audit), false},
        {"witnesses", read_witnesses, offsetof(struct config, audit), false},
    };
    struct config *c = target;
    fields_read(l, v, "`audit`", fields, ARRAY_LEN(fields), target);
    if ((c->audit.n_signer != 0) != (c->audit.public_key.n != 0))
        problem_error(l->problems, yaml_place(v), STR("both, or neither: then the log keeps a key of its own"),
                      "`audit.signer` and `audit.public_key` belong together");
}
