#include "cmd/fetch.h"

#include <unistd.h>

#include "base/limits.h"

enum exit_status fetch_request(struct client *c, uint64_t id, struct fetched *ret)
{
    char path[64];
    struct fetched f = {0};
    snprintf(path, sizeof(path), "/v1/requests/%llu", (unsigned long long)id);
    enum exit_status status = client_call(c, "GET", path, NULL, &f.answer);
    if (status != EXIT_DONE)
        return status;
    enum err e = shown_init(&f.shown, f.answer.json);
    if (e != ERR_OK) {
        cmd_complain(c->command,
                     e == ERR_STALE
                         ? "request %llu: the action that came does not have the digest that came "
                           "with it\n  do not decide it; tell whoever runs the gateway"
                         : "request %llu: the answer is not a request",
                     (unsigned long long)id);
        answer_done(&f.answer);
        return EXIT_REFUSED;
    }
    *ret = f;
    return EXIT_DONE;
}

void fetched_done(struct fetched *f)
{
    shown_done(&f->shown);
    answer_done(&f->answer);
}

enum exit_status print_out(const struct command *self, struct str bytes)
{
    if (fwrite(bytes.p, 1, bytes.n, stdout) == bytes.n && fflush(stdout) == 0)
        return EXIT_DONE;
    cmd_complain(self, "standard output could not be written");
    return EXIT_REFUSED;
}

enum exit_status print_request(const struct command *self,
                               enum err (*show)(struct buf *, const struct shown_request *,
                                                struct style),
                               const struct fetched *f)
{
    struct buf out CLEANUP(buf_done);
    buf_init(&out, 16 * LIMIT_ENVELOPE);
    enum err e = show(&out, &f->shown, style_of(STDOUT_FILENO));
    if (e != ERR_OK) {
        cmd_complain(self, "the request cannot be shown in full here: %s", err_text(e));
        return EXIT_REFUSED;
    }
    return print_out(self, buf_view(&out));
}
