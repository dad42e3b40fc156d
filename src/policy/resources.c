/* The `resources:` section. */
#include "policy/column_labels.h"
#include "policy/sections.h"

#include "base/limits.h"
#include "base/nearest.h"
#include "model/verdict.h"

/* What the types need; the source of that name serves them. */
static const struct resource_type {
    const char *name;
    const char *schemes[2]; /* before the `://` of upstream */
    uint16_t port;
} types[] = {
    {"postgres", {"postgresql", "postgres"}, 5432},
};

/* As written; turned into a struct resource once all keys are known. */
struct resource_source {
    struct str name, type;
    const struct yaml_node *type_node, *labels, *column_labels, *listen, *upstream, *client_tls, *upstream_tls;
    struct str cert, key, ca;
    const struct yaml_node *walls, *preview;
    bool allow_replication, catalog;
    const struct yaml_node *login, *password, *tell;
    struct str client_ca, upstream_user;
    uint32_t default_verdict;
};

static const struct field resource_fields[] = {
    {"name", field_name, offsetof(struct resource_source, name), true},
    {"type", field_node, offsetof(struct resource_source, type_node), true},
    {"labels", field_node, offsetof(struct resource_source, labels), false},
    {"column_labels", field_node, offsetof(struct resource_source, column_labels), false},
    {"listen", field_node, offsetof(struct resource_source, listen), true},
    {"upstream", field_node, offsetof(struct resource_source, upstream), true},
    {"client_tls", field_node, offsetof(struct resource_source, client_tls), false},
    {"tls_cert", field_path, offsetof(struct resource_source, cert), false},
    {"tls_key", field_path, offsetof(struct resource_source, key), false},
    {"upstream_tls", field_node, offsetof(struct resource_source, upstream_tls), false},
    {"upstream_ca", field_path, offsetof(struct resource_source, ca), false},
    {"preview", field_node, offsetof(struct resource_source, preview), false},
    {"login", field_node, offsetof(struct resource_source, login), false},
    {"client_ca", field_path, offsetof(struct resource_source, client_ca), false},
    {"upstream_user", field_person, offsetof(struct resource_source, upstream_user), false},
    {"upstream_password", field_node, offsetof(struct resource_source, password), false},
    {"tell_database", field_node, offsetof(struct resource_source, tell), false},
    {"allow_replication", field_bool, offsetof(struct resource_source, allow_replication), false},
    {"walls", field_node, offsetof(struct resource_source, walls), false},
    {"catalog", field_bool, offsetof(struct resource_source, catalog), false},
    {"default", field_verdict, offsetof(struct resource_source, default_verdict), false},
};

static const struct resource_type *type_read(struct loader *l, const struct yaml_node *v)
{
    if (!field_is_scalar(l, v, "the name of a type"))
        return NULL;
    struct nearest s = nearest_to(v->text);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (str_is(v->text, types[i].name))
            return &types[i];
        nearest_offer(&s, str_of(types[i].name));
    }
    struct str hint = problem_did_you_mean(l->problems, s.best);
    problem_error(l->problems, yaml_place(v),
                  hint.n != 0 || str_is(v->text, "") ? hint : STR("known types: postgres"),
                  "unknown resource type `%.*s`", STR_FMT(v->text));
    return NULL;
}

static void labels_read(struct loader *l, const struct yaml_node *v, struct resource *r)
{
    if (v == NULL || !field_is_mapping(l, v, "a mapping of labels"))
        return;
    struct label *list = arena_new_array(l->arena, v->n, struct label);
    if (list == NULL) {
        l->out_of_memory = true;
        return;
    }
    size_t n = 0;
    for (const struct yaml_node *i = v->first; i != NULL; i = i->next) {
        if (!field_is_scalar(l, i, "a text"))
            continue;
        for (size_t k = 0; k < n; k++)
            if (str_eq(list[k].key, i->key->text))
                problem_error(l->problems, yaml_place(i->key), STR("remove one of the two"),
                              "double label `%.*s`", STR_FMT(i->key->text));
        list[n++] = (struct label){i->key->text, i->text};
    }
    r->labels = list;
    r->n_labels = n;
}

static bool address_read(struct loader *l, const struct yaml_node *v, struct str text, uint16_t port,
                         struct address *ret)
{
    if (address_parse(text, port, ret) == ERR_OK)
        return true;
    problem_error(l->problems, yaml_place(v),
                  STR("write host:port, [ipv6]:port, *:port or unix:/path"),
                  "`%.*s` is not an address", STR_FMT(text));
    return false;
}

static void listen_read(struct loader *l, const struct yaml_node *v, struct resource *r)
{
    bool many = v->kind == YAML_SEQUENCE;
    size_t n = 0;
    struct address *list = arena_new_array(l->arena, many ? v->n : 1, struct address);
    if (list == NULL) {
        l->out_of_memory = true;
        return;
    }
    for (const struct yaml_node *i = many ? v->first : v; i != NULL; i = many ? i->next : NULL)
        if (field_is_scalar(l, i, "an address") && address_read(l, i, i->text, 0, &list[n]))
            n++;
    if (many && v->n == 0)
        problem_error(l->problems, yaml_place(v), STR(""), "`listen` must name an address");
    r->listen = list;
    r->n_listen = n;
}

/* "postgresql://host:port" or just an address: who logs in to what is the client's to say. */
static void upstream_read(struct loader *l, const struct yaml_node *v, const struct resource_type *t,
                          struct resource *r)
{
    if (!field_is_scalar(l, v, "an address"))
        return;
    struct str text = v->text;
    for (size_t i = 0; i < ARRAY_LEN(t->schemes); i++) {
        struct str scheme = str_of(t->schemes[i]);
        if (!str_starts(text, scheme) || text.n < scheme.n + 3 ||
            memcmp(text.p + scheme.n, "://", 3) != 0)
            continue;
        text = (struct str){text.p + scheme.n + 3, text.n - scheme.n - 3};
        if (text.n != 0 && text.p[text.n - 1] == '/')
            text.n--;
        break;
    }
    if (!str_starts(text, STR("unix:")) &&
        (str_contains(text, STR("/")) || str_contains(text, STR("@")) || str_contains(text, STR("?")))) {
        problem_error(l->problems, yaml_place(v),
                      STR("write host:port alone: user, password and database are the client's"),
                      "`upstream` takes only an address");
        return;
    }
    if (address_read(l, v, text, t->port, &r->upstream) && str_is(r->upstream.host, "*"))
        problem_error(l->problems, yaml_place(v), STR(""), "`upstream` must name one host");
}

static void tls_read(struct loader *l, const struct resource_source *s, struct resource *r)
{
    static const struct word client[] = {
        {"disable", TLS_DISABLE}, {"allow", TLS_ALLOW}, {"require", TLS_REQUIRE}};
    static const struct word upstream[] = {
        {"disable", TLS_DISABLE}, {"require", TLS_REQUIRE}, {"verify-full", TLS_VERIFY_FULL}};
    int mode;
    r->client_tls = s->cert.n != 0 ? TLS_ALLOW : TLS_DISABLE;
    r->upstream_tls = TLS_DISABLE;
    if (s->client_tls != NULL && field_word(l, s->client_tls, client, ARRAY_LEN(client), &mode))
        r->client_tls = (enum tls_mode)mode;
    if (s->upstream_tls != NULL &&
        field_word(l, s->upstream_tls, upstream, ARRAY_LEN(upstream), &mode))
        r->upstream_tls = (enum tls_mode)mode;
    if (r->client_tls != TLS_DISABLE && (s->cert.n == 0 || s->key.n == 0))
        problem_error(l->problems,
                      yaml_place(s->client_tls != NULL ? s->client_tls : s->type_node),
                      STR("name the files with `tls_cert:` and `tls_key:`"),
                      "TLS for clients needs a certificate and its key");
    if (s->ca.n != 0 && r->upstream_tls != TLS_VERIFY_FULL)
        problem_error(l->problems,
                      yaml_place(s->upstream_tls != NULL ? s->upstream_tls : s->type_node),
                      STR("set `upstream_tls: verify-full`"),
                      "`upstream_ca` is only looked at with `upstream_tls: verify-full`");
}

static void walls_read(struct loader *l, const struct yaml_node *v, struct resource *r)
{
    static const struct word words[] = {{"read_only", 1}};
    int wall = 0;
    if (v == NULL || !field_is_sequence(l, v, "a list of walls"))
        return;
    for (const struct yaml_node *i = v->first; i != NULL; i = i->next)
        if (field_word(l, i, words, ARRAY_LEN(words), &wall))
            r->wall_read_only = true;
    if (r->wall_read_only && r->allow_replication)
        problem_error(l->problems, yaml_place(v), STR("give replication a resource of its own"),
                      "`walls` cannot stand around replication connections");
}

static void preview_read(struct loader *l, const struct yaml_node *v, struct resource *r)
{
    enum { SESSION = 1, NONE };
    static const struct word words[] = {{"session", SESSION}, {"none", NONE}};
    int how;
    if (v != NULL && field_word(l, v, words, ARRAY_LEN(words), &how))
        r->no_preview = how == NONE;
}

/* { file: F }, { env: NAME } or { command: C }. */
static void password_read(struct loader *l, const struct yaml_node *v, struct resource *r)
{
    struct {
        struct str file, env, command;
    } s = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    const struct field fields[] = {
        {"file", field_path, (size_t)((char *)&s.file - (char *)&s), false},
        {"env", field_text, (size_t)((char *)&s.env - (char *)&s), false},
        {"command", field_text, (size_t)((char *)&s.command - (char *)&s), false},
    };
    if (!fields_read(l, v, "a password", fields, ARRAY_LEN(fields), &s))
        return;
    if ((s.file.n != 0) + (s.env.n != 0) + (s.command.n != 0) != 1) {
        problem_error(l->problems, yaml_place(v->key != NULL ? v->key : v),
                      STR("write { file: PATH }, { env: NAME } or { command: \"...\" }"),
                      "`upstream_password` says where the password comes from, one way");
        return;
    }
    r->secret_kind = s.file.n != 0 ? SECRET_FILE : s.env.n != 0 ? SECRET_ENVIRONMENT : SECRET_COMMAND;
    r->secret = s.file.n != 0 ? s.file : s.env.n != 0 ? s.env : s.command;
}

static void tell_read(struct loader *l, const struct yaml_node *v, struct resource *r)
{
    enum { ROLE = 1, APPLICATION };
    static const struct word words[] = {{"role", ROLE}, {"application_name", APPLICATION}};
    struct text_list list = {NULL, NULL, 0};
    int what;
    field_texts(l, v, &list);
    for (size_t i = 0; i < list.n; i++)
        if (field_word(l, list.nodes[i], words, ARRAY_LEN(words), &what)) {
            r->tell_role = r->tell_role || what == ROLE;
            r->tell_application = r->tell_application || what == APPLICATION;
        }
}

static void login_read(struct loader *l, const struct resource_source *s, struct resource *r)
{
    enum { CLIENT = 1, GATEWAY };
    static const struct word words[] = {{"client", CLIENT}, {"gateway", GATEWAY}};
    int who = CLIENT;
    if (s->login != NULL)
        field_word(l, s->login, words, ARRAY_LEN(words), &who);
    r->gateway_login = who == GATEWAY;
    if (s->password != NULL)
        password_read(l, s->password, r);
    if (s->tell != NULL)
        tell_read(l, s->tell, r);
    bool more = s->password != NULL || s->tell != NULL || s->upstream_user.n != 0 || s->client_ca.n != 0;
    if (more && !r->gateway_login)
        problem_error(l->problems, yaml_place(s->login != NULL ? s->login : s->type_node),
                      STR("set `login: gateway`"),
                      "upstream_user, upstream_password, tell_database and client_ca are for a gateway that "
                      "logs people in");
    if (s->client_ca.n != 0 && r->client_tls == TLS_DISABLE)
        problem_error(l->problems, yaml_place(s->type_node), STR("name `tls_cert:` and `tls_key:`"),
                      "certificates of clients need TLS for clients");
    if (r->gateway_login && r->allow_replication)
        problem_error(l->problems, yaml_place(s->login), STR("leave `allow_replication` out"),
                      "replication connections log in themselves");
}

static void resource_read(struct loader *l, const struct yaml_node *v, struct resource *r)
{
    struct resource_source s = {.default_verdict = VERDICT_ALLOW, .catalog = true};
    if (!fields_read(l, v, "a resource", resource_fields, ARRAY_LEN(resource_fields), &s))
        return;
    const struct resource_type *type = type_read(l, s.type_node);
    if (type == NULL)
        return;
    *r = (struct resource){
        .name = s.name,
        .type = str_of(type->name),
        .tls_cert = s.cert,
        .tls_key = s.key,
        .upstream_ca = s.ca,
        .client_ca = s.client_ca,
        .upstream_user = s.upstream_user,
        .allow_replication = s.allow_replication,
        .catalog = s.catalog,
        .default_verdict = s.default_verdict,
    };
    preview_read(l, s.preview, r);
    labels_read(l, s.labels, r);
    column_labels_read(l, s.column_labels, r);
    listen_read(l, s.listen, r);
    upstream_read(l, s.upstream, type, r);
    tls_read(l, &s, r);
    walls_read(l, s.walls, r);
    login_read(l, &s, r);
}

static bool address_eq(const struct address *a, const struct address *b)
{
    return a->is_unix == b->is_unix && a->port == b->port && str_eq(a->host, b->host);
}

static bool listens_on(const struct resource *r, const struct address *a)
{
    for (size_t i = 0; i < r->n_listen; i++)
        if (address_eq(&r->listen[i], a))
            return true;
    return false;
}

static void check_distinct(struct loader *l, const struct yaml_node *v, const struct resource *all,
                           size_t n)
{
    const struct resource *r = &all[n];
    for (size_t i = 0; i < n; i++) {
        if (r->name.n != 0 && str_eq(all[i].name, r->name))
            problem_error(l->problems, yaml_place(yaml_get(v, "name")), STR(""),
                          "there is already a resource `%.*s`", STR_FMT(r->name));
        for (size_t k = 0; k < r->n_listen; k++)
            if (listens_on(&all[i], &r->listen[k]))
                problem_error(l->problems, yaml_place(yaml_get(v, "listen")), STR(""),
                              "`%.*s` listens on the same address", STR_FMT(all[i].name));
    }
}

bool resources_read(struct loader *l, const struct section *s, struct resource_list *ret)
{
    size_t most = 0, n = 0, errors = l->problems->n_errors;
    for (size_t i = 0; i < s->n; i++)
        most += s->parts[i]->n;
    if (most > LIMIT_RESOURCES) {
        problem_error(l->problems, yaml_place(s->parts[0]), STR(""), "more than %d resources",
                      LIMIT_RESOURCES);
        return false;
    }
    struct resource *list = arena_new_array(l->arena, most, struct resource);
    const struct yaml_node **nodes = arena_new_array(l->arena, most, const struct yaml_node *);
    if (list == NULL || nodes == NULL) {
        l->out_of_memory = true;
        return false;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (!field_is_sequence(l, s->parts[i], "a list of resources"))
            continue;
        for (const struct yaml_node *v = s->parts[i]->first; v != NULL; v = v->next) {
            resource_read(l, v, &list[n]);
            check_distinct(l, v, list, n);
            nodes[n++] = v;
        }
    }
    *ret = (struct resource_list){list, nodes, n};
    return l->problems->n_errors == errors;
}
