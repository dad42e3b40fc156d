/*
 * The `groups:` section: groups whose members change with time. Others exist because somebody under
 * `people:` is in them.
 */
#include "policy/sections.h"

#include "base/clock.h"

struct group_source {
    const struct yaml_node *schedule, *webhook;
    int64_t refresh_ns, stale_ns;
};

static const struct field group_fields[] = {
    {"schedule", field_node, offsetof(struct group_source, schedule), false},
    {"webhook", field_node, offsetof(struct group_source, webhook), false},
    {"refresh", field_duration, offsetof(struct group_source, refresh_ns), false},
    {"stale", field_duration, offsetof(struct group_source, stale_ns), false},
};

static const struct config_file *file_of(struct loader *l, const struct yaml_node *v,
                                         const struct config_file *files, size_t n)
{
    struct str path;
    if (path_join(l->arena, path_folder(v->file->path), v->text, &path) != ERR_OK) {
        l->out_of_memory = true;
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        if (str_eq(files[i].path, path))
            return &files[i];
    return NULL;
}

/* Whoever an attendee is, else whom the summary names; NULL where that is nobody. */
static const struct person *person_of(const struct people *people, const struct ical_event *e)
{
    for (size_t i = 0; i < e->n_people; i++) {
        const struct person *p = people_by_account(people, e->people[i]);
        if (p != NULL)
            return p;
    }
    return people_by_account(people, e->summary);
}

static void put_shifts(struct loader *l, const struct config_file *f, const struct ical *c,
                       const struct people *people, struct duty_group *g)
{
    struct duty_shift *list = arena_new_array(l->arena, c->n, struct duty_shift);
    if (list == NULL) {
        l->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < c->n; i++) {
        const struct ical_event *e = &c->events[i];
        const struct person *p = person_of(people, e);
        if (p != NULL)
            list[g->n_shifts++] = (struct duty_shift){p->name, e};
        else if (!e->cancelled)
            problem_warning(l->problems, ((struct place){f, e->line, 1, 1}),
                            STR("SUMMARY or an ATTENDEE is a person of `people:`, or one of their accounts"),
                            "nobody under `people:` is `%.*s`: this shift puts nobody on duty",
                            STR_FMT(e->summary));
    }
    g->shifts = list;
}

static void read_schedule(struct loader *l, const struct yaml_node *v, const struct config_file *files,
                          size_t n_files, const struct people *people, struct duty_group *g)
{
    struct ical c;
    struct ical_error said;
    if (!field_is_scalar(l, v, "a file"))
        return;
    const struct config_file *f = file_of(l, v, files, n_files);
    if (f == NULL)
        return; /* that it cannot be read was said */
    enum err e = ical_parse(f->text, l->arena, &c, &said);
    if (e == ERR_OK)
        put_shifts(l, f, &c, people, g);
    else if (e == ERR_NOMEM)
        l->out_of_memory = true;
    else
        problem_error(l->problems, ((struct place){f, said.line, 1, 1}), STR(""), "%s",
                      e == ERR_LIMIT ? "this schedule has too many events" : said.text);
}

static void read_webhook(struct loader *l, const struct yaml_node *v, const struct group_source *s,
                         struct duty_group *g)
{
    if (!field_is_scalar(l, v, "a URL"))
        return;
    if (!str_starts(v->text, STR("https://")) && !str_starts(v->text, STR("http://")))
        problem_error(l->problems, yaml_place(v), STR("write https://host/path"), "`%.*s` is not a URL",
                      STR_FMT(v->text));
    g->webhook = v->text;
    g->refresh_ns = s->refresh_ns != 0 ? s->refresh_ns : 60 * NS_PER_S;
    g->stale_ns = s->stale_ns != 0 ? s->stale_ns : 10 * g->refresh_ns;
    if (g->stale_ns <= g->refresh_ns)
        problem_error(l->problems, yaml_place(v), STR("make `stale` longer than `refresh`"),
                      "what it said would be too old before it is asked again");
}

static void group_read(struct loader *l, const struct yaml_node *v, const struct config_file *files,
                       size_t n_files, const struct people *people, struct duty_group *g)
{
    struct group_source s = {.refresh_ns = 0};
    field_person(l, v->key, &g->name);
    if (from_is_expression(v->key->text))
        problem_error(l->problems, yaml_place(v->key), STR("give it another name"),
                      "`%.*s` would be read as an expression under `from`", STR_FMT(v->key->text));
    for (size_t i = 0; i < people->n; i++)
        if (person_is_or_belongs(&people->list[i], g->name))
            problem_error(l->problems, yaml_place(v->key), STR("give it another name"),
                          "`%.*s` is a person or a group of `people:` already", STR_FMT(g->name));
    if (!fields_read(l, v, "a group", group_fields, ARRAY_LEN(group_fields), &s))
        return;
    if ((s.schedule != NULL) == (s.webhook != NULL))
        problem_error(l->problems, yaml_place(v->key), STR("schedule: FILE.ics, or webhook: URL"),
                      "a group here has a schedule or a webhook");
    else if (s.schedule != NULL)
        read_schedule(l, s.schedule, files, n_files, people, g);
    else
        read_webhook(l, s.webhook, &s, g);
}

bool groups_read(struct loader *l, const struct section *s, const struct config_file *files,
                 size_t n_files, struct people *people, struct duty_groups *ret)
{
    size_t n = 0, errors = l->problems->n_errors;
    struct duty_group *list = arena_new_array(l->arena, LIMIT_DUTY_GROUPS, struct duty_group);
    struct str *names = arena_new_array(l->arena, LIMIT_DUTY_GROUPS, struct str);
    if (list == NULL || names == NULL) {
        l->out_of_memory = true;
        return false;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (!field_is_mapping(l, s->parts[i], "a mapping of names"))
            continue;
        for (const struct yaml_node *v = s->parts[i]->first; v != NULL; v = v->next) {
            if (n == LIMIT_DUTY_GROUPS) {
                problem_error(l->problems, yaml_place(v), STR(""), "more than %d groups", LIMIT_DUTY_GROUPS);
                return false;
            }
            group_read(l, v, files, n_files, people, &list[n]);
            names[n] = list[n].name;
            n++;
        }
    }
    people->duty_groups = names;
    people->n_duty_groups = n;
    *ret = (struct duty_groups){list, n};
    return l->problems->n_errors == errors;
}
