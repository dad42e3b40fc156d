#include "cmd/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "model/display.h"

/* Nesting; what is deeper is written as JSON on one line. */
enum { DEPTH_MAX = 16, MARGIN = 6, LABEL = 13, LABEL_MOST = 32, NARROWEST = 20 };

struct style style_of(int fd)
{
    struct winsize w;
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    struct style s = {0};
    if (!isatty(fd))
        return s;
    s.colour =
        (no_color == NULL || no_color[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
    if (ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > NARROWEST + MARGIN)
        s.width = w.ws_col;
    return s;
}

/* --- Writing -----------------------------------------------------------------------------------
 */

void page_put(struct page *p, struct str s)
{
    if (p->err == ERR_OK)
        p->err = buf_put_str(p->out, s);
}

void page_z(struct page *p, const char *z)
{
    page_put(p, str_of(z));
}

void page_line(struct page *p, struct str s)
{
    if (p->err == ERR_OK)
        p->err = display_line(p->out, s);
}

void page_colour(struct page *p, enum page_colour c)
{
    static const char *const codes[] = {
        [BOLD] = "\033[1m",   [DIM] = "\033[2m",     [RED] = "\033[1;31m",
        [GREEN] = "\033[32m", [YELLOW] = "\033[33m",
    };
    if (p->style.colour)
        page_z(p, codes[c]);
}

void page_plain(struct page *p)
{
    if (p->style.colour)
        page_z(p, "\033[0m");
}

static void pad(struct page *p, size_t used, size_t to)
{
    page_z(p, " ");
    for (; used + 1 < to; used++)
        page_z(p, " ");
}

/* "  name         " */
static void label_in(struct page *p, struct str name, size_t width)
{
    page_z(p, "  ");
    page_colour(p, DIM);
    page_line(p, name);
    page_plain(p);
    pad(p, name.n, width);
}

void page_label(struct page *p, struct str name)
{
    label_in(p, name, LABEL);
}

void page_heading(struct page *p, const char *title)
{
    page_z(p, "\n");
    page_colour(p, BOLD);
    page_z(p, title);
    page_plain(p);
}

/* A text on lines of its own, each behind a margin that no text can imitate. */
void page_block(struct page *p, struct str s)
{
    struct display_block b = {
        .margin = STR("    │ "),
        .wrap_margin = STR("    ┆ "),
        .width = p->style.width != 0 ? p->style.width - MARGIN : 0,
    };
    if (p->err == ERR_OK)
        p->err = display_text(p->out, s, &b);
}

/* One value behind its label: on the same line where that is all there is to it. */
void page_text(struct page *p, struct str s)
{
    bool fits = p->style.width == 0 || s.n + LABEL_MOST + MARGIN < p->style.width;
    if (s.n == 0) {
        page_colour(p, DIM);
        page_z(p, "(empty)");
        page_plain(p);
        page_z(p, "\n");
    } else if (fits && memchr(s.p, '\n', s.n) == NULL) {
        page_z(p, "│ ");
        page_line(p, s);
        page_z(p, "\n");
    } else {
        page_z(p, "\n");
        page_block(p, s);
    }
}

/* --- Values of any shape: nothing of an envelope is left out ------------------------------------
 */

struct str json_string_view(const json_t *v)
{
    return str_from(json_string_value(v), json_string_length(v));
}

static void as_json(struct page *p, const json_t *v)
{
    char *text = json_dumps(v, JSON_ENCODE_ANY);
    if (text == NULL && p->err == ERR_OK)
        p->err = ERR_NOMEM;
    page_text(p, str_of(text));
    free(text);
}

static bool is_among(const char *key, const char *const *list)
{
    for (; list != NULL && *list != NULL; list++)
        if (strcmp(key, *list) == 0)
            return true;
    return false;
}

/* Wide enough for the names of all members, within reason. */
static size_t label_width(const json_t *object)
{
    const char *key;
    json_t *v;
    size_t width = LABEL;
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        size_t n = strlen(key) + 1;
        if (n > width && n <= LABEL_MOST)
            width = n;
    }
    return width;
}

void page_members(struct page *p, const json_t *object, const char *const *but, unsigned depth)
{
    const char *key;
    json_t *v;
    size_t width = label_width(object);
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        if (is_among(key, but))
            continue;
        for (unsigned i = 0; i < depth; i++)
            page_z(p, "  ");
        label_in(p, str_of(key), width);
        page_value(p, v, depth + 1);
    }
}

/* Behind a label, up to and with the end of the line. */
void page_value(struct page *p, const json_t *v, unsigned depth)
{
    if (v == NULL) {
        page_z(p, "(not said)\n");
    } else if (json_is_string(v)) {
        page_text(p, json_string_view(v));
    } else if (json_is_object(v) && json_object_size(v) != 0 && depth < DEPTH_MAX) {
        page_z(p, "\n");
        page_members(p, v, NULL, depth);
    } else if (json_is_array(v) && json_array_size(v) != 0 && depth < DEPTH_MAX) {
        page_z(p, "\n");
        for (size_t i = 0; i < json_array_size(v); i++) {
            char number[24];
            int n = snprintf(number, sizeof(number), "%zu", i + 1);
            for (unsigned d = 0; d < depth; d++)
                page_z(p, "  ");
            page_label(p, str_from(number, (size_t)n));
            page_value(p, json_array_get(v, i), depth + 1);
        }
    } else {
        as_json(p, v);
    }
}
