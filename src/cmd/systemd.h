/*
 * What systemd is told (sd_notify(3)): one datagram, without its library. Nothing happens where
 * NOTIFY_SOCKET is not set.
 */
#pragma once

#include "base/str.h"

/* "READY=1", "RELOADING=1\nMONOTONIC_USEC=…", "STOPPING=1", "STATUS=…". */
void systemd_notify(const char *state);
