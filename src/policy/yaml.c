#include "policy/yaml.h"

#include "base/limits.h"

#include <libfyaml.h>

/* One collection that is open: its children come between its start and its end. */
struct open {
    struct yaml_node *node;
    struct yaml_node *last;      /* child */
    const struct yaml_node *key; /* of a mapping: the key that waits for its value */
    struct str anchor;
};

struct anchor {
    struct anchor *older;
    struct str name;
    const struct yaml_node *node;
    size_t size;
};

struct builder {
    const struct config_file *file;
    struct arena *arena;
    struct problems *problems;
    struct open stack[LIMIT_YAML_DEPTH];
    size_t depth;
    const struct yaml_node *root;
    struct anchor *anchors;
    size_t nodes; /* with every alias counted as what it stands for */
    size_t opened_at[LIMIT_YAML_DEPTH];
    bool document_seen;
};

static struct place place_at(const struct config_file *file, uint32_t line, uint32_t column)
{
    return (struct place){.file = file, .line = line, .column = column, .width = 1};
}

static struct place event_place(const struct builder *b, struct fy_event *e)
{
    const struct fy_mark *m = fy_event_start_mark(e);
    if (m == NULL)
        return place_at(b->file, 1, 1);
    return place_at(b->file, (uint32_t)m->line + 1, (uint32_t)m->column + 1);
}

static enum err refuse(struct builder *b, struct place at, const char *hint, const char *what)
{
    problem_error(b->problems, at, str_of(hint), "%s", what);
    return ERR_INVALID;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct str token_text(struct fy_token *t)
{
    size_t n = 0;
    const char *p = t != NULL ? fy_token_get_text(t, &n) : NULL;
    return (struct str){p, p != NULL ? n : 0};
}

/* --- Building the tree ------------------------------------------------------------------------ */

static enum err anchor_add(struct builder *b, struct str name, const struct yaml_node *node,
                           size_t size)
{
    if (name.n == 0)
        return ERR_OK;
    struct anchor *a = arena_new(b->arena, struct anchor);
    if (a == NULL)
        return ERR_NOMEM;
    *a = (struct anchor){.older = b->anchors, .name = name, .node = node, .size = size};
    b->anchors = a;
    return ERR_OK;
}

/* Joins a finished child to the collection it stands in. */
static enum err attach(struct builder *b, struct yaml_node *n)
{
    if (b->depth == 0) {
        b->root = n;
        return ERR_OK;
    }
    struct open *o = &b->stack[b->depth - 1];
    if (o->node->kind == YAML_MAPPING && o->key == NULL) {
        if (n->kind != YAML_SCALAR)
            return refuse(b, yaml_place(n), "write the key as a plain word or in quotes",
                          "a key must be text");
        o->key = n;
        return ERR_OK;
    }
    n->key = o->key;
    o->key = NULL;
    if (n->kind == YAML_NULL && n->line == 0 && n->key != NULL) {
        n->line = n->key->line;
        n->column = n->key->column;
    }
    if (o->last != NULL)
        o->last->next = n;
    else
        o->node->first = n;
    o->last = n;
    o->node->n++;
    return ERR_OK;
}

static enum err node_new(struct builder *b, struct fy_event *e, struct fy_token *tag,
                         struct yaml_node **ret)
{
    if (tag != NULL) {
        const struct fy_mark *m = fy_token_start_mark(tag);
        struct place at = m != NULL ? place_at(b->file, (uint32_t)m->line + 1, (uint32_t)m->column + 1)
                                    : event_place(b, e);
        return refuse(b, at, "in YAML a value that starts with `!` is a tag: put it into quotes, or after `|-`",
                      "tags have no meaning here");
    }
    if (++b->nodes > LIMIT_YAML_NODES)
        return refuse(b, event_place(b, e), "", "the file has too many values");
    struct yaml_node *n = arena_new(b->arena, struct yaml_node);
    if (n == NULL)
        return ERR_NOMEM;
    n->file = b->file;
    const struct fy_mark *start = fy_event_start_mark(e), *end = fy_event_end_mark(e);
    if (start != NULL && end != NULL) {
        n->line = (uint32_t)start->line + 1;
        n->column = (uint32_t)start->column + 1;
        n->start = start->input_pos;
        n->end = end->input_pos;
    }
    *ret = n;
    return ERR_OK;
}

/* A line break within quotes, with the white space around it: a space, or one break for each empty line
 * (YAML 1.2.2, 6.5). Returns where the text goes on. */
static size_t fold_line(struct str raw, size_t at, char *out, size_t *used)
{
    size_t breaks = 0;
    for (; at < raw.n && is_blank(raw.p[at]); at++)
        breaks += raw.p[at] == '\n';
    while (*used > 0 && (out[*used - 1] == ' ' || out[*used - 1] == '\t'))
        (*used)--;
    if (breaks == 1)
        out[(*used)++] = ' ';
    for (size_t i = 1; i < breaks; i++)
        out[(*used)++] = '\n';
    return at;
}

/* Single-quoted text is decoded here: libfyaml 0.7 leaks memory for one with five quotes in it. */
static enum err single_quoted(struct builder *b, const struct yaml_node *n, struct str *ret)
{
    struct str file = b->file->text;
    if (n->start > n->end || n->end > file.n)
        return ERR_BUG;
    struct str raw = {file.p + n->start, n->end - n->start};
    char *out = arena_alloc(b->arena, raw.n + 1);
    if (out == NULL)
        return ERR_NOMEM;
    size_t used = 0;
    for (size_t i = 0; i < raw.n;) {
        if (raw.p[i] == '\n' || raw.p[i] == '\r') {
            i = fold_line(raw, i, out, &used);
            continue;
        }
        i += raw.p[i] == '\'' && i + 1 < raw.n; /* the second of a doubled one is the text's */
        out[used++] = raw.p[i++];
    }
    out[used] = '\0';
    *ret = (struct str){out, used};
    return ERR_OK;
}

static bool is_null(struct str text, bool plain)
{
    return plain && (text.n == 0 || str_is(text, "~") || str_is(text, "null"));
}

static enum err scalar(struct builder *b, struct fy_event *e)
{
    struct yaml_node *n = NULL;
    struct str anchor = {NULL, 0};
    TRY(node_new(b, e, e->scalar.tag, &n));
    enum fy_scalar_style style = fy_token_scalar_style(e->scalar.value);
    n->plain = style == FYSS_PLAIN;
    if (style == FYSS_SINGLE_QUOTED)
        TRY(single_quoted(b, n, &n->text));
    else
        TRY(arena_str(b->arena, token_text(e->scalar.value), &n->text));
    n->kind = is_null(n->text, n->plain) ? YAML_NULL : YAML_SCALAR;
    if (e->scalar.anchor != NULL)
        TRY(arena_str(b->arena, token_text(e->scalar.anchor), &anchor));
    TRY(anchor_add(b, anchor, n, 1));
    return attach(b, n);
}

static enum err collection(struct builder *b, struct fy_event *e, enum yaml_kind kind,
                           struct fy_token *tag, struct fy_token *anchor)
{
    struct yaml_node *n = NULL;
    size_t before = b->nodes;
    TRY(node_new(b, e, tag, &n));
    n->kind = kind;
    if (b->depth == LIMIT_YAML_DEPTH)
        return refuse(b, yaml_place(n), "", "values are nested too deeply");
    struct open *o = &b->stack[b->depth];
    *o = (struct open){.node = n};
    if (anchor != NULL)
        TRY(arena_str(b->arena, token_text(anchor), &o->anchor));
    b->opened_at[b->depth] = before;
    b->depth++;
    return ERR_OK;
}

static enum err collection_end(struct builder *b)
{
    if (b->depth == 0)
        return ERR_BUG;
    b->depth--;
    struct open o = b->stack[b->depth];
    /* A collection as a key would be joined here; attach refuses it. */
    TRY(anchor_add(b, o.anchor, o.node, b->nodes - b->opened_at[b->depth]));
    return attach(b, o.node);
}

/* An alias is a copy of the node itself; what is below it is shared. */
static enum err alias(struct builder *b, struct fy_event *e)
{
    struct str name = token_text(e->alias.anchor);
    const struct anchor *a = b->anchors;
    while (a != NULL && !str_eq(a->name, name))
        a = a->older;
    if (a == NULL) {
        problem_error(b->problems, event_place(b, e),
                      STR("an anchor `&name` must come before the alias `*name`; text that starts "
                          "with `*` needs quotes"),
                      "no value is anchored as `%.*s`", STR_FMT(name));
        return ERR_INVALID;
    }
    b->nodes += a->size;
    if (b->nodes > LIMIT_YAML_NODES)
        return refuse(b, event_place(b, e), "", "the file has too many values, counting aliases");
    struct yaml_node *n = arena_new(b->arena, struct yaml_node);
    if (n == NULL)
        return ERR_NOMEM;
    *n = *a->node;
    n->next = NULL;
    n->key = NULL;
    return attach(b, n);
}

static enum err event(struct builder *b, struct fy_event *e)
{
    switch (e->type) {
    case FYET_DOCUMENT_START:
        if (b->document_seen)
            return refuse(b, event_place(b, e), "put it into a file of its own and `include:` it",
                          "a file holds one document");
        b->document_seen = true;
        return ERR_OK;
    case FYET_MAPPING_START:
        return collection(b, e, YAML_MAPPING, e->mapping_start.tag, e->mapping_start.anchor);
    case FYET_SEQUENCE_START:
        return collection(b, e, YAML_SEQUENCE, e->sequence_start.tag, e->sequence_start.anchor);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        return collection_end(b);
    case FYET_SCALAR:
        return scalar(b, e);
    case FYET_ALIAS:
        return alias(b, e);
    case FYET_NONE:
    case FYET_STREAM_START:
    case FYET_STREAM_END:
    case FYET_DOCUMENT_END:
        return ERR_OK;
    }
    return ERR_BUG;
}

/* --- The parser ------------------------------------------------------------------------------- */

static void say_nothing(struct fy_diag *d, void *user, const char *text, size_t n)
{
    (void)d, (void)user, (void)text, (void)n;
}

/* What the parser found wrong; the usual cause is CEL's punctuation in a plain scalar. */
static enum err syntax_error(struct builder *b, struct fy_diag *diag)
{
    void *at = NULL;
    const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &at);
    struct place where = place_at(b->file, 1, 1);
    if (e == NULL)
        return refuse(b, where, "", "this is not YAML");
    if (e->line > 0 && e->column > 0)
        where = place_at(b->file, (uint32_t)e->line, (uint32_t)e->column);
    problem_error(b->problems, where,
                  STR("a condition that holds `: `, ` #`, or starts with a quote or one of "
                      "[ ] { } ! & * @ % needs a block: write `|-` and put it on the next line"),
                  "not valid YAML: %s", e->msg != NULL ? e->msg : "syntax");
    return ERR_INVALID;
}

static enum err run(struct builder *b, struct fy_parser *p, struct fy_diag *diag)
{
    for (;;) {
        struct fy_event *e = fy_parser_parse(p);
        if (e == NULL)
            return fy_parser_get_stream_error(p) ? syntax_error(b, diag) : ERR_OK;
        enum err err = event(b, e);
        fy_parser_event_free(p, e);
        TRY(err);
    }
}

static enum err text_check(struct builder *b)
{
    struct str text = b->file->text;
    uint32_t line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i <= text.n; i++) {
        if (i < text.n && text.p[i] == '\0')
            return refuse(b, place_at(b->file, line, 1), "", "the line holds a NUL byte");
        if (i < text.n && text.p[i] != '\n')
            continue;
        if (!str_is_utf8((struct str){text.p + line_start, i - line_start}))
            return refuse(b, place_at(b->file, line, 1), "", "the line is not UTF-8");
        line_start = i + 1;
        line++;
    }
    return ERR_OK;
}

static enum err parse(struct builder *b)
{
    struct fy_diag_cfg diag_cfg;
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.output_fn = say_nothing;
    struct fy_diag *diag = fy_diag_create(&diag_cfg);
    if (diag == NULL)
        return ERR_NOMEM;
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg cfg = {
        .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
        .diag = diag,
    };
    enum err e = ERR_NOMEM;
    struct fy_parser *p = fy_parser_create(&cfg);
    if (p != NULL && fy_parser_set_string(p, b->file->text.p, b->file->text.n) == 0)
        e = run(b, p, diag);
    if (p != NULL)
        fy_parser_destroy(p);
    fy_diag_destroy(diag);
    return e;
}

enum err yaml_parse(const struct config_file *file, struct arena *a, struct problems *problems,
                    const struct yaml_node **ret)
{
    struct builder b = {.file = file, .arena = a, .problems = problems};
    struct yaml_node *empty = arena_new(a, struct yaml_node);
    if (empty == NULL)
        return ERR_NOMEM;
    *empty = (struct yaml_node){.kind = YAML_NULL, .file = file, .line = 1, .column = 1};
    if (file->text.n != 0) {
        TRY(text_check(&b));
        TRY(parse(&b));
    }
    *ret = b.root != NULL ? b.root : empty;
    return ERR_OK;
}

/* --- Places ----------------------------------------------------------------------------------- */

static uint32_t characters(const char *p, size_t n)
{
    uint32_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)p[i] & 0xc0) != 0x80;
    return count;
}

struct place yaml_place(const struct yaml_node *n)
{
    struct place at = place_at(n->file, n->line, n->column);
    if (n->kind != YAML_SCALAR)
        return at;
    struct str text = n->file->text;
    size_t end = n->start;
    while (end < n->end && end < text.n && text.p[end] != '\n')
        end++;
    if (end > n->start)
        at.width = characters(text.p + n->start, end - n->start);
    return at;
}

/* The file's offset of the text's byte `offset`: white space is what YAML changes, so it is the
 * other bytes that are counted; of an escaped quote or backslash the first byte is skipped. */
static size_t source_offset(const struct yaml_node *n, size_t offset)
{
    size_t solid = 0;
    for (size_t i = 0; i < offset && i < n->text.n; i++)
        solid += !is_blank(n->text.p[i]);
    struct str file = n->file->text;
    size_t end = n->end < file.n ? n->end : file.n;
    char quote = n->start > 0 && n->start <= file.n && !n->plain ? file.p[n->start - 1] : '\0';
    size_t at = n->start;
    for (; at < end; at++) {
        if (is_blank(file.p[at]))
            continue;
        bool escapes = (quote == '\'' && file.p[at] == '\'') || (quote == '"' && file.p[at] == '\\');
        if (escapes && at + 1 < end)
            at++;
        if (solid == 0)
            break;
        solid--;
    }
    return at;
}

struct place yaml_place_in(const struct yaml_node *n, size_t offset, size_t length)
{
    if (n->kind != YAML_SCALAR || n->end > n->file->text.n)
        return yaml_place(n);
    struct str file = n->file->text;
    size_t at = source_offset(n, offset);
    size_t end = length > 1 ? source_offset(n, offset + length - 1) + 1 : at + 1;
    struct place p = place_at(n->file, 1, 1);
    size_t line_start = 0;
    for (size_t i = 0; i < at; i++) {
        if (file.p[i] == '\n') {
            p.line++;
            line_start = i + 1;
        }
    }
    p.column = characters(file.p + line_start, at - line_start) + 1;
    size_t stop = at;
    while (stop < end && stop < file.n && file.p[stop] != '\n')
        stop++;
    p.width = stop > at ? characters(file.p + at, stop - at) : 1;
    return p;
}

const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key)
{
    for (const struct yaml_node *v = mapping->first; v != NULL; v = v->next)
        if (v->key != NULL && str_is(v->key->text, key))
            return v;
    return NULL;
}
