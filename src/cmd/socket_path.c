#include "cmd/socket_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SYSTEM_SOCKET "/run/countersign/countersign.sock"

struct str socket_path_to_serve(char out[static SOCKET_PATH])
{
    const char *dir = getenv("XDG_RUNTIME_DIR");
    int n;
    if (geteuid() == 0)
        n = snprintf(out, SOCKET_PATH, SYSTEM_SOCKET);
    else if (dir != NULL && dir[0] == '/' &&
             strlen(dir) + sizeof("/countersign.sock") <= SOCKET_PATH)
        n = snprintf(out, SOCKET_PATH, "%s/countersign.sock", dir);
    else
        n = snprintf(out, SOCKET_PATH, "/tmp/countersign-%u.sock", (unsigned)geteuid());
    return str_from(out, (size_t)n);
}

enum err socket_path_to_reach(const char *option, char out[static SOCKET_PATH])
{
    if (option == NULL)
        option = getenv("COUNTERSIGN_SOCKET");
    if (option == NULL || option[0] == '\0') {
        if (access(SYSTEM_SOCKET, F_OK) == 0)
            option = SYSTEM_SOCKET;
        else
            return socket_path_to_serve(out).n != 0 ? ERR_OK : ERR_BUG;
    }
    int n = snprintf(out, SOCKET_PATH, "%s", option);
    return n > 0 && n < SOCKET_PATH ? ERR_OK : ERR_LIMIT;
}
