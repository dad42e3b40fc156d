/* The audit log's lines, and the JSON that workers put into them. */
#include "audit/record.h"
#include "base/json_check.h"
#include "base/limits.h"

#include <jansson.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact)
        abort();
}

/* What passes the check is JSON to somebody else's parser too, and one line. */
static void one_line_of_json_is_json(struct str s)
{
    if (!json_is_one_line(s, JSON_LINE_OBJECT))
        return;
    must(memchr(s.p, '\n', s.n) == NULL);
    if (str_contains(s, STR("\\u")))
        return; /* a lone surrogate is JSON by RFC 8259, but not to it */
    json_error_t said;
    json_t *v = json_loadb(s.p, s.n, JSON_DECODE_INT_AS_REAL, &said);
    must(json_is_object(v) || json_error_code(&said) == json_error_numeric_overflow);
    json_decref(v);
}

/* What is taken for a whole record is what we would have written. */
static void a_whole_record_is_written_the_same(struct str line)
{
    struct audit_record r;
    struct digest hash;
    struct buf again;
    if (audit_record_parse(line, &r) != ERR_OK)
        return;
    must(r.data.p >= line.p && r.data.p + r.data.n <= line.p + line.n);
    if (!audit_record_is_whole(line, &r))
        return;
    buf_init(&again, line.n + 4096);
    must(audit_record_write(&again, r.seq, 0, r.kind, &r.prev, r.data, &hash) == ERR_OK);
    buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = str_from(data, size);
    one_line_of_json_is_json(s);
    a_whole_record_is_written_the_same(s);
    return 0;
}
