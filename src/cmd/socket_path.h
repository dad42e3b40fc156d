/* Where the gateway's local socket is when nobody says: one rule for both sides of it. */
#pragma once

#include "base/str.h"

enum { SOCKET_PATH = 108 }; /* sun_path of struct sockaddr_un */

/* For the gateway: /run/countersign/countersign.sock for root, else countersign.sock in
 * $XDG_RUNTIME_DIR, else /tmp/countersign-UID.sock. NUL-terminated. */
struct str socket_path_to_serve(char out[static SOCKET_PATH]);

/* For its clients: `option` where given, else $COUNTERSIGN_SOCKET, else the system's gateway where
 * its socket exists, else what socket_path_to_serve says. ERR_LIMIT: too long for a socket. */
MUST_USE enum err socket_path_to_reach(const char *option, char out[static SOCKET_PATH]);
