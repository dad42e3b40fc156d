/*
 * What a worker gives up before it reads the first byte of a client. In this order: another user
 * (where it started as root), new privileges, files (Landlock, where the kernel has it), and system
 * calls (seccomp). There is no way back.
 *
 * After sandbox_enter a worker can: read and write sockets and pipes it has, accept on listeners it
 * was given, connect to TCP, UDP and unix addresses, look up names (which reads /etc and the
 * resolver's libraries), start threads, allocate memory. It cannot: open anything else or anything
 * for writing, start programs, listen, see or signal other processes.
 */
#pragma once

#include "base/str.h"

struct sandbox_error {
    char text[256];
};

/* user: whom to become where we are root; ignored otherwise. ERR_NOT_FOUND: no such user;
 * ERR_FORBIDDEN: the kernel refused, and the process must not go on. */
MUST_USE enum err sandbox_enter(struct str user, struct sandbox_error *ret_error);
