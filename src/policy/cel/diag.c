#include "policy/cel/ast.h"

#include "base/limits.h"
#include "policy/cel/utf8.h"

#include <stdarg.h>
#include <stdio.h>

static void locate(struct cel_diagnostic *d)
{
    uint32_t start = 0;
    d->line = 1;
    for (uint32_t i = 0; i < d->offset && i < d->source.n; i++) {
        if (d->source.p[i] == '\n') {
            d->line++;
            start = i + 1;
        }
    }
    d->column = (uint32_t)utf8_count(str_from(d->source.p + start, d->offset - start)) + 1;
}

void cel_diagnose(struct compilation *c, enum cel_level level, const char *code, uint32_t offset,
              uint32_t end, struct str hint, const char *fmt, ...)
{
    char text[512];
    if (level == CEL_LEVEL_ERROR)
        c->error_count++;
    if (c->diagnostic_count == LIMIT_CEL_DIAGNOSTICS)
        return;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    struct cel_diagnostic *d = &c->diagnostics[c->diagnostic_count];
    if (offset > c->source.n)
        offset = (uint32_t)c->source.n;
    *d = (struct cel_diagnostic){.level = level,
                                 .code = code,
                                 .hint = hint,
                                 .source = c->source,
                                 .macro = c->macro_name,
                                 .offset = offset,
                                 .length = end > offset ? end - offset : 0};
    if (arena_str(c->arena, str_of(text), &d->message) != ERR_OK) {
        c->no_memory = true;
        return;
    }
    locate(d);
    c->diagnostic_count++;
}

static enum err caret_line(struct buf *out, struct str line, uint32_t column, uint32_t length)
{
    TRY(buf_put_str(out, STR("  | ")));
    for (uint32_t i = 1; i < column; i++)
        TRY(buf_put_u8(out, '.'));
    TRY(buf_put_u8(out, '^'));
    size_t room = line.n > column ? line.n - column : 0;
    for (uint32_t i = 1; i < length && i <= room; i++)
        TRY(buf_put_u8(out, '~'));
    return buf_put_u8(out, '\n');
}

/* The source line as shown: what would move the cursor becomes a space. */
static enum err source_line(struct buf *out, struct str line)
{
    TRY(buf_put_str(out, STR("  | ")));
    for (size_t i = 0; i < line.n; i++)
        TRY(buf_put_u8(out, (unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f
                                ? ' '
                                : (uint8_t)line.p[i]));
    return buf_put_u8(out, '\n');
}

enum err cel_diagnostic_text(struct buf *out, const struct cel_diagnostic *d)
{
    if (d->macro.n != 0)
        TRY(buf_printf(out, "macro %.*s: ", STR_FMT(d->macro)));
    TRY(buf_printf(out, "%u:%u: %s%.*s", d->line, d->column,
                   d->level == CEL_LEVEL_WARNING ? "warning: " : "", STR_FMT(d->message)));
    if (d->hint.n != 0)
        TRY(buf_printf(out, "; %.*s", STR_FMT(d->hint)));
    TRY(buf_put_u8(out, '\n'));
    size_t start = d->offset, end = d->offset;
    while (start > 0 && d->source.p[start - 1] != '\n')
        start--;
    while (end < d->source.n && d->source.p[end] != '\n')
        end++;
    struct str line = str_from(d->source.p + start, end - start);
    TRY(source_line(out, line));
    uint32_t width = d->offset + d->length <= end ? d->length : (uint32_t)end - d->offset;
    uint32_t shown = (uint32_t)utf8_count(str_from(d->source.p + d->offset, width));
    return caret_line(out, line, d->column, shown);
}
