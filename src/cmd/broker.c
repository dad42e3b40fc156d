#include "api/api.h"
#include "base/limits.h"
#include "base/log.h"
#include "cmd/asking.h"
#include "cmd/cmd.h"
#include "cmd/config_file.h"
#include "cmd/kept_config.h"
#include "cmd/logins.h"
#include "cmd/people_file.h"
#include "cmd/policy_gate.h"
#include "cmd/witnesses.h"
#include "link/control.h"
#include "net/stream.h"

#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * `countersign broker`: the process around the broker object (broker/broker.h). It gives it what
 * workers say over their links and the time, and carries out what it sends. Started by
 * `countersign serve` with a control socket as descriptor 3 (link/control.h).
 */

/* The stream to one worker. */
struct link {
    struct process *process;
    uint32_t index;
    struct stream *stream; /* NULL: none */
    struct buf in;
    bool broken; /* to be dropped when the call that noticed it is over */
};

struct process {
    struct loop *loop;
    struct watch *control;
    struct timer *tick;
    struct broker *broker;
    struct asking *asking;
    struct api *api;
    struct logins *logins;
    struct config *config;
    struct witnesses *witnesses;
    struct config *start_config; /* what it says of the log is in force until the next start */
    struct broker_policy policy;
    struct link_config files; /* of config, as the broker hands them out */
    struct link_file *file_list;
    const char *config_path;
    struct link links[LIMIT_WORKERS];
    struct buf out;
    struct arena arena; /* of one received message */
    bool sweeping;      /* a look for broken links is on its way */
    bool winding;       /* a look at the next deadline is */
    bool reloading;     /* the configuration is about to be loaded again, since its change was approved */
    uid_t asked_by;     /* who asked for the last reload */
    uint64_t awaited;   /* the request that it waits for; 0: none */
    struct broker_subscription *hears; /* of a change of the configuration that people decide on */
    enum exit_status status;
};

static void stop(struct process *p, enum exit_status status)
{
    p->status = status;
    loop_stop(p->loop);
}

/* --- Time ------------------------------------------------------------------------------------ */

/* After everything that may have moved the next deadline. */
static void wind(struct process *p)
{
    int64_t next = broker_next_deadline(p->broker), now = clock_mono_ns();
    if (next == INT64_MAX) {
        timer_stop(p->tick);
        return;
    }
    int64_t ms = next <= now ? 0 : (next - now + NS_PER_MS - 1) / NS_PER_MS;
    timer_start(p->tick, ms, 0);
}

static void ticked(void *ctx)
{
    struct process *p = ctx;
    broker_tick(p->broker, clock_now());
    wind(p);
}

static void wind_later(void *ctx)
{
    struct process *p = ctx;
    p->winding = false;
    wind(p);
}

static void deadline_moved(void *ctx)
{
    struct process *p = ctx;
    if (!p->winding)
        p->winding = loop_defer(p->loop, wind_later, p) == ERR_OK;
}

/* --- Links ----------------------------------------------------------------------------------- */

static void drop(struct link *l)
{
    struct process *p = l->process;
    if (l->stream == NULL)
        return;
    stream_free(l->stream);
    l->stream = NULL;
    l->broken = false;
    buf_done(&l->in);
    logins_worker_lost(p->logins, l->index);
    broker_worker_lost(p->broker, l->index, clock_now());
    wind(p);
}

/* A worker that cannot be talked to is of no use: the keeper starts another. */
static void ask_for_its_end(const struct link *l)
{
    const struct control_message m = {.type = CONTROL_KILL, .index = l->index};
    enum err e = control_send(CONTROL_FD, &m);
    if (e != ERR_OK)
        log_error("the keeper cannot be told about worker %u: %s", l->index, err_text(e));
}

static void sweep(void *ctx)
{
    struct process *p = ctx;
    p->sweeping = false;
    for (size_t i = 0; i < LIMIT_WORKERS; i++)
        if (p->links[i].broken) {
            ask_for_its_end(&p->links[i]);
            drop(&p->links[i]);
        }
}

/* Not at once: we may be inside a call into the broker or of this very stream. */
static void mark_broken(struct link *l)
{
    struct process *p = l->process;
    l->broken = true;
    if (p->sweeping)
        return;
    p->sweeping = loop_defer(p->loop, sweep, p) == ERR_OK;
    if (!p->sweeping)
        stop(p, EXIT_UNREACHABLE); /* no memory for that either */
}

static void send_to_worker(void *ctx, uint32_t worker, const struct link_message *m)
{
    struct process *p = ctx;
    struct link *l = &p->links[worker];
    if (l->stream == NULL || l->broken)
        return;
    enum err e = link_encode(&p->out, m);
    if (e == ERR_OK)
        e = stream_write(l->stream, buf_view(&p->out));
    buf_clear(&p->out);
    if (e != ERR_OK) {
        log_error("worker %u cannot be told %s: %s", worker, link_type_text(m->type), err_text(e));
        mark_broken(l);
    }
}

/* Every whole message of what has come. */
static enum err take_messages(struct link *l)
{
    struct process *p = l->process;
    struct moment now = clock_now();
    while (!l->broken) {
        struct link_message m;
        size_t used;
        enum err e = link_decode(buf_view(&l->in), LINK_BROKER, &p->arena, &m, &used);
        if (e == ERR_OK) {
            if (m.type == LINK_LOGIN && broker_worker_is_ready(p->broker, l->index))
                logins_ask_broker(p->logins, p->config, l->index, &m.login, now);
            else
                e = broker_from_worker(p->broker, l->index, &m, now);
            buf_consume(&l->in, used);
        }
        arena_reset(&p->arena);
        if (e != ERR_OK)
            return e == ERR_INCOMPLETE ? ERR_OK : e;
    }
    return ERR_OK;
}

static void link_received(void *ctx, struct str bytes)
{
    struct link *l = ctx;
    if (l->broken)
        return;
    enum err e = buf_put_str(&l->in, bytes);
    if (e == ERR_OK)
        e = take_messages(l);
    if (e != ERR_OK) {
        log_error("worker %u said what it may not: %s", l->index, err_text(e));
        mark_broken(l);
    }
    wind(l->process);
}

static void link_ended(void *ctx, enum err why, struct str text)
{
    struct link *l = ctx;
    if (why != ERR_CLOSED)
        log_warn("the link to worker %u broke: %.*s", l->index, STR_FMT(text));
    drop(l);
}

static void link_drained(void *ctx)
{
    (void)ctx;
}

static const struct stream_ops link_ops = {
    .received = link_received, .drained = link_drained, .ended = link_ended};

/* --- Configuration ---------------------------------------------------------------------------- */

/* What the broker needs of a configuration; `list` is the caller's to free. */
static enum err policy_of(const struct config *c, struct link_file **ret_list,
                          struct link_config *ret_files)
{
    struct link_file *list = calloc(c->n_files + 1, sizeof(*list));
    if (list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < c->n_files; i++)
        list[i] = (struct link_file){c->files[i].path, c->files[i].text};
    *ret_list = list;
    *ret_files = (struct link_config){list, c->n_files};
    return ERR_OK;
}

/* From what the keeper kept (kept >= 0), else from the disk; `said` is for people. */
static enum err load(struct process *p, int kept, struct buf *said, struct config **ret)
{
    struct arena scratch CLEANUP(arena_done);
    struct diagnostics d = {.n = 0};
    arena_init(&scratch, LIMIT_CONFIG_ARENA);
    enum err e = kept >= 0 ? kept_config_read(kept, &scratch, &d, ret)
                           : config_file_load(str_of(p->config_path), true, &scratch, &d, ret);
    if (e == ERR_OK || e == ERR_INVALID)
        for (size_t i = 0; i < d.n; i++)
            if (diagnostic_text(said, &d.list[i]) != ERR_OK)
                break; /* the rest does not fit into one message */
    return e;
}

static struct broker_policy broker_policy_of(const struct process *p, const struct config *c)
{
    return (struct broker_policy){.people = &c->people,
                                  .version = c->version,
                                  .files = &p->files,
                                  .vocabulary = c->vocabulary,
                                  .open_requests = c->open_requests,
                                  .glass = c->break_glass,
                                  .duty = c->duty,
                                  .judges_changes = policy_judges_changes(c->policy),
                                  .ticket_check = c->ticket.check};
}

static enum err put_in_force(struct process *p, struct config *c, struct str who)
{
    struct link_file *list;
    struct link_config files, old_files = p->files;
    TRY(policy_of(c, &list, &files));
    struct broker_policy policy = broker_policy_of(p, c);
    p->files = files;
    enum err e = broker_set_policy(p->broker, &policy, who, clock_now());
    if (e != ERR_OK) {
        p->files = old_files;
        free(list);
        return e;
    }
    api_set_config(p->api, c);
    free(p->file_list);
    config_unref(p->config);
    p->file_list = list;
    p->config = c;
    return ERR_OK;
}

/* With what is in force now, for the keeper to keep. */
static enum err tell_loaded(struct process *p)
{
    struct control_message m = {.type = CONTROL_LOADED, .ok = true, .n_fds = 1};
    TRY(kept_config_write(&p->files, &m.fds[0]));
    enum err e = control_send(CONTROL_FD, &m);
    (void)close(m.fds[0]);
    return e;
}

static enum err tell_not_loaded(struct str text)
{
    const struct control_message m = {.type = CONTROL_LOADED, .text = text};
    return control_send(CONTROL_FD, &m);
}

/* Who sent the signal, where `people:` says who that is. */
static struct policy_asker asker_of(const struct process *p)
{
    const struct passwd *user = getpwuid(p->asked_by);
    const struct person *who = user != NULL ? people_by_os_user(&p->config->people, str_of(user->pw_name)) : NULL;
    return (struct policy_asker){who != NULL ? who->name : STR("")};
}

/* Takes `c` over. *ret_text: why not, where it is not in force. */
static enum err try_in_force(struct process *p, struct config *c, struct policy_gate_answer *gate,
                             struct str *ret_text)
{
    struct policy_asker by = asker_of(p);
    policy_gate_ask(p->broker, p->config, c, &by, clock_now(), gate);
    *ret_text = str_of(gate->text);
    enum err e = gate->gate == POLICY_GATE_OPEN ? put_in_force(p, c, STR("SIGHUP")) : ERR_FORBIDDEN;
    if (gate->gate == POLICY_GATE_OPEN && gate->request != 0)
        broker_policy_done(p->broker, gate->request, e == ERR_OK, clock_now());
    if (gate->gate == POLICY_GATE_OPEN)
        *ret_text = str_of(e == ERR_OK      ? ""
                           : e == ERR_LIMIT ? "the files are too long to be handed to workers"
                                            : "the change cannot be recorded");
    if (e != ERR_OK)
        config_unref(c);
    return e;
}

static void reload(struct process *p)
{
    CLEANUP(buf_done) struct buf said;
    struct policy_gate_answer gate = {.gate = POLICY_GATE_SHUT};
    struct config *c = NULL;
    buf_init(&said, CONTROL_MAX_TEXT);
    enum err e = load(p, -1, &said, &c);
    struct str text = e == ERR_INVALID ? buf_view(&said) : str_of(err_text(e));
    if (e == ERR_OK)
        e = try_in_force(p, c, &gate, &text);
    p->awaited = gate.gate == POLICY_GATE_WAITS ? gate.request : 0;
    if (e != ERR_OK && gate.gate != POLICY_GATE_WAITS)
        broker_policy_failed(p->broker, STR("SIGHUP"), text, clock_now());
    e = e == ERR_OK ? tell_loaded(p) : tell_not_loaded(text);
    if (e != ERR_OK)
        log_error("the keeper cannot be told of the reload: %s", err_text(e));
}

static void reload_approved(void *ctx)
{
    struct process *p = ctx;
    p->reloading = false;
    reload(p);
    wind(p);
}

/* What people say of a change of the configuration. */
static void heard(void *ctx, const struct broker_event *e)
{
    struct process *p = ctx;
    char text[192];
    if (e->kind != BROKER_REQUEST_CHANGED || e->request != broker_policy_request(p->broker))
        return;
    if (e->state == REQUEST_APPROVED && e->request == p->awaited && !p->reloading) {
        p->reloading = loop_defer(p->loop, reload_approved, p) == ERR_OK;
        log_info("request %llu is approved: the configuration is loaded again", (unsigned long long)e->request);
    }
    if (e->state != REQUEST_REJECTED && e->state != REQUEST_EXPIRED && e->state != REQUEST_WITHDRAWN)
        return;
    (void)snprintf(text, sizeof(text), "request %llu for the change was %s", (unsigned long long)e->request,
                   request_state_text(e->state));
    enum err told = tell_not_loaded(str_of(text));
    if (told != ERR_OK)
        log_error("the keeper cannot be told of it: %s", err_text(told));
}

/* --- People ----------------------------------------------------------------------------------- */

/* The configuration in force with another text in the file of local people. */
static enum err with_people(struct process *p, struct str text, struct broker_error *said,
                            struct config **ret)
{
    struct arena scratch CLEANUP(arena_done);
    struct diagnostics d = {.n = 0};
    const struct config *now = p->config;
    arena_init(&scratch, LIMIT_CONFIG_ARENA);
    struct config_file *files = arena_new_array(&scratch, now->n_files, struct config_file);
    if (files == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < now->n_files; i++) {
        files[i] = now->files[i];
        if (str_eq(files[i].path, now->people_file))
            files[i].text = text;
    }
    enum err e = config_from_files(files, now->n_files, &scratch, &d, ret);
    for (size_t i = 0; i < d.n && e == ERR_INVALID; i++)
        if (d.list[i].severity == SEVERITY_ERROR) {
            snprintf(said->text, sizeof(said->text), "%.*s", STR_FMT(d.list[i].message));
            break;
        }
    return e;
}

static struct str old_text(const struct config *c)
{
    for (size_t i = 0; i < c->n_files; i++)
        if (str_eq(c->files[i].path, c->people_file))
            return c->files[i].text;
    return STR("");
}

static enum err record_people(struct process *p, const struct people_change *change,
                              const struct broker_caller *by, struct moment now)
{
    static const char *const kinds[] = {[PEOPLE_ADD] = "person_added",
                                        [PEOPLE_DISABLE] = "person_disabled",
                                        [PEOPLE_ENABLE] = "person_enabled",
                                        [PEOPLE_REGROUP] = "person_regrouped"};
    return broker_record_person(p->broker, kinds[change->kind], by, change->person, change->groups,
                                change->roles, now);
}

/* Nothing is written before it is approved; then the same command does it. */
static enum err people_gate(struct process *p, const struct config *c, const struct broker_caller *by,
                            struct moment now, struct policy_gate_answer *gate, struct broker_error *said)
{
    const struct policy_asker asker = {by->person};
    policy_gate_ask(p->broker, p->config, c, &asker, now, gate);
    if (gate->gate == POLICY_GATE_OPEN)
        return ERR_OK;
    snprintf(said->text, sizeof(said->text), "%.400s%s", gate->text,
             gate->gate == POLICY_GATE_WAITS ? "; once it is approved, do the same again" : "");
    if (gate->gate == POLICY_GATE_SHUT)
        broker_policy_failed(p->broker, by->person, str_of(gate->text), now);
    return ERR_BAD_STATE;
}

static enum err change_people(void *ctx, const struct people_change *change,
                              const struct broker_caller *by, struct moment now,
                              struct broker_error *ret_said)
{
    struct process *p = ctx;
    struct config *c = NULL, *old = config_ref(p->config);
    struct policy_gate_answer gate = {.gate = POLICY_GATE_SHUT};
    struct str who = by->person.n != 0 ? by->person : STR("operator");
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, LIMIT_CONFIG_FILE);
    enum err e = old->people_file.n != 0 ? people_file_is_known(old) : ERR_UNSUPPORTED;
    if (e == ERR_STALE) {
        snprintf(ret_said->text, sizeof(ret_said->text),
                 "the file of local people was changed by somebody else: reload (SIGHUP) first");
        e = ERR_EXISTS;
    }
    if (e == ERR_OK)
        e = people_file_text(old, change, &text, ret_said);
    if (e == ERR_OK)
        e = with_people(p, buf_view(&text), ret_said, &c);
    if (e == ERR_OK)
        e = people_gate(p, c, by, now, &gate, ret_said);
    if (e == ERR_OK)
        e = people_file_write(old, buf_view(&text));
    if (e == ERR_OK) {
        e = record_people(p, change, by, now);
        if (e == ERR_OK)
            e = put_in_force(p, c, who);
        struct str before = old_text(old);
        if (e != ERR_OK && people_file_write(old, before) != ERR_OK)
            log_error("%.*s could not be put back: remove what was added by hand",
                      STR_FMT(old->people_file));
    }
    if (gate.gate == POLICY_GATE_OPEN && gate.request != 0)
        broker_policy_done(p->broker, gate.request, e == ERR_OK, now);
    if (e == ERR_OK)
        e = tell_loaded(p);
    else
        config_unref(c);
    config_unref(old);
    return e;
}

static const struct api_owner api_owner = {change_people};

/* --- What the keeper says ---------------------------------------------------------------------- */

static void close_all(const struct control_message *m)
{
    for (size_t i = 0; i < m->n_fds; i++)
        (void)close(m->fds[i]);
}

static void take_link(struct process *p, const struct control_message *m)
{
    if (m->index >= LIMIT_WORKERS) {
        close_all(m);
        return;
    }
    struct link *l = &p->links[m->index];
    drop(l);
    l->process = p;
    l->index = m->index;
    buf_init(&l->in, LIMIT_LINK_MESSAGE + 4 + STREAM_READ_SIZE);
    enum err e = stream_adopt(p->loop, m->fds[0], &link_ops, l, &l->stream);
    if (e != ERR_OK) {
        log_error("the link to worker %u cannot be used: %s", m->index, err_text(e));
        return;
    }
    broker_worker_up(p->broker, m->index);
}

static void take_reload(struct process *p, const struct control_message *m)
{
    p->asked_by = m->index;
    reload(p);
}

static void take_shutdown(struct process *p, const struct control_message *m)
{
    (void)m;
    stop(p, EXIT_DONE);
}

static void take_sockets(struct process *p, const struct control_message *m)
{
    for (size_t i = 0; i < m->n_fds; i++) {
        enum err e = api_listen(p->api, m->fds[i]);
        if (e != ERR_OK)
            log_error("the API is not served on %.*s: %s", STR_FMT(m->text), err_text(e));
    }
}

static void (*const handlers[CONTROL_TYPE_COUNT_])(struct process *,
                                                   const struct control_message *) = {
    [CONTROL_LINK] = take_link,
    [CONTROL_LISTEN] = take_sockets,
    [CONTROL_RELOAD] = take_reload,
    [CONTROL_SHUTDOWN] = take_shutdown,
};

static void control_readable(void *ctx)
{
    struct process *p = ctx;
    struct control_packet packet;
    struct control_message m;
    enum err e = control_receive(CONTROL_FD, &packet, &m);
    if (e == ERR_INCOMPLETE)
        return;
    if (e == ERR_OK && handlers[m.type] != NULL) {
        handlers[m.type](p, &m);
        wind(p);
        return;
    }
    if (e == ERR_OK)
        close_all(&m);
    log_error("the keeper is gone: %s", e == ERR_OK ? control_type_text(m.type) : err_text(e));
    stop(p, EXIT_UNREACHABLE);
}

/* --- The process ------------------------------------------------------------------------------ */

static void on_signal(void *ctx, int signum)
{
    if (signum == SIGTERM)
        stop(ctx, EXIT_DONE);
    /* SIGINT and SIGHUP at a terminal reach the whole group: the keeper decides, not we. */
}

static enum err fetch(void *ctx, uint64_t number, struct str url, struct str body)
{
    struct process *p = ctx;
    return asking_fetch(p->asking, number, url, body);
}

static const struct broker_ops ops = {send_to_worker, deadline_moved, fetch};

/* The keeper's first message. *ret_kept: the configuration that was in force, -1 where there is none. */
static enum err wait_for_config(int *ret_kept)
{
    struct control_packet packet;
    struct control_message m;
    struct pollfd fd = {.fd = CONTROL_FD, .events = POLLIN};
    if (poll(&fd, 1, LIMIT_CONNECT_MS) <= 0)
        return ERR_TIMEOUT;
    TRY(control_receive(CONTROL_FD, &packet, &m));
    if (m.type != CONTROL_CONFIG) {
        close_all(&m);
        return ERR_PROTOCOL;
    }
    *ret_kept = m.n_fds == 1 ? m.fds[0] : -1;
    return ERR_OK;
}

static enum err open_broker(struct process *p, struct str instance)
{
    CLEANUP(buf_done) struct buf said;
    struct broker_error error = {""};
    int kept = -1;
    buf_init(&said, 1 * MIB);
    TRY(wait_for_config(&kept));
    enum err e = load(p, kept, &said, &p->config);
    if (kept >= 0)
        (void)close(kept);
    if (e != ERR_OK) {
        log_error("%s does not load (%s):\n%.*s", p->config_path, err_text(e),
                  STR_FMT(buf_view(&said)));
        return e;
    }
    TRY(policy_of(p->config, &p->file_list, &p->files));
    p->policy = broker_policy_of(p, p->config);
    p->start_config = config_ref(p->config);
    struct broker_options o = {.store_path = p->config->store,
                               .instance = instance,
                               .ops = &ops,
                               .ctx = p,
                               .audit = &p->config->audit};
    e = broker_new(&o, &p->policy, clock_now(), &p->broker, &error);
    if (e != ERR_OK)
        log_error("%s", error.text);
    return e;
}

static enum err set_up(struct process *p, struct str instance)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    TRY(loop_new(&p->loop));
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        TRY(loop_on_signal(p->loop, signals[i], on_signal, p));
    TRY(timer_new(p->loop, ticked, p, &p->tick));
    TRY(asking_new(p->loop, wind_later, p, &p->asking));
    TRY(open_broker(p, instance));
    asking_set_broker(p->asking, p->broker);
    TRY(logins_new(p->loop, p->broker, send_to_worker, p, &p->logins));
    TRY(api_start(p->loop, p->broker, p->config, &p->api));
    api_set_owner(p->api, &api_owner, p);
    TRY(broker_subscribe(p->broker, heard, p, &p->hears));
    TRY(witnesses_new(p->loop, p->broker, &p->start_config->audit, &p->witnesses));
    return watch_new(p->loop, CONTROL_FD, control_readable, p, &p->control);
}

static void tear_down(struct process *p)
{
    /* The links are let go without a word: what they hold is not lost, but waits for the next
     * broker. */
    witnesses_free(p->witnesses);
    api_stop(p->api);
    asking_free(p->asking);
    logins_free(p->logins);
    broker_free(p->broker, clock_now());
    for (size_t i = 0; i < LIMIT_WORKERS; i++) {
        stream_free(p->links[i].stream);
        buf_done(&p->links[i].in);
    }
    watch_free(p->control);
    timer_free(p->tick);
    if (p->loop != NULL) {
        loop_undefer(p->loop, p);
        loop_free(p->loop);
    }
    config_unref(p->config);
    config_unref(p->start_config);
    free(p->file_list);
    buf_done(&p->out);
    arena_done(&p->arena);
}

static enum exit_status serve(const char *config_path, struct str instance)
{
    struct process *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return EXIT_UNREACHABLE;
    p->config_path = config_path;
    buf_init(&p->out, LIMIT_LINK_MESSAGE + 4);
    arena_init(&p->arena, 4 * LIMIT_LINK_MESSAGE);
    enum err e = set_up(p, instance);
    if (e == ERR_OK)
        e = tell_loaded(p);
    if (e == ERR_OK) {
        const struct control_message ready = {.type = CONTROL_READY};
        e = control_send(CONTROL_FD, &ready);
        wind(p);
    }
    if (e == ERR_OK) {
        loop_run(p->loop);
    } else {
        log_error("the broker cannot start: %s", err_text(e));
        p->status = EXIT_USAGE;
    }
    enum exit_status status = p->status;
    tear_down(p);
    free(p);
    return status;
}

static enum exit_status run(const struct command *self, int argc, char **argv)
{
    const char *path = NULL, *instance = "";
    size_t n;
    const struct cmd_option options[] = {{.name = "config", .letter = 'c', .value = &path},
                                         {.name = "instance", .value = &instance}};
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 0, &n) != ERR_OK)
        return EXIT_USAGE;
    log_init("broker", getenv("COUNTERSIGN_DEBUG") != NULL ? LOG_DEBUG : LOG_INFO);
    (void)umask(077);
    char *config_path = str_dupz(config_file_path(path));
    if (config_path == NULL)
        return EXIT_UNREACHABLE;
    enum exit_status status = serve(config_path, str_of(instance));
    free(config_path);
    return status;
}

const struct command cmd_broker = {
    .name = "broker",
    .group = COMMANDS_HIDDEN,
    .summary = "Keep requests, votes and the log",
    .usage = "Usage: countersign broker -c FILE --instance ID\n"
             "\n"
             "Started by `countersign serve`; not for people.\n",
    .run = run,
};
