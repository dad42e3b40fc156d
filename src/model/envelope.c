#include "model/envelope.h"
#include "base/limits.h"

static void put_subject(struct json *j, const struct subject *s)
{
    json_key(j, "subject");
    json_object_begin(j);
    json_key(j, "name");
    json_bytes(j, s->name);
    json_put_str(j, "kind", s->kind);
    if (s->person.n != 0)
        json_put_str(j, "person", s->person);
    if (s->on_behalf_of.n != 0)
        json_put_str(j, "on_behalf_of", s->on_behalf_of);
    json_object_end(j);
}

static void put_resource(struct json *j, const struct resource *r)
{
    json_key(j, "resource");
    json_object_begin(j);
    json_put_str(j, "name", r->name);
    json_put_str(j, "type", r->type);
    json_key(j, "labels");
    json_object_begin(j);
    for (size_t i = 0; i < r->n_labels; i++) {
        json_key_str(j, r->labels[i].key);
        json_str(j, r->labels[i].value);
    }
    json_object_end(j);
    json_object_end(j);
}

enum err envelope_write(struct buf *out, const struct action *a, struct str action_json,
                        struct digest *ret_digest)
{
    struct json j;
    size_t start = buf_len(out);
    json_init(&j, out);
    json_object_begin(&j);
    json_put_int(&j, "countersign", 1);
    json_put_z(&j, "kind", action_kind_text(a->kind));
    put_subject(&j, a->subject);
    put_resource(&j, a->resource);
    json_key(&j, "action");
    json_raw(&j, action_json);
    json_object_end(&j);
    TRY(json_end(&j));
    struct str all = buf_view(out);
    struct str written = {all.p + start, all.n - start};
    if (written.n > LIMIT_ENVELOPE)
        return ERR_LIMIT;
    *ret_digest = digest_of(written);
    return ERR_OK;
}
