/*
 * Diagnostics for the operator, on standard error, one line each: time, level, process, message.
 * Not the audit log. Bytes that came from a peer are printed with %s only after log_clean.
 */
#pragma once

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* name ("broker", "worker 1") is copied. Called once, before the first line. */
void log_init(const char *name, enum log_level least);
bool log_enabled(enum log_level level);
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_debug(...) (log_enabled(LOG_DEBUG) ? log_line(LOG_DEBUG, __VA_ARGS__) : (void)0)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

/* s with control and non-ASCII bytes replaced by \xNN, cut to the room in out; NUL-terminated. */
const char *log_clean(struct str s, char *out, size_t size);
