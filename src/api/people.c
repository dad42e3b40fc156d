/* Who is who, and changes of the people that the gateway itself keeps. */
#include "api/internal.h"

static void put_groups(struct json *j, const struct person *p)
{
    json_key(j, "groups");
    json_array_begin(j);
    for (size_t i = 0; p != NULL && i < p->n_groups; i++)
        json_str(j, p->groups[i]);
    json_array_end(j);
}

void api_whoami(struct api_call *c)
{
    struct json *j = &c->json;
    json_object_begin(j);
    json_put_str(j, "person", c->caller.is.person);
    put_groups(j, c->caller.person);
    json_put_bool(j, "operator", c->caller.is.is_operator);
    json_put_str(j, "via", c->caller.is.via);
    put_scopes(j, c->caller.scopes);
    json_key(j, "ssh_keys");
    json_array_begin(j);
    for (size_t i = 0; c->caller.person != NULL && i < c->caller.person->n_ssh_keys; i++)
        json_str(j, c->caller.person->ssh_keys[i]);
    json_array_end(j);
    json_object_end(j);
    reply_json(c, 200);
}

void api_list_people(struct api_call *c)
{
    const struct people *all = &c->api->config->people;
    struct json *j = &c->json;
    json_object_begin(j);
    json_key(j, "people");
    json_array_begin(j);
    for (size_t i = 0; i < all->n; i++) {
        const struct person *p = &all->list[i];
        json_object_begin(j);
        json_put_str(j, "name", p->name);
        put_groups(j, p);
        json_put_bool(j, "admin", p->admin);
        json_put_bool(j, "auditor", p->auditor);
        json_put_bool(j, "disabled", p->disabled);
        json_put_bool(j, "local", p->is_local);
        json_put_int(j, "ssh_keys", (int64_t)p->n_ssh_keys);
        json_object_end(j);
    }
    json_array_end(j);
    json_object_end(j);
    reply_json(c, 200);
}

/* --- Changes -------------------------------------------------------------------------------- */

static const struct {
    enum err e;
    int status;
    const char *code, *message, *hint;
} change_errors[] = {
    {ERR_EXISTS, 409, "exists", "it is so already", NULL},
    {ERR_NOT_FOUND, 404, "not_found", "there is no such person", "`countersign user list` has them"},
    {ERR_INVALID, 422, "invalid", "the configuration would not load with this", NULL},
    {ERR_UNSUPPORTED, 409, "no_people_file", "this gateway keeps no people of its own",
     "set `people_file: people.yaml` in countersign.yaml, then reload; or change `people:` there"},
};

static void change(struct api_call *c, const struct people_change *wanted)
{
    struct broker_error said = {""};
    const struct api_owner *owner = c->api->owner;
    enum err e = owner != NULL ? owner->change_people(c->api->owner_ctx, wanted, &c->caller.is, c->now, &said)
                               : ERR_UNSUPPORTED;
    for (size_t i = 0; i < ARRAY_LEN(change_errors); i++)
        if (change_errors[i].e == e) {
            reply_error(c, change_errors[i].status, change_errors[i].code,
                        said.text[0] != '\0' ? said.text : change_errors[i].message,
                        change_errors[i].hint);
            return;
        }
    if (e != ERR_OK) {
        reply_broker_error(c, e, &said);
        return;
    }
    json_object_begin(&c->json);
    json_put_str(&c->json, "name", wanted->person);
    json_put_bool(&c->json, "disabled", wanted->kind == PEOPLE_DISABLE);
    json_object_end(&c->json);
    reply_json(c, wanted->kind == PEOPLE_ADD ? 201 : 200);
}

void api_add_person(struct api_call *c)
{
    enum { NAME, GROUPS, ROLES };
    struct field fields[] = {
        [NAME] = {.name = "name", .required = true},
        [GROUPS] = {.name = "groups"},
        [ROLES] = {.name = "roles"},
    };
    if (!call_fields(c, fields, ARRAY_LEN(fields)))
        return;
    struct people_change wanted = {PEOPLE_ADD, fields[NAME].value, fields[GROUPS].value, fields[ROLES].value};
    change(c, &wanted);
}

static void change_one(struct api_call *c, enum people_change_kind kind)
{
    struct field name = {.name = "name", .required = true};
    if (!call_fields(c, &name, 1))
        return;
    struct people_change wanted = {.kind = kind, .person = name.value};
    change(c, &wanted);
}

void api_disable_person(struct api_call *c)
{
    change_one(c, PEOPLE_DISABLE);
}

void api_enable_person(struct api_call *c)
{
    change_one(c, PEOPLE_ENABLE);
}
