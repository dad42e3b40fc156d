/*
 * Putting a configuration in force. One that does not load changes nothing: the last good one stays,
 * and LOADED tells the broker why. Held actions keep the one they were judged under.
 */
#include "gate/gate_internal.h"

static bool may_be_watched(const struct config *c, const struct resource *r)
{
    static const enum action_kind kinds[] = {ACTION_SQL, ACTION_COMMAND, ACTION_TOOL, ACTION_HTTP,
                                             ACTION_DEPLOY};
    if (c->audit_what == AUDIT_ALL)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (policy_may_concern(c->policy, kinds[i], r))
            return true;
    return false;
}

void door_judge(struct door *door)
{
    struct gate *g = door->gate;
    const struct resource *now = config_resource(g->config, door->resource->name);
    if (now != NULL) { /* labels and default of the new one count; a resource that is gone stays as it was */
        config_unref(door->config);
        door->config = config_ref(g->config);
        door->resource = now;
    }
    door->watches = may_be_watched(g->config, door->resource);
}

static void put_in_force(struct gate *g, struct config *c)
{
    struct config *last = g->config;
    g->config = c;
    for (struct door *d = g->doors; d != NULL; d = d->next)
        door_judge(d);
    g->options.host->configured(g->options.ctx, c, last == NULL);
    config_unref(last); /* after: sessions have identified their subjects anew */
}

static enum err load(const struct link_config *said, struct arena *scratch,
                     struct diagnostics *ret_said, struct config **ret)
{
    struct config_file *files = arena_new_array(scratch, said->n_files, struct config_file);
    if (files == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < said->n_files; i++)
        files[i] = (struct config_file){said->files[i].path, said->files[i].text};
    return config_from_files(files, said->n_files, scratch, ret_said, ret);
}

static void say_loaded(struct gate *g, bool ok, struct str error)
{
    const struct link_message m = {
        .type = LINK_LOADED,
        .loaded = {.policy_version = g->config != NULL ? g->config->version : STR(""), .ok = ok,
                   .error = error},
    };
    (void)!uplink_send(g, &m); /* without a link the next one sends CONFIG again */
}

static void say_failed(struct gate *g, enum err why, const struct diagnostics *said)
{
    struct buf b;
    enum err e = ERR_OK;
    buf_init(&b, 64 * KIB);
    for (size_t i = 0; i < said->n && e == ERR_OK; i++)
        if (said->list[i].severity == SEVERITY_ERROR)
            e = diagnostic_text(&b, &said->list[i]);
    struct str text = buf_len(&b) != 0 ? buf_view(&b) : str_of(err_text(why));
    log_error("the configuration does not load; %s", g->config != NULL
                                                        ? "the last good one stays in force"
                                                        : "there is none in force");
    say_loaded(g, false, text);
    buf_done(&b);
}

void gate_configure(struct gate *g, const struct link_config *said)
{
    struct arena scratch;
    struct diagnostics list = {.n = 0};
    struct config *c = NULL;
    arena_init(&scratch, LIMIT_CONFIG_ARENA);
    enum err e = load(said, &scratch, &list, &c);
    if (e != ERR_OK) {
        say_failed(g, e, &list);
    } else if (g->config != NULL && str_eq(g->config->version, c->version)) {
        config_unref(c); /* a broker that came back sends what is in force already */
        say_loaded(g, true, STR(""));
    } else {
        put_in_force(g, c);
        say_loaded(g, true, STR(""));
    }
    arena_done(&scratch);
}
