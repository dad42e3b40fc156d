#include "model/display.h"

#include <stdio.h>

/* Code points that are never shown as they are. Unicode 15.0: general categories Cc, Cf, Zl, Zp, Zs
 * (except the space), Co, Cs, Cn (noncharacters); the default ignorable code points; combining
 * marks that overlay any letter; and letters made to look like ASCII. */
static const struct {
    uint32_t first, last;
} hidden[] = {
    {0x0000, 0x001f}, /* C0 */
    {0x007f, 0x00a0}, /* DEL, C1, no-break space */
    {0x00ad, 0x00ad}, /* soft hyphen */
    {0x0300, 0x036f}, /* combining marks */
    {0x0600, 0x0605}, /* Arabic number signs (Cf) */
    {0x061c, 0x061c}, /* Arabic letter mark */
    {0x06dd, 0x06dd},    {0x070f, 0x070f},   {0x0890, 0x0891},
    {0x08e2, 0x08e2},    {0x115f, 0x1160}, /* Hangul fillers */
    {0x1680, 0x1680},                      /* Ogham space */
    {0x17b4, 0x17b5},    {0x180b, 0x180f}, /* Mongolian selectors */
    {0x1ab0, 0x1aff},                      /* combining marks */
    {0x1dc0, 0x1dff},    {0x2000, 0x200f}, /* spaces, zero width, marks of direction */
    {0x2028, 0x202f},                      /* separators, embeddings and overrides, narrow space */
    {0x205f, 0x206f},                      /* invisible operators, isolates */
    {0x20d0, 0x20ff},                      /* combining marks for symbols */
    {0x27e6, 0x27e7},                      /* our own brackets */
    {0x2800, 0x2800},                      /* blank Braille pattern */
    {0x3000, 0x3000},                      /* ideographic space */
    {0x3164, 0x3164},                      /* Hangul filler */
    {0xd800, 0xf8ff},                      /* surrogates, private use */
    {0xfe00, 0xfe0f},                      /* variation selectors */
    {0xfe20, 0xfe2f},                      /* combining half marks */
    {0xfeff, 0xfeff},                      /* byte order mark */
    {0xff01, 0xff5e},                      /* fullwidth ASCII */
    {0xffa0, 0xffa0},                      /* halfwidth Hangul filler */
    {0xfff0, 0xffff},                      /* annotation, replacement, noncharacters */
    {0x110bd, 0x110bd},  {0x110cd, 0x110cd}, {0x13430, 0x1343f}, /* hieroglyph format controls */
    {0x1bca0, 0x1bca3},                                          /* shorthand format controls */
    {0x1d159, 0x1d159},  {0x1d173, 0x1d17a},                     /* musical format controls */
    {0x1d400, 0x1d7ff},  /* mathematical letters and digits */
    {0xe0000, 0x10ffff}, /* tags, selectors, private use, noncharacters */
};

/* Scripts with letters that look like Latin ones. */
static const struct {
    uint32_t first, last;
} look_alike[] = {
    {0x0180, 0x02af}, /* Latin extensions and IPA: ɑ, ɡ, ı's relatives */
    {0x0370, 0x03ff}, /* Greek */
    {0x0400, 0x052f}, /* Cyrillic */
    {0x0530, 0x058f}, /* Armenian */
    {0x10a0, 0x10ff}, /* Georgian */
    {0x13a0, 0x13ff}, /* Cherokee */
    {0x1c80, 0x1c8f}, /* Cyrillic extended */
    {0x1d00, 0x1dbf}, /* phonetic extensions */
    {0x1f00, 0x1fff}, /* Greek extended */
    {0x2c00, 0x2dff}, /* Glagolitic, Latin C, Coptic, Georgian, Cyrillic extended */
    {0xa4d0, 0xa4ff}, /* Lisu */
    {0xa640, 0xa69f}, /* Cyrillic extended */
    {0xa720, 0xa7ff}, /* Latin D */
    {0xab30, 0xabbf}, /* Latin E, Cherokee */
};

static bool is_hidden(uint32_t c)
{
    size_t low = 0, high = ARRAY_LEN(hidden);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (c > hidden[mid].last)
            low = mid + 1;
        else
            high = mid;
    }
    return low < ARRAY_LEN(hidden) && c >= hidden[low].first;
}

static bool is_look_alike(uint32_t c)
{
    for (size_t i = 0; i < ARRAY_LEN(look_alike); i++)
        if (c >= look_alike[i].first && c <= look_alike[i].last)
            return true;
    return false;
}

static bool is_ascii_letter(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One character (RFC 3629), or one byte that begins none: then `byte`. */
struct character {
    uint32_t c;
    size_t n;
    bool byte;
};

static struct character character_at(const char *p, size_t left)
{
    static const unsigned char lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned char b = (unsigned char)p[0];
    size_t n = b < 0x80 ? 1 : b >= 0xc2 && b < 0xe0 ? 2 : b >= 0xe0 && b < 0xf0 ? 3 : 4;
    if (n > left || !str_is_utf8(str_from(p, n)))
        return (struct character){b, 1, true};
    uint32_t c = b & lead_mask[n];
    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((unsigned char)p[i] & 0x3f);
    return (struct character){c, n, false};
}

/* Characters of a word: what an identifier may be written with. */
static bool is_word(struct character ch)
{
    return !ch.byte &&
           (ch.c >= 0x80 ? !is_hidden(ch.c)
                         : is_ascii_letter(ch.c) || ch.c == '_' || (ch.c >= '0' && ch.c <= '9'));
}

/* The bytes of the word at the front of s, and whether it mixes Latin letters with look-alikes. */
static size_t word_at(struct str s, bool *ret_mixed)
{
    size_t at = 0;
    bool latin = false, foreign = false;
    while (at < s.n) {
        struct character ch = character_at(s.p + at, s.n - at);
        if (!is_word(ch))
            break;
        latin |= is_ascii_letter(ch.c);
        foreign |= is_look_alike(ch.c);
        at += ch.n;
    }
    *ret_mixed = latin && foreign;
    return at;
}

/* What one character is written as; `text` may be a view into it. */
struct shown {
    char escape[24];
    struct str text;
    size_t columns;
};

static void show(struct shown *ret, const char *p, struct character ch, bool mixed)
{
    bool escaped = ch.byte || is_hidden(ch.c) || (mixed && is_look_alike(ch.c));
    ret->text = str_from(p, ch.n);
    /* Wide characters take two columns; those that take one waste one when a line is wrapped. */
    ret->columns = ch.c < 0x300 ? 1 : 2;
    if (!escaped)
        return;
    int n = snprintf(ret->escape, sizeof(ret->escape), ch.byte ? "⟦0x%02X⟧" : "⟦U+%04X⟧", ch.c);
    ret->text = str_from(ret->escape, (size_t)n);
    ret->columns = (size_t)n - 4; /* each bracket is three bytes and one column */
}

/* Walks over s character by character. */
struct walk {
    struct str rest;
    size_t word_left; /* bytes of the present word that are still to come */
    bool mixed;       /* the present word mixes scripts */
};

static struct character walk_next(struct walk *w, const char **ret_p, bool *ret_mixed)
{
    if (w->word_left == 0) {
        w->mixed = false;
        w->word_left = word_at(w->rest, &w->mixed);
    }
    struct character ch = character_at(w->rest.p, w->rest.n);
    *ret_p = w->rest.p;
    *ret_mixed = w->mixed;
    w->rest = str_from(w->rest.p + ch.n, w->rest.n - ch.n);
    if (w->word_left != 0)
        w->word_left -= ch.n;
    return ch;
}

enum err display_line(struct buf *out, struct str s)
{
    struct walk w = {.rest = s};
    while (w.rest.n != 0) {
        struct shown sh;
        const char *p;
        bool mixed;
        struct character ch = walk_next(&w, &p, &mixed);
        show(&sh, p, ch, mixed);
        TRY(buf_put_str(out, sh.text));
    }
    return ERR_OK;
}

enum err display_text(struct buf *out, struct str s, const struct display_block *b)
{
    enum { TAB = 8 };
    struct walk w = {.rest = s};
    size_t column = 0;
    TRY(buf_put_str(out, b->margin));
    while (w.rest.n != 0) {
        struct shown sh;
        const char *p;
        bool mixed;
        struct character ch = walk_next(&w, &p, &mixed);
        if (ch.c == '\n' && !ch.byte) {
            TRY(buf_put_str(out, STR("\n")));
            TRY(buf_put_str(out, b->margin));
            column = 0;
            continue;
        }
        show(&sh, p, ch, mixed);
        if (ch.c == '\t' && !ch.byte) {
            sh.text = STR("\t");
            sh.columns = TAB;
        }
        if (b->width != 0 && column != 0 && column + sh.columns > b->width) {
            TRY(buf_put_str(out, STR("\n")));
            TRY(buf_put_str(out, b->wrap_margin));
            column = 0;
        }
        TRY(buf_put_str(out, sh.text));
        column += sh.columns;
    }
    return buf_put_str(out, STR("\n"));
}

bool display_has_hidden(struct str s)
{
    struct walk w = {.rest = s};
    while (w.rest.n != 0) {
        struct shown sh;
        const char *p;
        bool mixed;
        struct character ch = walk_next(&w, &p, &mixed);
        show(&sh, p, ch, mixed);
        if (sh.text.p == sh.escape)
            return true;
    }
    return false;
}
