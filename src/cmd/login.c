/* countersign login: a token of the gateway for who logs in with the identity provider (RFC 8252: the browser
 * comes back to a port of this machine). */
#include "base/limits.h"
#include "cmd/fetch.h"
#include "cmd/saved_token.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST = 8192, POLL_MS = 200 };

struct login {
    struct client client;
    bool print;
    int listener;
    char uri[64];
    char id[128];
    char code[REQUEST], state[REQUEST]; /* what the browser brought; empty: nothing yet */
};

static enum exit_status listen_here(struct login *l)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    l->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->listener < 0 || bind(l->listener, (struct sockaddr *)&at, n) != 0 || listen(l->listener, 8) != 0 ||
        getsockname(l->listener, (struct sockaddr *)&at, &n) != 0) {
        cmd_complain(l->client.command, "no port of this machine can be had for the browser to come back to");
        return EXIT_REFUSED;
    }
    snprintf(l->uri, sizeof(l->uri), "http://127.0.0.1:%u/callback", ntohs(at.sin_port));
    return EXIT_DONE;
}

/* --- The browser ----------------------------------------------------------------------------- */

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A parameter of the query, decoded; false where it is not there or malformed. */
static bool parameter(struct str query, const char *name, char out[static REQUEST])
{
    while (query.n != 0) {
        struct str pair = query, key, value;
        if (!str_cut(query, '&', &pair, &query))
            query = (struct str){NULL, 0};
        if (!str_cut(pair, '=', &key, &value) || !str_is(key, name) || value.n >= REQUEST)
            continue;
        size_t n = 0;
        for (size_t i = 0; i < value.n; i++) {
            char c = value.p[i];
            if (c == '%') {
                int high = i + 2 < value.n ? hex_of(value.p[i + 1]) : -1;
                int low = high >= 0 ? hex_of(value.p[i + 2]) : -1;
                if (low < 0)
                    return false;
                c = (char)(high << 4 | low);
                i += 2;
            }
            if (c == '\0')
                return false;
            out[n++] = c == '+' ? ' ' : c;
        }
        out[n] = '\0';
        return n != 0;
    }
    return false;
}

static void answer_browser(int fd, const char *status, const char *text)
{
    char page[512];
    int n = snprintf(page, sizeof(page),
                     "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
                     "Cache-Control: no-store\r\nConnection: close\r\n\r\n%s",
                     status, strlen(text), text);
    if (write(fd, page, (size_t)n) < 0)
        return; /* the browser is gone: nothing depends on what it shows */
}

/* Reads the head of one request; what is no callback is turned away. */
static void serve_browser(struct login *l, int fd)
{
    char text[REQUEST];
    size_t n = 0;
    struct timeval patience = {.tv_sec = 2};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    while (n < sizeof(text) && memmem(text, n, "\r\n", 2) == NULL) {
        ssize_t got = read(fd, text + n, sizeof(text) - n);
        if (got <= 0)
            return;
        n += (size_t)got;
    }
    struct str line = str_from(text, n), path, rest, query;
    static const struct str get = STR_INIT("GET ");
    char error[REQUEST];
    if (!str_starts(line, get) || !str_cut(str_from(line.p + get.n, line.n - get.n), ' ', &path, &rest) ||
        !str_cut(path, '?', &path, &query) || !str_is(path, "/callback")) {
        answer_browser(fd, "404 Not Found", "There is nothing here.\n");
        return;
    }
    if (parameter(query, "error", error)) {
        answer_browser(fd, "200 OK", "The identity provider refused the login. You can close this window.\n");
        snprintf(l->code, sizeof(l->code), "refused");
        (void)parameter(query, "state", l->state);
        return;
    }
    if (!parameter(query, "code", l->code) || !parameter(query, "state", l->state)) {
        l->code[0] = '\0';
        answer_browser(fd, "400 Bad Request", "This is no answer of an identity provider.\n");
        return;
    }
    answer_browser(fd, "200 OK", "You can close this window: the command line goes on.\n");
}

static void wait_for_browser(struct login *l, bool may_come)
{
    struct pollfd p = {.fd = l->listener, .events = POLLIN};
    if (!may_come || poll(&p, 1, POLL_MS) != 1) {
        if (!may_come)
            (void)poll(NULL, 0, POLL_MS);
        return;
    }
    int fd = accept4(l->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    serve_browser(l, fd);
    close(fd);
}

/* --- The gateway ----------------------------------------------------------------------------- */

static enum exit_status begin(struct login *l)
{
    struct answer a;
    json_t *body = json_pack("{s:s}", "redirect_uri", l->uri);
    enum exit_status status = client_call(&l->client, "POST", "/v1/login", body, &a);
    json_decref(body);
    if (status == EXIT_DONE)
        snprintf(l->id, sizeof(l->id), "%.*s", STR_FMT(json_text(a.json, "login")));
    answer_done(&a);
    return status;
}

static enum exit_status finish(struct login *l, const json_t *done)
{
    struct str person = json_text(done, "person"), token = json_text(done, "token");
    char path[4200];
    fprintf(stderr, "logged in as %.*s\n", STR_FMT(person));
    if (l->print) {
        printf("%.*s\n", STR_FMT(token));
        return EXIT_DONE;
    }
    if (saved_token_write(l->client.url, token, path, sizeof(path)) != ERR_OK) {
        cmd_complain(l->client.command, "the token cannot be kept (%s): use --print", path);
        return EXIT_REFUSED;
    }
    fprintf(stderr, "the token is kept in %s for %s\n", path, l->client.url);
    return EXIT_DONE;
}

static enum exit_status ask(struct login *l, struct answer *a)
{
    bool has_code = l->code[0] != '\0';
    json_t *body = json_pack("{s:s, s:s*, s:s*}", "login", l->id, "code", has_code ? l->code : NULL, "state",
                             has_code ? l->state : NULL);
    enum exit_status status = client_call(&l->client, "POST", "/v1/login/poll", body, a);
    json_decref(body);
    return status;
}

static enum exit_status go_on(struct login *l)
{
    bool shown = false;
    for (;;) {
        struct answer a;
        enum exit_status status = ask(l, &a);
        if (status != EXIT_DONE)
            return status;
        struct str url = json_text(a.json, "url");
        bool done = str_is(json_text(a.json, "state"), "done");
        if (!shown && url.n != 0)
            fprintf(stderr, "Open this address in a browser:\n\n  %.*s\n\n", STR_FMT(url));
        shown = shown || url.n != 0;
        if (done)
            status = finish(l, a.json);
        answer_done(&a);
        if (done)
            return status;
        wait_for_browser(l, shown && l->code[0] == '\0');
    }
}

static enum exit_status run(const struct command *self, int argc, char **argv)
{
    struct login l = {.listener = -1};
    const char *socket = NULL;
    const struct cmd_option options[] = {
        {.name = "print", .flag = &l.print},
        {.name = "socket", .value = &socket},
    };
    size_t n;
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 0, 0, &n) != ERR_OK)
        return EXIT_USAGE;
    enum exit_status status = client_init_unknown(&l.client, self, socket);
    if (status == EXIT_DONE)
        status = listen_here(&l);
    if (status == EXIT_DONE)
        status = begin(&l);
    if (status == EXIT_DONE)
        status = go_on(&l);
    if (l.listener >= 0)
        close(l.listener);
    client_done(&l.client);
    return status;
}

const struct command cmd_login = {
    .name = "login",
    .group = COMMANDS_APPROVE,
    .summary = "Log in with the identity provider",
    .usage = "Usage: countersign login [--print] [--socket PATH]\n"
             "\n"
             "For a gateway that is configured with an OpenID Connect provider (`oidc:`). Prints an address\n"
             "to open in a browser on this machine; once you have logged in there, the gateway makes a token\n"
             "for you, which is kept in ~/.config/countersign/tokens.json. With COUNTERSIGN_URL set and\n"
             "COUNTERSIGN_TOKEN not, every other command uses it.\n"
             "\n"
             "  --print        print the token instead of keeping it\n"
             "  --socket PATH  the gateway's local socket, instead of COUNTERSIGN_URL\n",
    .run = run,
};
