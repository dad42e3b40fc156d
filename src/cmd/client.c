#include "cmd/client.h"

#include <stdlib.h>

#include "base/limits.h"
#include "cmd/saved_token.h"
#include "model/display.h"

enum { CONNECT_MS = 5000, ANSWER_MS = 60000 };

struct str json_text(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    if (!json_is_string(v))
        return (struct str){NULL, 0};
    return str_from(json_string_value(v), json_string_length(v));
}

uint64_t json_number(const json_t *object, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(object, key));
    return v > 0 ? (uint64_t)v : 0;
}

enum err client_id(const struct command *command, const char *text, uint64_t *ret)
{
    uint64_t id;
    if (str_to_u64(str_of(text), &id) != ERR_OK || id == 0) {
        cmd_complain(command, "\"%s\" is not a number; `countersign requests` lists them", text);
        return ERR_INVALID;
    }
    *ret = id;
    return ERR_OK;
}

/* --- Where the gateway is ------------------------------------------------------------------- */

static enum exit_status use_socket(struct client *c, const char *option)
{
    if (socket_path_to_reach(option, c->socket) != ERR_OK) {
        cmd_complain(c->command, "the path of the socket is too long");
        return EXIT_USAGE;
    }
    c->url = "http://localhost";
    return EXIT_DONE;
}

/* COUNTERSIGN_TOKEN, else what `countersign login` kept. */
static enum exit_status find_token(const struct client *c, struct buf *ret)
{
    const char *token = getenv("COUNTERSIGN_TOKEN");
    enum err e = token != NULL && token[0] != '\0' ? buf_put_str(ret, str_of(token)) : saved_token_read(c->url, ret);
    if (e == ERR_OK)
        return EXIT_DONE;
    if (e == ERR_FORBIDDEN)
        cmd_complain(c->command, "the kept tokens are not used: others than you may read tokens.json");
    else
        cmd_complain(c->command,
                     "COUNTERSIGN_URL is set, but COUNTERSIGN_TOKEN is not\n"
                     "  `countersign login` gets a token where the gateway knows an identity provider;\n"
                     "  `countersign user token NAME` on the gateway's machine makes one");
    return EXIT_USAGE;
}

static enum exit_status use_url(struct client *c, const char *url, bool unknown)
{
    struct buf token CLEANUP(buf_wipe) = {0};
    size_t n = strlen(url);
    buf_init(&token, LIMIT_HTTP_HEADERS);
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        cmd_complain(c->command, "COUNTERSIGN_URL must begin with http:// or https://");
        return EXIT_USAGE;
    }
    while (n != 0 && url[n - 1] == '/')
        n--;
    c->url = c->url_memory = strndup(url, n);
    if (unknown)
        return EXIT_DONE;
    enum exit_status status = find_token(c, &token);
    if (status != EXIT_DONE)
        return status;
    struct buf line CLEANUP(buf_wipe);
    buf_init(&line, LIMIT_HTTP_HEADERS);
    if (buf_printf(&line, "Authorization: Bearer %.*s", STR_FMT(buf_view(&token))) != ERR_OK ||
        buf_put_u8(&line, 0) != ERR_OK) {
        cmd_complain(c->command, "COUNTERSIGN_TOKEN is too long");
        return EXIT_USAGE;
    }
    c->headers = curl_slist_append(c->headers, buf_view(&line).p);
    return EXIT_DONE;
}

static enum exit_status init(struct client *c, const struct command *command, const char *socket, bool unknown)
{
    const char *url = getenv("COUNTERSIGN_URL");
    *c = (struct client){.command = command};
    c->curl = curl_easy_init();
    if (c->curl == NULL) {
        cmd_complain(command, "out of memory");
        return EXIT_REFUSED;
    }
    return socket == NULL && url != NULL && url[0] != '\0' ? use_url(c, url, unknown)
                                                           : use_socket(c, socket);
}

enum exit_status client_init(struct client *c, const struct command *command, const char *socket)
{
    return init(c, command, socket, false);
}

enum exit_status client_init_unknown(struct client *c, const struct command *command, const char *socket)
{
    return init(c, command, socket, true);
}

void client_done(struct client *c)
{
    curl_easy_cleanup(c->curl);
    curl_slist_free_all(c->headers);
    free(c->url_memory);
}

enum exit_status client_unreachable(const struct client *c, CURLcode why)
{
    cmd_complain(c->command, "the gateway cannot be reached at %s: %s",
                 c->socket[0] != '\0' ? c->socket : c->url, curl_easy_strerror(why));
    if (c->socket[0] != '\0')
        fputs("  is `countersign serve` running on this machine? Another socket: --socket PATH or "
              "COUNTERSIGN_SOCKET\n"
              "  a gateway elsewhere: COUNTERSIGN_URL and COUNTERSIGN_TOKEN\n",
              stderr);
    return EXIT_UNREACHABLE;
}

/* --- Calls ---------------------------------------------------------------------------------- */

void answer_done(struct answer *a)
{
    json_decref(a->json);
    a->json = NULL;
    buf_wipe(&a->text);
}

static size_t collect(char *p, size_t size, size_t n, void *ctx)
{
    struct buf *text = ctx;
    return buf_put(text, p, size * n) == ERR_OK ? size * n : 0;
}

static bool set_up(struct client *c, CURL *curl, const char *path)
{
    struct buf url CLEANUP(buf_done);
    buf_init(&url, LIMIT_HTTP_HEADERS);
    if (buf_printf(&url, "%s%s", c->url, path) != ERR_OK || buf_put_u8(&url, 0) != ERR_OK)
        return false;
    curl_easy_reset(curl);
    return curl_easy_setopt(curl, CURLOPT_URL, buf_view(&url).p) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH,
                            c->socket[0] != '\0' ? c->socket : NULL) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, c->socket[0] != '\0' ? "" : NULL) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, c->headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "countersign/" COUNTERSIGN_VERSION) ==
               CURLE_OK;
}

enum exit_status client_ask(const struct command *command, const char *socket, const char *method,
                            const char *path, json_t *body, struct answer *ret)
{
    struct client c;
    enum exit_status status = client_init(&c, command, socket);
    if (status == EXIT_DONE)
        status = client_call(&c, method, path, body, ret);
    client_done(&c);
    return status;
}

CURL *client_stream(struct client *c, const char *path, curl_write_callback take, void *ctx)
{
    CURL *curl = curl_easy_init();
    if (curl != NULL && set_up(c, curl, path) &&
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, ctx) == CURLE_OK)
        return curl;
    curl_easy_cleanup(curl);
    return NULL;
}

static CURLcode perform(struct client *c, const char *method, const char *path, const char *body,
                        struct answer *a)
{
    struct curl_slist *headers = NULL;
    for (struct curl_slist *h = c->headers; h != NULL; h = h->next)
        headers = curl_slist_append(headers, h->data);
    headers = curl_slist_append(headers, "Accept: application/json");
    if (body != NULL)
        headers = curl_slist_append(headers, "Content-Type: application/json");
    CURLcode e = CURLE_OUT_OF_MEMORY;
    if (set_up(c, c->curl, path) &&
        curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
        curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK &&
        curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS) == CURLE_OK &&
        curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, collect) == CURLE_OK &&
        curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &a->text) == CURLE_OK &&
        (body == NULL || curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body) == CURLE_OK))
        e = curl_easy_perform(c->curl);
    if (e == CURLE_OK)
        e = curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &a->status);
    curl_slist_free_all(headers);
    return e;
}

static void put_shown(const char *before, struct str s)
{
    struct buf line CLEANUP(buf_done);
    buf_init(&line, MIB);
    if (s.n != 0 && display_line(&line, s) == ERR_OK)
        fprintf(stderr, "%s%.*s\n", before, STR_FMT(buf_view(&line)));
}

static enum exit_status refused(struct client *c, const struct answer *a)
{
    const json_t *error = json_object_get(a->json, "error");
    struct str message = json_text(error, "message");
    char before[64];
    snprintf(before, sizeof(before), "countersign %s: ", c->command->name);
    if (message.n == 0)
        cmd_complain(c->command, "the gateway answered with status %ld", a->status);
    put_shown(before, message);
    put_shown("  ", json_text(error, "hint"));
    return EXIT_REFUSED;
}

enum exit_status client_call(struct client *c, const char *method, const char *path, json_t *body,
                             struct answer *ret)
{
    struct answer a = {0};
    buf_init(&a.text, 4 * LIMIT_HTTP_UNSENT);
    *ret = a;
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    CURLcode e = perform(c, method, path, text, &a);
    free(text);
    if (e != CURLE_OK) {
        answer_done(&a);
        return client_unreachable(c, e);
    }
    a.json = json_loadb(buf_view(&a.text).p, buf_len(&a.text),
                        JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    enum exit_status status = EXIT_DONE;
    if (a.status < 200 || a.status > 299)
        status = refused(c, &a);
    else if (a.json == NULL && buf_len(&a.text) != 0) {
        cmd_complain(c->command, "the answer is no JSON: is this a Countersign gateway?");
        status = EXIT_REFUSED;
    }
    if (status != EXIT_DONE)
        answer_done(&a);
    *ret = a;
    return status;
}
