/* The `oidc:` section. */
#include "policy/config.h"
#include "policy/sections.h"

#include "base/clock.h"

struct oidc_source {
    struct oidc_config c;
    struct text_list groups;
    const struct yaml_node *secret;
};

static void read_client_secret(struct loader *l, const struct yaml_node *v, struct oidc_config *c)
{
    struct pair {
        struct str file, env;
    } s = {{NULL, 0}, {NULL, 0}};
    static const struct field fields[] = {
        {"file", field_path, offsetof(struct pair, file), false},
        {"env", field_text, offsetof(struct pair, env), false},
    };
    if (!fields_read(l, v, "a secret", fields, ARRAY_LEN(fields), &s))
        return;
    if ((s.file.n != 0) == (s.env.n != 0))
        problem_error(l->problems, yaml_place(v), STR("write { file: PATH } or { env: NAME }"),
                      "`client_secret` says where the secret comes from, one way");
    c->secret_kind = s.file.n != 0 ? SECRET_FILE : SECRET_ENVIRONMENT;
    c->secret = s.file.n != 0 ? s.file : s.env;
}

void oidc_read(struct loader *l, const struct yaml_node *v, void *target)
{
    static const struct field fields[] = {
        {"issuer", field_text, offsetof(struct oidc_source, c.issuer), true},
        {"client_id", field_text, offsetof(struct oidc_source, c.client_id), true},
        {"client_secret", field_node, offsetof(struct oidc_source, secret), false},
        {"ca_file", field_path, offsetof(struct oidc_source, c.ca_file), false},
        {"scopes", field_text, offsetof(struct oidc_source, c.scopes), false},
        {"name_claim", field_text, offsetof(struct oidc_source, c.name_claim), false},
        {"groups_claim", field_text, offsetof(struct oidc_source, c.groups_claim), false},
        {"groups", field_texts, offsetof(struct oidc_source, groups), false},
        {"add_people", field_bool, offsetof(struct oidc_source, c.add_people), false},
        {"token_life", field_duration, offsetof(struct oidc_source, c.token_life_ns), false},
    };
    struct oidc_source s = {.c = {.scopes = STR("openid profile"), .name_claim = STR("sub"),
                                  .token_life_ns = 12 * 3600 * NS_PER_S}};
    if (!fields_read(l, v, "`oidc`", fields, ARRAY_LEN(fields), &s))
        return;
    if (s.secret != NULL)
        read_client_secret(l, s.secret, &s.c);
    if (!str_starts(s.c.issuer, STR("https://")) && !str_starts(s.c.issuer, STR("http://127.0.0.1:")) &&
        !str_starts(s.c.issuer, STR("http://localhost:")))
        problem_error(l->problems, yaml_place(v), STR("write the provider's https:// address"),
                      "`%.*s` is no issuer", STR_FMT(s.c.issuer));
    if ((s.c.groups_claim.n != 0) != (s.groups.n != 0))
        problem_error(l->problems, yaml_place(v),
                      STR("`groups_claim: groups` and `groups: [dba, …]`, the ones that may come from there"),
                      "`groups_claim` and `groups` go together");
    s.c.groups = s.groups.list;
    s.c.n_groups = s.groups.n;
    *(struct oidc_config *)target = s.c;
}
