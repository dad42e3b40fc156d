/* GET /v1/stats: how fast and how often people approve. */
#include "api/internal.h"

#include "base/limits.h"

enum { DEFAULT_DAYS = 30, MOST_DAYS = 3660 };

static void put_stats(struct json *j, const char *key, const struct broker_stat *list, size_t n)
{
    json_key(j, key);
    json_array_begin(j);
    for (size_t i = 0; i < n; i++) {
        const struct broker_stat *s = &list[i];
        json_object_begin(j);
        json_put_str(j, "name", s->name);
        json_put_int(j, "approvals", (int64_t)s->approvals);
        json_put_int(j, "rejections", (int64_t)s->rejections);
        json_put_int(j, "under_5s", (int64_t)s->fast);
        json_key(j, "share_under_5s");
        json_double(j, s->approvals != 0 ? (double)s->fast / (double)s->approvals : 0);
        json_key(j, "median_seconds");
        json_double(j, (double)(s->median_ns / NS_PER_MS) / 1000);
        json_object_end(j);
    }
    json_array_end(j);
}

void api_stats(struct api_call *c)
{
    struct broker_stats s;
    struct str days;
    uint64_t n = DEFAULT_DAYS;
    if (http_query_value(c->request, "days", &days) != ERR_OK ||
        (days.n != 0 && (str_to_u64(days, &n) != ERR_OK || n == 0 || n > MOST_DAYS))) {
        reply_error(c, 422, "invalid", "days is a number from 1 to 3660", NULL);
        return;
    }
    int64_t since = c->now.wall_ns - (int64_t)n * 86400 * NS_PER_S;
    enum err e = broker_stats(c->api->broker, since, &c->api->arena, &s);
    if (e != ERR_OK) {
        reply_broker_error(c, e, NULL);
        return;
    }
    json_object_begin(&c->json);
    put_time(&c->json, "since", since);
    put_stats(&c->json, "approvers", s.approvers, s.n_approvers);
    put_stats(&c->json, "guardrails", s.guardrails, s.n_guardrails);
    json_object_end(&c->json);
    reply_json(c, 200);
}
