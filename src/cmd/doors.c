#include "cmd/doors.h"
#include "net/listener.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert((int)CONTROL_MAX_FDS == (int)LISTEN_MAX_FDS, "one message carries one door");

/* --- Opening --------------------------------------------------------------------------------- */

/* The sockets of one more worker. */
static enum err open_set(struct door *d)
{
    int *set = d->fds[d->n_sets];
    for (size_t i = 0; i < d->n_fds; i++) {
        enum err e = listen_again(d->fds[0][i], &set[i]);
        if (e == ERR_OK)
            continue;
        while (i > 0)
            (void)close(set[--i]);
        return e;
    }
    d->n_sets++;
    return ERR_OK;
}

/* The kernel says who calls on a unix socket, so everybody may connect. */
enum { UNIX_MODE = 0666 };

static enum err open_door(struct doors *all, const struct command *self, struct door door,
                          const struct address *at, struct arena *a)
{
    struct listen_error said;
    struct door *d = &all->list[all->n];
    size_t sets = door.for_broker || at->is_unix ? 1 : all->workers;
    *d = door;
    d->fds = arena_array(a, sets, sizeof(d->fds[0]));
    if (d->fds == NULL)
        return ERR_NOMEM;
    enum err e = listen_open(at, UNIX_MODE, d->fds[0], &d->n_fds, &said);
    if (e != ERR_OK) {
        cmd_complain(self, "%.*s: %s", STR_FMT(d->name), said.text);
        return e;
    }
    d->n_sets = 1;
    if (at->is_unix)
        d->unix_path = at->host;
    all->n++;
    while (d->n_sets < sets)
        TRY(open_set(d));
    return ERR_OK;
}

/* The folder of the local socket, where nobody made it: readable by all where root serves all, else
 * by its user only. */
static void make_folder(struct str path)
{
    char folder[4096];
    const char *slash = memrchr(path.p, '/', path.n);
    size_t n = slash != NULL ? (size_t)(slash - path.p) : 0;
    if (n == 0 || n >= sizeof(folder))
        return;
    memcpy(folder, path.p, n);
    folder[n] = '\0';
    (void)mkdir(folder, geteuid() == 0 ? 0755 : 0700); /* listen_open says what is wrong with it */
}

static enum err open_api(struct doors *d, const struct command *self, const struct config *c,
                         struct arena *a)
{
    struct address local = {.is_unix = true};
    local.host = c->socket.n != 0 ? c->socket : socket_path_to_serve(d->socket_path);
    make_folder(local.host);
    TRY(open_door(d, self, (struct door){.name = STR("socket"), .for_broker = true}, &local, a));
    if (!c->has_api)
        return ERR_OK;
    return open_door(d, self, (struct door){.name = STR("http"), .for_broker = true}, &c->api, a);
}

enum err doors_open(struct doors *d, const struct command *self, const struct config *c,
                    size_t workers, struct arena *a)
{
    size_t n = 2;
    for (size_t i = 0; i < c->n_resources; i++)
        n += c->resources[i].n_listen;
    *d = (struct doors){.list = arena_new_array(a, n, struct door), .workers = workers};
    if (d->list == NULL)
        return ERR_NOMEM;
    TRY(open_api(d, self, c, a));
    for (size_t i = 0; i < c->n_resources; i++) {
        const struct resource *r = &c->resources[i];
        for (size_t l = 0; l < r->n_listen; l++)
            TRY(open_door(d, self, (struct door){.name = r->name}, &r->listen[l], a));
    }
    return ERR_OK;
}

static void close_door(struct door *d)
{
    for (size_t set = 0; set < d->n_sets; set++)
        for (size_t i = 0; i < d->n_fds; i++)
            (void)close(d->fds[set][i]);
    if (d->n_sets != 0 && d->unix_path.n != 0) {
        char *path = str_dupz(d->unix_path);
        if (path != NULL)
            (void)unlink(path);
        free(path);
    }
    d->n_sets = 0;
}

void doors_close(struct doors *d, bool of_broker)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->list[i].for_broker == of_broker)
            close_door(&d->list[i]);
}

/* --- Handing out ----------------------------------------------------------------------------- */

static enum err hand(const struct door *d, size_t set, int control)
{
    struct control_message m = {.type = CONTROL_LISTEN, .text = d->name, .n_fds = d->n_fds};
    if (d->n_sets == 0)
        return ERR_OK;
    memcpy(m.fds, d->fds[set < d->n_sets ? set : 0], d->n_fds * sizeof(m.fds[0]));
    return control_send(control, &m);
}

enum err doors_hand_to_broker(const struct doors *d, int control)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->list[i].for_broker)
            TRY(hand(&d->list[i], 0, control));
    return ERR_OK;
}

enum err doors_hand_to_worker(const struct doors *d, size_t index, int control)
{
    for (size_t i = 0; i < d->n; i++)
        if (!d->list[i].for_broker)
            TRY(hand(&d->list[i], index, control));
    return ERR_OK;
}
