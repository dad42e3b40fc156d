#include "policy/config.h"

#include "base/clock.h"
#include "base/limits.h"
#include "policy/compile.h"
#include "policy/recorded.h"

#include <stdlib.h>

struct loaded {
    struct config config; /* first: what callers hold */
    struct arena arena;
    unsigned refs;
    struct policy *policy;
    struct config_file *files;
    struct policy_parts parts;
};

/* One load: what the files said, before it is a configuration. */
struct loading {
    struct loader l;
    struct loaded *c;
    const struct config_source *source;
    struct problems problems;
    size_t depth;
    bool unreadable; /* a file is missing or no YAML: names from it would seem unknown */
    struct section resources, people, disabled, macros, defaults, guardrails, break_glass,
        ticket, groups;
};

/* --- Settings --------------------------------------------------------------------------------- */

static void read_api(struct loader *l, const struct yaml_node *v, void *target)
{
    struct config *c = target;
    if (!field_is_scalar(l, v, "an address"))
        return;
    if (address_parse(v->text, 0, &c->api) == ERR_OK)
        c->has_api = true;
    else
        problem_error(l->problems, yaml_place(v), STR("write host:port, for example 127.0.0.1:7070"),
                      "`%.*s` is not an address", STR_FMT(v->text));
}

static void read_url(struct loader *l, const struct yaml_node *v, void *target)
{
    if (!field_is_scalar(l, v, "a URL"))
        return;
    struct str url = v->text;
    while (url.n != 0 && url.p[url.n - 1] == '/')
        url.n--;
    if (str_starts(url, STR("https://")) || str_starts(url, STR("http://")))
        *(struct str *)target = url;
    else
        problem_error(l->problems, yaml_place(v), STR("write https://host[:port]"),
                      "`%.*s` is not a URL that a browser can open", STR_FMT(v->text));
}

static void read_store(struct loader *l, const struct yaml_node *v, void *target)
{
    if (!field_is_scalar(l, v, "a store"))
        return;
    struct str kind = {NULL, 0}, path = {NULL, 0};
    if (!str_cut(v->text, ':', &kind, &path) || !str_is(kind, "sqlite") || path.n == 0)
        problem_error(l->problems, yaml_place(v), STR("write sqlite:FILE"),
                      "`%.*s` is not a store", STR_FMT(v->text));
    else if (path_join(l->arena, l->folder, path, target) != ERR_OK)
        l->out_of_memory = true;
}

static void read_workers(struct loader *l, const struct yaml_node *v, void *target)
{
    uint32_t n = 0;
    field_count(l, v, &n);
    if (n > LIMIT_WORKERS)
        problem_error(l->problems, yaml_place(v), STR("0, or leave it out: one per core"),
                      "at most %d workers", LIMIT_WORKERS);
    else
        *(uint32_t *)target = n;
}

static void read_version(struct loader *l, const struct yaml_node *v, void *target)
{
    (void)target;
    if (field_is_scalar(l, v, "1") && !str_is(v->text, "1"))
        problem_error(l->problems, yaml_place(v), STR("this is version 1 of the format"),
                      "version `%.*s` is not known", STR_FMT(v->text));
}

static void read_open_requests(struct loader *l, const struct yaml_node *v, void *target)
{
    uint32_t n = 0;
    field_count(l, v, &n);
    if (n == 0 || n > LIMIT_OPEN_REQUESTS)
        problem_error(l->problems, yaml_place(v), STR("how many requests of one subject may be open at a time"),
                      "`open_requests` is 1 to %d", LIMIT_OPEN_REQUESTS);
    else
        *(uint32_t *)target = n;
}

/* --- Files ------------------------------------------------------------------------------------ */

struct file_keys {
    const struct yaml_node *include, *resources, *people, *disabled, *macros, *defaults, *guardrails,
        *break_glass, *ticket, *groups;
};

#define SECTION_FIELDS(struct_type, prefix)                                                        \
    {"include", field_node, offsetof(struct_type, prefix include), false},                         \
        {"resources", field_node, offsetof(struct_type, prefix resources), false},                 \
        {"people", field_node, offsetof(struct_type, prefix people), false},                       \
        {"disabled", field_node, offsetof(struct_type, prefix disabled), false},                   \
        {"macros", field_node, offsetof(struct_type, prefix macros), false},                       \
        {"groups", field_node, offsetof(struct_type, prefix groups), false},                       \
        {"ticket", field_node, offsetof(struct_type, prefix ticket), false},                       \
        {"defaults", field_node, offsetof(struct_type, prefix defaults), false},                   \
        {"guardrails", field_node, offsetof(struct_type, prefix guardrails), false},               \
        {"break_glass", field_node, offsetof(struct_type, prefix break_glass), false}

struct main_keys {
    struct config c;
    struct file_keys file;
};
#define IN_CONFIG(member) offsetof(struct main_keys, c.member)

static const struct field main_fields[] = {
    {"version", read_version, 0, true},
    {"api", read_api, offsetof(struct main_keys, c), false},
    {"api_url", read_url, IN_CONFIG(api_url), false},
    {"socket", field_path, IN_CONFIG(socket), false},
    {"store", read_store, IN_CONFIG(store), false},
    {"audit", audit_read_section, offsetof(struct main_keys, c), false},
    {"workers", read_workers, IN_CONFIG(workers), false},
    {"user", field_text, IN_CONFIG(user), false},
    {"oidc", oidc_read, IN_CONFIG(oidc), false},
    {"people_file", field_path, IN_CONFIG(people_file), false},
    {"notice_interval", field_duration, IN_CONFIG(notice_interval_ns), false},
    {"open_requests", read_open_requests, IN_CONFIG(open_requests), false},
    SECTION_FIELDS(struct main_keys, file.),
};

static const struct field included_fields[] = {
    {"version", read_version, 0, false},
    SECTION_FIELDS(struct file_keys, ),
};

/* What the gateway itself writes: nothing else may stand there, since it would be lost. */
static const struct field people_file_fields[] = {
    {"version", read_version, 0, false},
    {"people", field_node, offsetof(struct file_keys, people), false},
    {"disabled", field_node, offsetof(struct file_keys, disabled), false},
};

static enum err load_file(struct loading *x, struct str path, struct place from);

static void section_add(struct section *s, const struct yaml_node *v)
{
    if (v != NULL && v->kind != YAML_NULL && s->n < ARRAY_LEN(s->parts))
        s->parts[s->n++] = v;
}

static enum err load_includes(struct loading *x, const struct yaml_node *v, struct str folder)
{
    struct text_list paths = {NULL, NULL, 0};
    if (v == NULL || v->kind == YAML_NULL)
        return ERR_OK;
    field_texts(&x->l, v, &paths);
    for (size_t i = 0; i < paths.n; i++) {
        struct str path;
        TRY(path_join(x->l.arena, folder, paths.list[i], &path));
        TRY(load_file(x, path, yaml_place(paths.nodes[i])));
    }
    return ERR_OK;
}

static enum err load_schedules(struct loading *x, const struct yaml_node *v, struct str folder);

static enum err read_sections(struct loading *x, const struct config_file *f,
                              const struct yaml_node *root)
{
    struct main_keys keys = {.c = x->c->config};
    if (x->depth == 1) {
        fields_read(&x->l, root, "the configuration", main_fields, ARRAY_LEN(main_fields), &keys);
        x->c->config = keys.c;
        x->l.people_file = keys.c.people_file;
    } else if (root->kind != YAML_NULL && str_eq(f->path, x->l.people_file)) {
        fields_read(&x->l, root, "the file of local people", people_file_fields,
                    ARRAY_LEN(people_file_fields), &keys.file);
    } else if (root->kind != YAML_NULL) {
        fields_read(&x->l, root, "an included file", included_fields, ARRAY_LEN(included_fields),
                    &keys.file);
    }
    section_add(&x->resources, keys.file.resources);
    section_add(&x->people, keys.file.people);
    section_add(&x->disabled, keys.file.disabled);
    section_add(&x->macros, keys.file.macros);
    section_add(&x->ticket, keys.file.ticket);
    section_add(&x->groups, keys.file.groups);
    TRY(load_schedules(x, keys.file.groups, path_folder(f->path)));
    section_add(&x->defaults, keys.file.defaults);
    section_add(&x->guardrails, keys.file.guardrails);
    section_add(&x->break_glass, keys.file.break_glass);
    TRY(load_includes(x, keys.file.include, path_folder(f->path)));
    return x->depth == 1 && x->l.people_file.n != 0
               ? load_file(x, x->l.people_file, (struct place){f, 0, 0, 0})
               : ERR_OK;
}

static bool file_refused(struct loading *x, struct str path, struct place from)
{
    const char *why = NULL;
    for (size_t i = 0; i < x->c->config.n_files; i++)
        if (str_eq(x->c->files[i].path, path))
            why = "is included twice";
    if (x->c->config.n_files == LIMIT_CONFIG_FILES)
        why = "is one file too many";
    if (x->depth == LIMIT_INCLUDE_DEPTH)
        why = "is included too deeply";
    if (why != NULL)
        problem_error(&x->problems, from, STR(""), "`%.*s` %s", STR_FMT(path), why);
    return why != NULL;
}

/* Reads the text into the next place of the list of files, which never moves. */
static enum err file_read(struct loading *x, struct str path, struct place from,
                          const struct config_file **ret)
{
    struct buf text;
    buf_init(&text, LIMIT_CONFIG_FILE);
    enum err e = x->source->read(x->source->ctx, path, &text);
    if (e == ERR_NOT_FOUND && x->l.people_file.n != 0 && str_eq(path, x->l.people_file))
        e = ERR_OK; /* nobody was added yet */
    struct config_file *f = &x->c->files[x->c->config.n_files];
    if (e == ERR_OK)
        e = arena_str(x->l.arena, path, &f->path);
    if (e == ERR_OK)
        e = arena_str(x->l.arena, buf_view(&text), &f->text);
    buf_done(&text);
    if (e == ERR_NOMEM)
        return e;
    if (e != ERR_OK) {
        if (from.file == NULL && arena_str(x->l.arena, path, &f->path) == ERR_OK)
            from.file = f;
        problem_error(&x->problems, from, STR(""), "`%.*s` cannot be read: %s", STR_FMT(path),
                      e == ERR_LIMIT ? "it is larger than 4 MiB" : err_text(e));
        return ERR_INVALID;
    }
    x->c->config.n_files++;
    *ret = f;
    return ERR_OK;
}

static bool is_read(const struct loading *x, struct str path)
{
    for (size_t i = 0; i < x->c->config.n_files; i++)
        if (str_eq(x->c->files[i].path, path))
            return true;
    return false;
}

/* The schedules of groups are files of the configuration: part of its version, and sent to workers. */
static enum err load_schedules(struct loading *x, const struct yaml_node *v, struct str folder)
{
    if (v == NULL || v->kind != YAML_MAPPING)
        return ERR_OK;
    for (const struct yaml_node *g = v->first; g != NULL; g = g->next) {
        const struct yaml_node *s = g->kind == YAML_MAPPING ? yaml_get(g, "schedule") : NULL;
        const struct config_file *f;
        struct str path;
        if (s == NULL || s->kind != YAML_SCALAR)
            continue;
        TRY(path_join(x->l.arena, folder, s->text, &path));
        if (is_read(x, path))
            continue;
        if (x->c->config.n_files == LIMIT_CONFIG_FILES) {
            problem_error(&x->problems, yaml_place(s), STR(""), "this is one file too many");
            return ERR_OK;
        }
        enum err e = file_read(x, path, yaml_place(s), &f);
        if (e == ERR_INVALID)
            x->unreadable = true;
        else
            TRY(e);
    }
    return ERR_OK;
}

/* ERR_OK too where the file has problems: the rest is looked at all the same. */
static enum err load_file(struct loading *x, struct str path, struct place from)
{
    const struct config_file *f = NULL;
    const struct yaml_node *root = NULL;
    if (file_refused(x, path, from)) {
        x->unreadable = true;
        return ERR_OK;
    }
    enum err e = file_read(x, path, from, &f);
    if (e == ERR_OK)
        e = yaml_parse(f, x->l.arena, &x->problems, &root);
    if (e == ERR_INVALID) {
        x->unreadable = true;
        return ERR_OK;
    }
    TRY(e);
    x->depth++;
    e = read_sections(x, f, root);
    x->depth--;
    return e;
}

/* --- The whole -------------------------------------------------------------------------------- */

static enum err defaults_set(struct loading *x)
{
    struct config *c = &x->c->config;
    c->audit_what = AUDIT_MATCHED;
    c->notice_interval_ns = 30 * NS_PER_S;
    c->open_requests = LIMIT_OPEN_REQUESTS_PER_SUBJECT;
    TRY(path_join(x->l.arena, x->l.folder, STR("countersign.db"), &c->store));
    return path_join(x->l.arena, x->l.folder, STR("audit"), &c->audit_directory);
}

/* Over the digests of the texts, so that no two divisions of the same bytes are equal. */
static enum err version_set(struct loaded *c)
{
    struct digest all = digest_of(STR("countersign policy 1"));
    for (size_t i = 0; i < c->config.n_files; i++) {
        struct digest one = digest_of(c->files[i].text);
        all = digest_of2(str_from(all.b, sizeof(all.b)), str_from(one.b, sizeof(one.b)));
    }
    char hex[DIGEST_HEX + 1];
    return arena_str(&c->arena, digest_hex(&all, hex), &c->config.version);
}

static enum err vocabulary_set(struct loaded *c)
{
    struct buf names CLEANUP(buf_done) = {0};
    char name[POLICY_VOCABULARY_NAME + 1];
    buf_init(&names, MIB);
    TRY(policy_vocabulary(c->policy, &names));
    policy_vocabulary_name(buf_view(&names), name);
    TRY(arena_str(&c->arena, buf_view(&names), &c->config.vocabulary));
    return arena_str(&c->arena, str_of(name), &c->config.vocabulary_name);
}

/* The sections are all read, whatever is wrong with one; programs are compiled once what they refer to
 * is sound, since the rest would only repeat what was said. */
static bool sections_read(struct loading *x)
{
    struct config *c = &x->c->config;
    struct policy_parts *parts = &x->c->parts;
    struct resource_list resources = {NULL, NULL, 0};
    bool good = resources_read(&x->l, &x->resources, &resources);
    good = people_read(&x->l, &x->people, &x->disabled, &c->people) && good;
    good = break_glass_read(&x->l, &x->break_glass, &c->people, &c->break_glass) && good;
    good = macros_read(&x->l, &x->macros, &parts->macros) && good;
    good = groups_read(&x->l, &x->groups, c->files, c->n_files, &c->people, &c->duty) && good;
    good = ticket_read(&x->l, &x->ticket, &c->ticket) && good;
    good = defaults_read(&x->l, &x->defaults, &parts->defaults) && good;
    guardrails_read(&x->l, &x->guardrails, &parts->guardrails);
    c->resources = resources.list;
    c->n_resources = resources.n;
    parts->resources = resources.list;
    parts->resource_nodes = resources.nodes;
    parts->n_resources = resources.n;
    parts->people = &c->people;
    parts->ticket = &c->ticket;
    return good && !x->unreadable;
}

static enum err compile(struct loading *x)
{
    struct loaded *c = x->c;
    bool good = sections_read(x);
    if (x->l.out_of_memory)
        return ERR_NOMEM;
    if (!good)
        return ERR_INVALID;
    TRY(policy_compile(&x->l, &c->parts, &c->policy));
    c->config.policy = c->policy;
    TRY(vocabulary_set(c));
    if (x->problems.n_errors == 0 && x->source->test_facts != NULL)
        TRY(policy_test_at_load(&x->l, c->policy, x->source->test_facts));
    return x->problems.n_errors != 0 ? ERR_INVALID : ERR_OK;
}

static enum err load(struct loading *x)
{
    struct place nowhere = {NULL, 0, 0, 0};
    x->c->files = arena_new_array(x->l.arena, LIMIT_CONFIG_FILES + 1, struct config_file);
    if (x->c->files == NULL)
        return ERR_NOMEM;
    x->c->config.files = x->c->files;
    TRY(defaults_set(x));
    TRY(load_file(x, x->source->path, nowhere));
    if (x->l.out_of_memory)
        return ERR_NOMEM;
    x->c->config.audit.directory = x->c->config.audit_directory;
    TRY(version_set(x->c));
    return compile(x);
}

static void loaded_free(struct loaded *c)
{
    policy_free(c->policy);
    arena_done(&c->arena);
    free(c);
}

enum err config_load(const struct config_source *source, struct arena *scratch,
                     struct diagnostics *ret_said, struct config **ret)
{
    struct loading *x = arena_new(scratch, struct loading);
    struct loaded *c = calloc(1, sizeof(*c));
    if (x == NULL || c == NULL) {
        free(c);
        return ERR_NOMEM;
    }
    arena_init(&c->arena, LIMIT_CONFIG_ARENA);
    c->refs = 1;
    problems_init(&x->problems, scratch);
    x->c = c;
    x->source = source;
    x->l = (struct loader){.arena = &c->arena, .problems = &x->problems};
    x->l.folder = path_folder(source->path);
    enum err e = load(x);
    enum err told = problems_finish(&x->problems, ret_said);
    if (told != ERR_OK)
        e = told;
    if (e != ERR_OK) {
        loaded_free(c);
        return e;
    }
    *ret = &c->config;
    return ERR_OK;
}

struct config *config_ref(struct config *c)
{
    ((struct loaded *)c)->refs++;
    return c;
}

void config_unref(struct config *c)
{
    struct loaded *l = (struct loaded *)c;
    if (l != NULL && --l->refs == 0)
        loaded_free(l);
}

const struct resource *config_resource(const struct config *c, struct str name)
{
    for (size_t i = 0; i < c->n_resources; i++)
        if (str_eq(c->resources[i].name, name))
            return &c->resources[i];
    return NULL;
}

/* --- From a list ------------------------------------------------------------------------------ */

struct file_list {
    const struct config_file *files;
    size_t n;
};

static enum err read_from_list(void *ctx, struct str path, struct buf *out)
{
    const struct file_list *all = ctx;
    for (size_t i = 0; i < all->n; i++)
        if (str_eq(all->files[i].path, path))
            return buf_put_str(out, all->files[i].text);
    return ERR_NOT_FOUND;
}

enum err config_from_files(const struct config_file *files, size_t n, struct arena *scratch,
                           struct diagnostics *ret_said, struct config **ret)
{
    struct file_list all = {files, n};
    struct config_source source = {.ctx = &all, .read = read_from_list};
    *ret_said = (struct diagnostics){NULL, 0, 0};
    if (n == 0)
        return ERR_INVALID;
    source.path = files[0].path;
    return config_load(&source, scratch, ret_said, ret);
}
