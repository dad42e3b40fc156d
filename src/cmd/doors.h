/*
 * The listening sockets of the gateway: opened once by the keeper, handed to each process that
 * serves them, and still open while one of those is replaced.
 */
#pragma once

#include "cmd/cmd.h"
#include "cmd/socket_path.h"
#include "link/control.h"
#include "policy/config.h"

/* Sockets that are handed out under one name. */
struct door {
    struct str name; /* of the resource; "http" and "socket" for the API */
    bool for_broker;
    int (*fds)[CONTROL_MAX_FDS]; /* one set for each worker; or a single one, which all share */
    size_t n_sets, n_fds;        /* no set: closed */
    struct str unix_path;        /* removed when it is closed */
};

struct doors {
    struct door *list; /* in the arena given to doors_open */
    size_t n, workers;
    char socket_path[SOCKET_PATH];
};

/* Everything that `c`, which has to live as long, says to listen on. What cannot be opened is said on
 * standard error; doors_close is due also then. */
MUST_USE enum err doors_open(struct doors *d, const struct command *self, const struct config *c,
                             size_t workers, struct arena *a);

/* Closes those of the broker, or those of the workers. */
void doors_close(struct doors *d, bool of_broker);

/* Sends a LISTEN for each door over a control socket: the broker's, or worker `index`'s. */
MUST_USE enum err doors_hand_to_broker(const struct doors *d, int control);
MUST_USE enum err doors_hand_to_worker(const struct doors *d, size_t index, int control);
