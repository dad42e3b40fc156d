#include "model/ticket.h"

#include "base/buf.h"

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

enum err ticket_url(struct str template, struct str ticket, struct buf *out)
{
    const struct str mark = STR("{ticket}");
    for (size_t i = 0; i < template.n; i++) {
        if (!str_starts(str_from(template.p + i, template.n - i), mark)) {
            TRY(buf_put_u8(out, (uint8_t)template.p[i]));
            continue;
        }
        for (size_t k = 0; k < ticket.n; k++)
            TRY(is_unreserved(ticket.p[k]) ? buf_put_u8(out, (uint8_t)ticket.p[k])
                                           : buf_printf(out, "%%%02X", (unsigned char)ticket.p[k]));
        i += mark.n - 1;
    }
    return ERR_OK;
}
