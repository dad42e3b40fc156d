/*
 * Control: what the keeper (`countersign serve`) and its children say to each other. Each child has
 * one end of a SOCK_SEQPACKET socket pair as descriptor CONTROL_FD; each packet is one message, and
 * descriptors travel beside it (SCM_RIGHTS).
 *
 *   keeper -> broker   config [+ fd]        first of all: the configuration that was in force, as a
 *                                           file; without one it is loaded from the disk
 *                      link INDEX + fd      the stream to worker INDEX (link/link.h); a second one
 *                                           for the same INDEX replaces the first
 *                      listen NAME + fds    listening sockets of the API: "http", "socket"
 *                      reload USER          load the configuration again, as that user (a uid) asked;
 *                                           answered by `loaded`
 *                      shutdown             drain and exit
 *   keeper -> worker   link INDEX + fd      the stream to the broker; INDEX is the worker's own
 *                                           (HELLO carries it). A second one comes after the broker
 *                                           was restarted: HELLO is said again on it
 *                      listen NAME + fds    listening sockets of resource NAME; may come before or
 *                                           after the CONFIG that describes it
 *                      shutdown
 *   child -> keeper    ready                it serves
 *                      loaded ok + fd       (broker) a configuration is in force: at the start, and
 *                                           as the outcome of `reload`; the file is to be kept
 *                      loaded error         (broker) the old one stays in force
 *                      kill INDEX           (broker) worker INDEX broke the rules of its link
 *
 * End of the stream means the other side is gone; a child then exits.
 */
#pragma once

#include "base/str.h"

enum { CONTROL_FD = 3, CONTROL_MAX_FDS = 8, CONTROL_MAX_TEXT = 4096 };

enum control_type {
    CONTROL_LINK = 1,
    CONTROL_LISTEN,
    CONTROL_RELOAD,
    CONTROL_SHUTDOWN,
    CONTROL_READY,
    CONTROL_LOADED,
    CONTROL_KILL,
    CONTROL_CONFIG,
    CONTROL_TYPE_COUNT_
};

struct control_message {
    enum control_type type;
    uint32_t index;  /* LINK, KILL; RELOAD: the uid */
    struct str text; /* LISTEN: the name; LOADED: the error; up to CONTROL_MAX_TEXT bytes, cut */
    bool ok;         /* LOADED */
    int fds[CONTROL_MAX_FDS];
    size_t n_fds;
};

/* Room for one received packet; `text` of the message points into it. */
struct control_packet {
    char bytes[CONTROL_MAX_TEXT + 64];
};

/* Sends one message; the descriptors are duplicated by the kernel and stay the caller's. Does not
 * block: ERR_LIMIT where the socket is full. ERR_CLOSED, ERR_IO. */
MUST_USE enum err control_send(int fd, const struct control_message *m);

/* Takes one message; the descriptors are the caller's from here (close-on-exec is set). Does not
 * block: ERR_INCOMPLETE where there is none. ERR_CLOSED: the other side is gone; ERR_PROTOCOL (any
 * descriptors are closed); ERR_IO. */
MUST_USE enum err control_receive(int fd, struct control_packet *p, struct control_message *ret);

const char *control_type_text(enum control_type t);
