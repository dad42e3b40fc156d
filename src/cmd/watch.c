/*
 * countersign watch: follows the gateway's events. Each new request is printed whole, with how to
 * approve it; then what becomes of it.
 *
 *   connect --ready--> list what is pending, then follow
 *   connect --missed events--> follow              (after a break: Last-Event-ID)
 *   connect --reset--> list what is pending, then follow
 */
#include "base/limits.h"
#include "cmd/fetch.h"
#include "model/display.h"

#include <unistd.h>

enum { RECONNECT_S = 2, SILENT_S = 60, LINE_MAX_BYTES = 64 * 1024 };

struct watch_state {
    struct client *client;
    bool json;
    struct buf bytes; /* received and not yet a whole line */
    char last_id[128], event[32], data[256];
    uint64_t newest_shown;
    bool connected_once;
    enum exit_status status;
};

/* --- Printing ----------------------------------------------------------------------------------
 */

static void print_json(struct watch_state *w, const char *event, const struct fetched *f)
{
    printf("{\"event\":\"%s\",\"request\":%.*s}\n", event, STR_FMT(buf_view(&f->answer.text)));
    if (fflush(stdout) != 0)
        w->status = EXIT_REFUSED;
}

static void print_opened(struct watch_state *w, const struct fetched *f)
{
    static const char rule[] = "\n------------------------------------------------------------\n";
    w->status = print_out(w->client->command, str_from(rule, sizeof(rule) - 1));
    if (w->status == EXIT_DONE)
        w->status = print_request(w->client->command, show_request, f);
}

/* Who voted last, how and why. */
static enum err put_vote(struct buf *line, const json_t *vote)
{
    bool approved = str_is(json_text(vote, "vote"), "approve");
    if (json_text(vote, "retracted").n != 0) {
        TRY(buf_put_str(line, STR("; ")));
        TRY(display_line(line, json_text(vote, "person")));
        return buf_put_str(line, STR(" took their vote back"));
    }
    TRY(buf_put_str(line, approved ? STR("; approved by ") : STR("; rejected by ")));
    TRY(display_line(line, json_text(vote, "person")));
    if (json_text(vote, "reason").n == 0)
        return ERR_OK;
    TRY(buf_put_str(line, STR(": ")));
    return display_line(line, json_text(vote, "reason"));
}

static enum err put_changed(struct buf *line, const char *event, uint64_t id, const json_t *r)
{
    const json_t *votes = json_object_get(r, "votes");
    const json_t *vote = json_array_get(votes, json_array_size(votes) - 1);
    struct str state = json_text(r, "state");
    bool pending = str_is(state, "pending");
    bool voted = pending || str_is(state, "approved") || str_is(state, "rejected");
    TRY(buf_printf(line, "request %llu is %.*s", (unsigned long long)id, STR_FMT(state)));
    if (strcmp(event, "asked") == 0)
        TRY(buf_put_str(line, STR("; more people are asked")));
    else if (voted && vote != NULL)
        TRY(put_vote(line, vote));
    if (pending) {
        TRY(buf_put_str(line, STR("; still needed: ")));
        TRY(show_missing(line, r));
    }
    return buf_put_str(line, STR("\n"));
}

static void print_changed(struct watch_state *w, const char *event, uint64_t id,
                          const struct fetched *f)
{
    struct buf line CLEANUP(buf_done);
    buf_init(&line, MIB);
    enum err e = put_changed(&line, event, id, f->answer.json);
    w->status = e == ERR_OK ? print_out(w->client->command, buf_view(&line)) : EXIT_REFUSED;
}

static void print_event(struct watch_state *w, const char *event, uint64_t id)
{
    struct fetched f;
    bool opened = strcmp(event, "opened") == 0;
    if (opened && id <= w->newest_shown)
        return;
    if (fetch_request(w->client, id, &f) != EXIT_DONE)
        return; /* said; the next event may do better */
    if (w->json)
        print_json(w, event, &f);
    else if (opened)
        print_opened(w, &f);
    else if (strcmp(event, "impact") == 0)
        w->status = print_request(w->client->command, show_impact_alone, &f);
    else
        print_changed(w, event, id, &f);
    if (opened)
        w->newest_shown = id;
    fetched_done(&f);
}

/* Everything that waits, the oldest first. */
static void print_pending(struct watch_state *w)
{
    struct answer a;
    if (client_call(w->client, "GET", "/v1/requests?state=pending&limit=1000", NULL, &a) !=
        EXIT_DONE)
        return;
    const json_t *list = json_object_get(a.json, "requests");
    for (size_t i = json_array_size(list); i > 0 && w->status == EXIT_DONE; i--)
        print_event(w, "opened", json_number(json_array_get(list, i - 1), "id"));
    answer_done(&a);
}

/* --- The stream --------------------------------------------------------------------------------
 */

static void dispatch(struct watch_state *w)
{
    bool starts = strcmp(w->event, "ready") == 0 || strcmp(w->event, "reset") == 0;
    json_t *data = json_loads(w->data, 0, NULL);
    uint64_t id = json_number(data, "request");
    if (starts)
        print_pending(w);
    else if (id != 0)
        print_event(w, w->event, id);
    json_decref(data);
}

static bool field(struct str line, const char *name, char *out, size_t size)
{
    struct str prefix = str_of(name);
    if (!str_starts(line, prefix))
        return false;
    snprintf(out, size, "%.*s", STR_FMT(str_from(line.p + prefix.n, line.n - prefix.n)));
    return true;
}

static void take_line(struct watch_state *w, struct str line)
{
    if (line.n == 0 && w->event[0] != '\0') {
        dispatch(w);
        w->event[0] = w->data[0] = '\0';
    }
    (void)(field(line, "id: ", w->last_id, sizeof(w->last_id)) ||
           field(line, "event: ", w->event, sizeof(w->event)) ||
           field(line, "data: ", w->data, sizeof(w->data)));
}

static size_t collect(char *p, size_t size, size_t n, void *ctx)
{
    struct watch_state *w = ctx;
    return buf_put(&w->bytes, p, size * n) == ERR_OK ? size * n : 0;
}

static void take_lines(struct watch_state *w)
{
    struct str line, rest;
    while (w->status == EXIT_DONE && str_cut(buf_view(&w->bytes), '\n', &line, &rest)) {
        take_line(w, line);
        buf_consume(&w->bytes, line.n + 1);
    }
}

/* Follows one connection to its end; *ret_http is the status of the answer. */
static CURLcode follow(struct watch_state *w, CURL *curl, long *ret_http)
{
    CURLM *multi = curl_multi_init();
    CURLcode result = CURLE_OUT_OF_MEMORY;
    int running = 1, left;
    if (multi == NULL || curl_multi_add_handle(multi, curl) != CURLM_OK)
        running = 0;
    while (running != 0 && w->status == EXIT_DONE) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            break;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_http);
        if (*ret_http == 200)
            take_lines(w);
        if (running != 0)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    CURLMsg *m = multi != NULL ? curl_multi_info_read(multi, &left) : NULL;
    if (m != NULL && m->msg == CURLMSG_DONE)
        result = m->data.result;
    if (multi != NULL)
        curl_multi_remove_handle(multi, curl);
    curl_multi_cleanup(multi);
    return result;
}

/* One connection; false where there is no point in another one. */
static bool connect_once(struct watch_state *w)
{
    char resume[160];
    struct curl_slist *headers = NULL;
    long http = 0;
    CURL *curl = client_stream(w->client, "/v1/events", collect, w);
    if (curl == NULL) {
        w->status = EXIT_REFUSED;
        return false;
    }
    for (struct curl_slist *h = w->client->headers; h != NULL; h = h->next)
        headers = curl_slist_append(headers, h->data);
    snprintf(resume, sizeof(resume), "Last-Event-ID: %s", w->last_id);
    if (w->last_id[0] != '\0')
        headers = curl_slist_append(headers, resume);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)SILENT_S);
    buf_clear(&w->bytes);
    CURLcode e = follow(w, curl, &http);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    if (w->status != EXIT_DONE)
        return false;
    if (http != 200 && !w->connected_once)
        w->status = http != 0 ? EXIT_REFUSED : client_unreachable(w->client, e);
    w->connected_once |= http == 200;
    return w->connected_once;
}

/* Why the stream was refused: an ordinary call says it. */
static enum exit_status explain_refusal(struct client *c)
{
    struct answer a;
    enum exit_status status = client_call(c, "GET", "/v1/whoami", NULL, &a);
    answer_done(&a);
    if (status == EXIT_DONE)
        cmd_complain(c->command, "the gateway gives no events now; try again later");
    return status == EXIT_DONE ? EXIT_REFUSED : status;
}

static enum exit_status watch(struct client *c, bool json)
{
    struct watch_state w = {.client = c, .json = json, .status = EXIT_DONE};
    buf_init(&w.bytes, LINE_MAX_BYTES);
    while (connect_once(&w)) {
        sleep(RECONNECT_S);
    }
    buf_done(&w.bytes);
    return w.status == EXIT_REFUSED && !w.connected_once ? explain_refusal(c) : w.status;
}

static enum exit_status run(const struct command *self, int argc, char **argv)
{
    bool json = false;
    const char *socket = NULL;
    const struct cmd_option options[] = {
        {.name = "json", .flag = &json},
        {.name = "socket", .value = &socket},
    };
    size_t n;
    struct client c;
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 0, &n) != ERR_OK)
        return EXIT_USAGE;
    enum exit_status status = client_init(&c, self, socket);
    if (status == EXIT_DONE)
        status = watch(&c, json);
    client_done(&c);
    return status;
}

const struct command cmd_watch = {
    .name = "watch",
    .group = COMMANDS_APPROVE,
    .summary = "Show each request as it comes, and what becomes of it",
    .usage =
        "Usage: countersign watch [--json] [--socket PATH]\n"
        "\n"
        "Prints every request that waits, complete, then each new one as it comes and how it "
        "ends.\n"
        "It goes on until it is interrupted; when the connection breaks it comes back and catches\n"
        "up.\n"
        "\n"
        "  --json         one line of JSON an event: {\"event\": \"opened\", \"request\": {...}}\n"
        CLIENT_WHERE,
    .run = run,
};
