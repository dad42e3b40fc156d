/*
 * Canonical text: what two expressions have in common when they mean the same over one schema.
 * Names are resolved (a slot is written by its full name), macros expanded, spacing is gone.
 */
#include "policy/cel/func.h"

static enum err put_literal(struct buf *out, struct cel_value v)
{
    /* Exact for every literal: doubles by their bits, text by its length. */
    switch ((int)cel_kind_of(v)) {
    case CEL_DOUBLE:
        return buf_printf(out, "d%llx", (unsigned long long)v.u);
    case CEL_STRING:
    case CEL_BYTES:
        TRY(buf_printf(out, "%c%u:", cel_is(v, CEL_STRING) ? 's' : 'y', cel_length(v)));
        return buf_put_str(out, cel_str(v));
    default:
        return buf_printf(out, "%u:%lld", (unsigned)cel_kind_of(v), (long long)v.i);
    }
}

static enum err put_args(struct buf *out, const struct node *n, uint32_t first)
{
    TRY(buf_put_u8(out, '('));
    for (uint32_t i = first; i < n->arg_count; i++) {
        if (i > first)
            TRY(buf_put_u8(out, ','));
        if (n->optionals != NULL && n->optionals[n->kind == NODE_MAP ? i / 2 : i])
            TRY(buf_put_u8(out, '?'));
        TRY(cel_node_text(out, n->args[i]));
    }
    return buf_put_u8(out, ')');
}

static enum err put_name(struct buf *out, const struct node *n)
{
    switch (n->ref) {
    case REF_SLOT:
        TRY(buf_put_str(out, n->variable->name));
        break;
    case REF_MACRO:
        return cel_node_text(out, n->macro->root);
    case REF_TYPE:
        TRY(buf_put_str(out, STR("type:")));
        return buf_put_str(out, *n->literal.type_name);
    case REF_LOCAL:
    case REF_NONE:
    case REF_UNDECLARED:
        /* `@` keeps a local from looking like a fact. */
        TRY(buf_printf(out, "@%.*s", STR_FMT(n->name)));
        break;
    }
    if (n->kind == NODE_SELECT && n->test)
        return buf_put_str(out, STR("!has"));
    return n->kind == NODE_SELECT && n->optional ? buf_put_u8(out, '?') : ERR_OK;
}

static enum err put_select(struct buf *out, const struct node *n)
{
    if (n->ref != REF_NONE)
        return put_name(out, n);
    TRY(cel_node_text(out, n->args[0]));
    return buf_printf(out, ".%s%s%zu:%.*s", n->test ? "!has" : "", n->optional ? "?" : "", n->name.n,
                      STR_FMT(n->name));
}

static enum err put_binder(struct buf *out, const struct node *n)
{
    TRY(buf_printf(out, "%u/%u/%d[%.*s,%.*s]", (unsigned)n->kind, (unsigned)n->fold, n->optional,
                   STR_FMT(n->locals[0].name), STR_FMT(n->locals[1].name)));
    return put_args(out, n, 0);
}

enum err cel_node_text(struct buf *out, const struct node *n)
{
    switch (n->kind) {
    case NODE_LITERAL:
        return put_literal(out, n->literal);
    case NODE_IDENT:
        return put_name(out, n);
    case NODE_SELECT:
        return put_select(out, n);
    case NODE_CALL:
        TRY(buf_printf(out, "%s%.*s", n->member && !n->namespaced ? "." : "",
                       STR_FMT(n->function != NULL ? n->function->name : n->name)));
        return put_args(out, n, n->namespaced ? 1 : 0);
    case NODE_AND:
        TRY(buf_put_str(out, STR("&&")));
        return put_args(out, n, 0);
    case NODE_OR:
        TRY(buf_put_str(out, STR("||")));
        return put_args(out, n, 0);
    case NODE_COND:
        TRY(buf_put_str(out, STR("?:")));
        return put_args(out, n, 0);
    case NODE_LIST:
        TRY(buf_put_str(out, STR("list")));
        return put_args(out, n, 0);
    case NODE_MAP:
        TRY(buf_put_str(out, STR("map")));
        return put_args(out, n, 0);
    case NODE_FOLD:
    case NODE_BIND:
    case NODE_OPT_MAP:
        return put_binder(out, n);
    }
    return ERR_BUG;
}
