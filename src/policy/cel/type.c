#include "policy/cel/schema.h"

#define SCALAR(name_, kind_) const struct cel_type name_ = {.kind = (kind_)}

SCALAR(CEL_TYPE_DYN, CEL_DYN);
SCALAR(CEL_TYPE_NULL, CEL_NULL);
SCALAR(CEL_TYPE_BOOL, CEL_BOOL);
SCALAR(CEL_TYPE_INT, CEL_INT);
SCALAR(CEL_TYPE_UINT, CEL_UINT);
SCALAR(CEL_TYPE_DOUBLE, CEL_DOUBLE);
SCALAR(CEL_TYPE_STRING, CEL_STRING);
SCALAR(CEL_TYPE_BYTES, CEL_BYTES);
SCALAR(CEL_TYPE_TIMESTAMP, CEL_TIMESTAMP);
SCALAR(CEL_TYPE_DURATION, CEL_DURATION);
SCALAR(CEL_TYPE_IP, CEL_IP);
SCALAR(CEL_TYPE_CIDR, CEL_CIDR);
SCALAR(CEL_TYPE_TYPE, CEL_TYPE);
SCALAR(CEL_TYPE_ERROR, CEL_ERROR_VALUE);

static const struct cel_type *const string_params[] = {&CEL_TYPE_STRING, &CEL_TYPE_STRING};

const struct cel_type CEL_TYPE_STRINGS = {
    .kind = CEL_LIST, .params = string_params, .param_count = 1};
const struct cel_type CEL_TYPE_LABELS = {
    .kind = CEL_MAP, .params = string_params, .param_count = 2};

static const struct cel_type *compound(struct arena *a, enum cel_kind kind,
                                       const struct cel_type *first, const struct cel_type *second)
{
    struct cel_type *t = arena_new(a, struct cel_type);
    const struct cel_type **params = arena_new_array(a, 2, const struct cel_type *);
    if (t == NULL || params == NULL)
        return NULL;
    params[0] = first;
    params[1] = second;
    *t = (struct cel_type){.kind = kind, .params = params, .param_count = second != NULL ? 2 : 1};
    return t;
}

const struct cel_type *cel_type_list(struct arena *a, const struct cel_type *element)
{
    return compound(a, CEL_LIST, element, NULL);
}

const struct cel_type *cel_type_map(struct arena *a, const struct cel_type *key,
                                    const struct cel_type *value)
{
    return compound(a, CEL_MAP, key, value);
}

const struct cel_type *cel_type_optional(struct arena *a, const struct cel_type *value)
{
    return compound(a, CEL_OPTIONAL, value, NULL);
}

const struct cel_type *cel_type_record(struct arena *a, struct str name,
                                       const struct cel_field *fields, size_t n)
{
    struct cel_type *t = arena_new(a, struct cel_type);
    if (t == NULL || n > UINT32_MAX)
        return NULL;
    *t = (struct cel_type){
        .kind = CEL_RECORD, .name = name, .fields = fields, .field_count = (uint32_t)n};
    return t;
}

bool cel_type_equal(const struct cel_type *a, const struct cel_type *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || a->param_count != b->param_count || !str_eq(a->name, b->name))
        return false;
    for (uint32_t i = 0; i < a->param_count; i++)
        if (!cel_type_equal(a->params[i], b->params[i]))
            return false;
    return true;
}

static struct str type_name(const struct cel_type *t)
{
    switch ((int)t->kind) {
    case CEL_NULL:
        return STR("null");
    case CEL_TIMESTAMP:
        return STR("timestamp");
    case CEL_DURATION:
        return STR("duration");
    case CEL_OPTIONAL:
        return STR("optional");
    case CEL_RECORD:
    case CEL_PARAM:
    case CEL_OPAQUE:
        return t->name;
    default:
        return str_of(cel_kind_name(t->kind));
    }
}

enum err cel_type_text(struct buf *out, const struct cel_type *t)
{
    TRY(buf_put_str(out, type_name(t)));
    if (t->param_count == 0)
        return ERR_OK;
    for (uint32_t i = 0; i < t->param_count; i++) {
        TRY(buf_put_str(out, i == 0 ? STR("(") : STR(", ")));
        TRY(cel_type_text(out, t->params[i]));
    }
    return buf_put_u8(out, ')');
}
