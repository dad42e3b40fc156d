#include "base/log.h"
#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* The only process-wide state of the program: where diagnostics go is a property of the process. */
static struct {
    char name[32];
    enum log_level least;
} log_state = {.name = "countersign", .least = LOG_INFO};

void log_init(const char *name, enum log_level least)
{
    (void)snprintf(log_state.name, sizeof(log_state.name), "%s", name);
    log_state.least = least;
}

bool log_enabled(enum log_level level)
{
    return level >= log_state.least;
}

void log_line(enum log_level level, const char *fmt, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if (!log_enabled(level))
        return;
    char line[2048], time[CLOCK_TEXT];
    struct str t = clock_text(clock_wall_ns(), time);
    int n = snprintf(line, sizeof(line), "%.*s %-5s %s: ", STR_FMT(t), names[level], log_state.name);
    va_list ap;
    va_start(ap, fmt);
    int m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
    va_end(ap);
    size_t len = (size_t)n + (m > 0 ? (size_t)m : 0);
    if (len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    line[len++] = '\n';
    /* One write a line, so that lines of several processes do not mix. */
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written;
}

const char *log_clean(struct str s, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = c >= 0x20 && c < 0x7f && c != '\\';
        if (n + (plain ? 1 : 4) >= size)
            break;
        if (plain)
            out[n++] = (char)c;
        else
            n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
    }
    if (size > 0)
        out[n] = '\0';
    return out;
}
