/*
 * The PostgreSQL frontend/backend protocol 3.0 (PostgreSQL manual, chapter 55): numbers, messages
 * that the gateway writes itself, and strict readers of those it must understand.
 */
#pragma once

#include "base/buf.h"
#include "base/cursor.h"

enum {
    PG_PROTOCOL_3_0 = 196608,    /* 3 << 16 */
    PG_CANCEL_REQUEST = 80877102,
    PG_SSL_REQUEST = 80877103,
    PG_GSSENC_REQUEST = 80877104,
    PG_HEADER = 5,               /* type and length */
    PG_NAME_MAX = 63,            /* NAMEDATALEN - 1 */
};

/* SQLSTATEs. Those of class ZC are the gateway's own: classes from I to Z belong to no standard. */
#define PG_DENIED "ZC001"
#define PG_REJECTED "ZC002"
#define PG_EXPIRED "ZC003"
#define PG_UNAVAILABLE "ZC004"
#define PG_PENDING "ZC005"
#define PG_LACKING "ZC006"
#define PG_TOO_MANY "53400" /* configuration_limit_exceeded */
#define PG_QUERY_CANCELED "57014"
#define PG_PROTOCOL_VIOLATION "08P01"
#define PG_CONNECTION_FAILURE "08006"
#define PG_CANNOT_CONNECT "08001"
#define PG_INVALID_AUTHORIZATION "28000"
#define PG_INVALID_PASSWORD "28P01"
#define PG_FEATURE_NOT_SUPPORTED "0A000"
#define PG_PROGRAM_LIMIT "54000"
#define PG_TOO_MANY_CONNECTIONS "53300"
#define PG_ADMIN_SHUTDOWN "57P01"

struct pg_report {
    const char *severity; /* "ERROR", "FATAL", "NOTICE" */
    const char *sqlstate;
    struct str message, detail, hint; /* detail and hint may be empty */
};

/* ErrorResponse ('E') or, for severity NOTICE, NoticeResponse ('N'). NULs in the texts become spaces. */
MUST_USE enum err pg_put_report(struct buf *out, const struct pg_report *r);
/* ReadyForQuery; status 'I', 'T' or 'E'. */
MUST_USE enum err pg_put_ready(struct buf *out, char status);
/* A simple Query message. */
MUST_USE enum err pg_put_query(struct buf *out, struct str sql);
/* A Parse message without parameter types. */
MUST_USE enum err pg_put_parse(struct buf *out, struct str name, struct str sql);
/* A Parse message; types: parameter types, OIDs of 4 bytes. */
MUST_USE enum err pg_put_parse_typed(struct buf *out, struct str name, struct str sql, struct str types);
/* A Bind message; tail: all that stands behind the two names. */
MUST_USE enum err pg_put_bind(struct buf *out, struct str portal, struct str statement, struct str tail);
/* An Execute message without a limit of rows. */
MUST_USE enum err pg_put_execute(struct buf *out, struct str portal);
/* what: 'S' statement, 'P' portal. */
MUST_USE enum err pg_put_close(struct buf *out, char what, struct str name);
MUST_USE enum err pg_put_sync(struct buf *out);
MUST_USE enum err pg_put_flush(struct buf *out);
MUST_USE enum err pg_put_terminate(struct buf *out);
/* SSLRequest. */
MUST_USE enum err pg_put_ssl_request(struct buf *out);
MUST_USE enum err pg_put_cancel(struct buf *out, uint32_t pid, uint32_t secret);

/* A name as SQL writes it whatever it holds: in double quotes, those within doubled. */
MUST_USE enum err pg_put_identifier(struct buf *out, struct str name);

/* The length field of a message header: counts itself, not the type. p has PG_HEADER bytes. */
static inline uint32_t pg_length(const char *p)
{
    uint32_t v;
    memcpy(&v, p + 1, sizeof(v));
    return __builtin_bswap32(v);
}

/* One field ('C', 'M', 'V' …) of an ErrorResponse or NoticeResponse body; empty where absent. */
struct str pg_report_field(struct str body, char field);

struct pg_parse {
    struct str name, text;
    uint16_t n_types;
    struct str types; /* n_types OIDs of 4 bytes */
};
struct pg_bind {
    struct str portal, statement;
    uint16_t n_formats, n_params;
    struct str formats; /* n_formats of 2 bytes */
    struct str params;  /* n_params of 4 bytes length (-1 NULL) and bytes */
};
struct pg_execute {
    struct str portal;
    uint32_t max_rows;
};
struct pg_named {
    char what; /* 'S' statement, 'P' portal */
    struct str name;
};

/* Bodies (without header), to the last byte: ERR_PROTOCOL for anything less or more. */
MUST_USE enum err pg_read_query(struct str body, struct str *ret_text);
MUST_USE enum err pg_read_parse(struct str body, struct pg_parse *ret);
MUST_USE enum err pg_read_bind(struct str body, struct pg_bind *ret);
MUST_USE enum err pg_read_execute(struct str body, struct pg_execute *ret);
MUST_USE enum err pg_read_named(struct str body, struct pg_named *ret); /* Describe, Close */
/* FunctionCall: the function's OID; the arguments are checked for shape only. */
MUST_USE enum err pg_read_function_call(struct str body, uint32_t *ret_oid);
