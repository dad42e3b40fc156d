/* The `people:` section: a mapping from names to groups, accounts and users of the machine. */
#include "policy/sections.h"

#include "base/limits.h"
#include "identity/ssh.h"

#include <stdlib.h>

struct person_source {
    struct text_list groups, accounts, os_users, ssh_keys;
    bool admin, auditor;
};

static void read_roles(struct loader *l, const struct yaml_node *v, void *target)
{
    enum { AUDITOR = 1, ADMIN };
    static const struct word words[] = {{"auditor", AUDITOR}, {"admin", ADMIN}};
    struct person_source *s = target;
    struct text_list roles = {NULL, NULL, 0};
    int role;
    field_texts(l, v, &roles);
    for (size_t i = 0; i < roles.n; i++)
        if (field_word(l, roles.nodes[i], words, ARRAY_LEN(words), &role)) {
            s->auditor = s->auditor || role == AUDITOR;
            s->admin = s->admin || role == ADMIN;
        }
}

static const struct field person_fields[] = {
    {"groups", field_texts, offsetof(struct person_source, groups), false},
    {"accounts", field_texts, offsetof(struct person_source, accounts), false},
    {"os_users", field_texts, offsetof(struct person_source, os_users), false},
    {"admin", field_bool, offsetof(struct person_source, admin), false},
    {"roles", read_roles, 0, false},
    {"ssh_keys", field_texts, offsetof(struct person_source, ssh_keys), false},
};

/* `from: [x]` must mean one thing. */
static void check_no_expression(struct loader *l, const struct yaml_node *v)
{
    if (from_is_expression(v->text))
        problem_error(l->problems, yaml_place(v), STR("give it another name"),
                      "`%.*s` would be read as an expression under `from`", STR_FMT(v->text));
}

static void check_groups(struct loader *l, const struct text_list *groups)
{
    for (size_t i = 0; i < groups->n; i++) {
        struct str name = {NULL, 0};
        field_person(l, groups->nodes[i], &name);
        check_no_expression(l, groups->nodes[i]);
    }
}

static bool is_local(const struct loader *l, const struct yaml_node *v)
{
    return l->people_file.n != 0 && str_eq(v->file->path, l->people_file);
}

static void check_ssh_keys(struct loader *l, const struct text_list *keys)
{
    for (size_t i = 0; i < keys->n; i++) {
        struct buf blob CLEANUP(buf_done) = {0};
        buf_init(&blob, LIMIT_SSH_BLOB);
        enum err e = ssh_key_parse(keys->list[i], &blob);
        if (e != ERR_OK)
            problem_error(l->problems, yaml_place(keys->nodes[i]),
                          STR("the line of an id_*.pub file: ssh-ed25519 AAAA…"),
                          e == ERR_UNSUPPORTED
                              ? "this type of key is not taken, or it is an RSA key below 2048 bits"
                              : "this is no SSH public key");
    }
}

static void person_read(struct loader *l, const struct yaml_node *v, struct person *p)
{
    struct person_source s = {.admin = false};
    field_person(l, v->key, &p->name);
    check_no_expression(l, v->key);
    if (v->kind != YAML_NULL) /* `ana:` alone is a person without groups */
        fields_read(l, v, "a person", person_fields, ARRAY_LEN(person_fields), &s);
    check_groups(l, &s.groups);
    check_ssh_keys(l, &s.ssh_keys);
    p->groups = s.groups.list;
    p->n_groups = s.groups.n;
    p->accounts = s.accounts.list;
    p->n_accounts = s.accounts.n;
    p->os_users = s.os_users.list;
    p->n_os_users = s.os_users.n;
    p->admin = s.admin;
    p->auditor = s.auditor;
    p->ssh_keys = s.ssh_keys.list;
    p->n_ssh_keys = s.ssh_keys.n;
    p->is_local = is_local(l, v);
    if (s.os_users.n == 0) {
        p->os_users = &p->name;
        p->n_os_users = 1;
    }
}

/* One name of a person, account or os user with whose it is, for finding doubles by sorting. */
struct owned {
    struct str name;
    const struct yaml_node *at;
    size_t owner;
};

static int owned_compare(const void *x, const void *y)
{
    const struct owned *a = x, *b = y;
    int order = str_cmp(a->name, b->name);
    if (order != 0)
        return order;
    return a->owner < b->owner ? -1 : a->owner > b->owner;
}

static void check_owned(struct loader *l, struct owned *list, size_t n, const char *what,
                        const struct people *all)
{
    if (n > 1)
        qsort(list, n, sizeof(list[0]), owned_compare);
    for (size_t i = 1; i < n; i++)
        if (str_eq(list[i].name, list[i - 1].name) && list[i].owner != list[i - 1].owner)
            problem_error(l->problems, yaml_place(list[i].at), STR(""),
                          "%s `%.*s` is already that of `%.*s`", what, STR_FMT(list[i].name),
                          STR_FMT(all->list[list[i - 1].owner].name));
}

static size_t own(struct owned *list, size_t n, struct str name, const struct yaml_node *at,
                  size_t owner)
{
    list[n] = (struct owned){name, at, owner};
    return n + 1;
}

/* Two people with one account would make self-approval undecidable. */
static void check_distinct(struct loader *l, const struct people *all, const struct yaml_node **nodes)
{
    size_t most = 0;
    for (size_t i = 0; i < all->n; i++)
        most += 1 + all->list[i].n_accounts + all->list[i].n_os_users;
    struct owned *accounts = arena_new_array(l->arena, most, struct owned);
    struct owned *os_users = arena_new_array(l->arena, most, struct owned);
    if (accounts == NULL || os_users == NULL) {
        l->out_of_memory = true;
        return;
    }
    size_t na = 0, no = 0;
    for (size_t i = 0; i < all->n; i++) {
        const struct person *p = &all->list[i];
        na = own(accounts, na, p->name, nodes[i]->key, i);
        for (size_t k = 0; k < p->n_accounts; k++)
            na = own(accounts, na, p->accounts[k], nodes[i]->key, i);
        for (size_t k = 0; k < p->n_os_users; k++)
            no = own(os_users, no, p->os_users[k], nodes[i]->key, i);
    }
    check_owned(l, accounts, na, "the name or account", all);
    check_owned(l, os_users, no, "the user of this machine", all);
}

static int name_compare(const void *x, const void *y)
{
    return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

/* `from: [x]` must mean one thing. */
static void check_group_names(struct loader *l, const struct people *all, const struct yaml_node **nodes)
{
    struct str *names = arena_new_array(l->arena, all->n, struct str);
    if (names == NULL) {
        l->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < all->n; i++)
        names[i] = all->list[i].name;
    if (all->n > 1)
        qsort(names, all->n, sizeof(names[0]), name_compare);
    for (size_t i = 0; i < all->n; i++)
        for (size_t k = 0; k < all->list[i].n_groups; k++)
            if (bsearch(&all->list[i].groups[k], names, all->n, sizeof(names[0]), name_compare) != NULL)
                problem_error(l->problems, yaml_place(nodes[i]->key),
                              STR("give the group another name"),
                              "`%.*s` is a person and cannot be a group as well",
                              STR_FMT(all->list[i].groups[k]));
}

/* `disabled:`, a list of names in any file. */
static void disabled_read(struct loader *l, const struct section *s, struct person *list, size_t n)
{
    for (size_t i = 0; i < s->n; i++) {
        struct text_list names = {NULL, NULL, 0};
        field_texts(l, s->parts[i], &names);
        for (size_t k = 0; k < names.n; k++) {
            struct person *p = NULL;
            for (size_t m = 0; m < n && p == NULL; m++)
                p = str_eq(list[m].name, names.list[k]) ? &list[m] : NULL;
            if (p == NULL) {
                problem_error(l->problems, yaml_place(names.nodes[k]), STR(""),
                              "nobody named `%.*s` is under `people:`", STR_FMT(names.list[k]));
                continue;
            }
            p->disabled = true;
            p->disabled_locally = p->disabled_locally || is_local(l, names.nodes[k]);
        }
    }
}

bool people_read(struct loader *l, const struct section *s, const struct section *disabled,
                 struct people *ret)
{
    size_t most = 0, n = 0, errors = l->problems->n_errors;
    for (size_t i = 0; i < s->n; i++)
        most += s->parts[i]->n;
    if (most > LIMIT_PEOPLE) {
        problem_error(l->problems, yaml_place(s->parts[0]), STR(""), "more than %d people",
                      LIMIT_PEOPLE);
        return false;
    }
    struct person *list = arena_new_array(l->arena, most, struct person);
    const struct yaml_node **nodes = arena_new_array(l->arena, most, const struct yaml_node *);
    if (list == NULL || nodes == NULL) {
        l->out_of_memory = true;
        return false;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (!field_is_mapping(l, s->parts[i], "a mapping of names"))
            continue;
        for (const struct yaml_node *v = s->parts[i]->first; v != NULL; v = v->next) {
            nodes[n] = v;
            person_read(l, v, &list[n++]);
        }
    }
    disabled_read(l, disabled, list, n);
    *ret = (struct people){.list = list, .n = n};
    check_distinct(l, ret, nodes);
    check_group_names(l, ret, nodes);
    return l->problems->n_errors == errors;
}
