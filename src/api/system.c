#include "api/internal.h"

#include <inttypes.h>

/* --- Health and metrics --------------------------------------------------------------------- */

void api_health(struct api_call *c)
{
    struct str why;
    struct broker_metrics m;
    bool well = broker_health(c->api->broker, &why);
    broker_metrics(c->api->broker, &m);
    if (well && m.workers_ready == 0) {
        well = false;
        why = STR("no worker is ready: no statement can be taken");
    }
    json_object_begin(&c->json);
    bool degraded = well && broker_degraded(c->api->broker, &why);
    json_put_z(&c->json, "status", degraded ? "degraded" : well ? "ok" : "unavailable");
    if (!well || degraded)
        json_put_str(&c->json, "reason", why);
    json_object_end(&c->json);
    reply_json(c, well ? 200 : 503);
}

/* One family: its head lines. */
static enum err family(struct buf *b, const char *name, const char *type, const char *help)
{
    return buf_printf(b, "# HELP countersign_%s %s\n# TYPE countersign_%s %s\n", name, help, name,
                      type);
}

static enum err put_states(struct buf *b, const char *name, const uint64_t *values, bool open_only)
{
    for (unsigned s = REQUEST_PENDING; s < REQUEST_STATE_COUNT_; s++) {
        if (open_only && request_is_final((enum request_state)s))
            continue;
        TRY(buf_printf(b, "countersign_%s{state=\"%s\"} %" PRIu64 "\n", name,
                       request_state_text((enum request_state)s), values[s]));
    }
    return ERR_OK;
}

/* The text format, version 0.0.4 (prometheus.io, "Exposition formats"). No label ever carries what
 * a client chose. */
static enum err put_metrics(struct buf *b, const struct broker_metrics *m, const struct api *a)
{
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } plain[] = {
        {"submitted_total", "counter", "Actions handed in for a decision.", m->submitted},
        {"refused_total", "counter", "Actions that could not be taken.", m->refused},
        {"approvals_total", "counter", "Votes to approve.", m->approvals},
        {"rejections_total", "counter", "Votes to reject.", m->rejections},
        {"votes_refused_total", "counter", "Votes that were not counted.", m->votes_refused},
        {"claims_total", "counter", "Approvals taken up to run.", m->claims},
        {"claims_refused_total", "counter", "Approvals that could no longer be taken up.",
         m->claims_refused},
        {"audit_records_total", "counter", "Records written to the log.", m->audit_records},
        {"audit_syncs_total", "counter", "Syncs of the log to disk.", m->audit_syncs},
        {"audit_signed_records", "gauge", "Records that the last signed checkpoint covers.", m->audit_signed},
        {"audit_checkpoint_healthy", "gauge", "1 while checkpoints of the log can be signed and written.",
         m->audit_signing},
        {"sessions_opened_total", "counter", "Client sessions begun.", m->sessions_opened},
        {"sessions_closed_total", "counter", "Client sessions ended.", m->sessions_closed},
        {"workers_ready", "gauge", "Workers that serve.", m->workers_ready},
        {"audit_healthy", "gauge", "1 while the log can be written.", m->audit_healthy},
        {"store_healthy", "gauge", "1 while the store can be written.", m->store_healthy},
        {"http_connections", "gauge", "Open connections to the API.",
         http_server_connections(a->server)},
        {"event_streams", "gauge", "Open event streams.", events_streams(a->events)},
    };
    TRY(family(b, "build_info", "gauge", "The version that runs."));
    TRY(buf_printf(b, "countersign_build_info{version=\"%s\"} 1\n", COUNTERSIGN_VERSION));
    TRY(family(b, "requests_open", "gauge", "Requests by present state."));
    TRY(put_states(b, "requests_open", m->open, true));
    TRY(family(b, "requests_total", "counter", "Requests that reached a state."));
    TRY(put_states(b, "requests_total", m->ended, false));
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        TRY(family(b, plain[i].name, plain[i].type, plain[i].help));
        TRY(buf_printf(b, "countersign_%s %" PRIu64 "\n", plain[i].name, plain[i].value));
    }
    return ERR_OK;
}

void api_metrics(struct api_call *c)
{
    struct broker_metrics m;
    broker_metrics(c->api->broker, &m);
    if (put_metrics(&c->api->body, &m, c->api) != ERR_OK) {
        reply_error(c, 500, "internal", "the metrics could not be written", NULL);
        return;
    }
    reply_bytes(c, 200, STR("text/plain; version=0.0.4; charset=utf-8"), buf_view(&c->api->body));
}

void api_openapi(struct api_call *c)
{
    reply_bytes(c, 200, STR("application/json"), str_from(openapi_json, openapi_json_size));
}
