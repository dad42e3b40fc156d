/* countersign approve, reject, retract and withdraw: one person's word on one request. */
#include "base/clock.h"
#include "base/limits.h"
#include "cmd/fetch.h"
#include "cmd/sign_vote.h"

#include <unistd.h>

struct options {
    uint64_t id;
    bool yes, sign;
    const char *reason, *digest, *key, *socket;
    const char *grant, *uses, *for_;
    struct grant_choice choice; /* what these three say */
};

/* True where somebody sits at the terminal and has not said --yes. */
static bool must_ask(const struct options *o)
{
    return !o->yes && isatty(STDIN_FILENO);
}

static bool confirmed(uint64_t id)
{
    char answer[16];
    printf("\nApprove request %llu? Type yes: ", (unsigned long long)id);
    fflush(stdout);
    return fgets(answer, sizeof(answer), stdin) != NULL && strcmp(answer, "yes\n") == 0;
}

/* What was seen earlier, by --digest, must be what is there now. */
static enum exit_status check_digest(const struct command *self, const struct options *o,
                                     const struct digest *now)
{
    struct digest seen;
    if (o->digest == NULL)
        return EXIT_DONE;
    if (digest_parse(str_of(o->digest), &seen) != ERR_OK) {
        cmd_complain(self, "--digest takes the 64 hexadecimal digits that `show` prints");
        return EXIT_USAGE;
    }
    if (digest_eq(&seen, now))
        return EXIT_DONE;
    cmd_complain(self,
                 "request %llu is not what you have seen: its digest is another one\n"
                 "  look again: countersign show %llu",
                 (unsigned long long)o->id, (unsigned long long)o->id);
    return EXIT_REFUSED;
}

static enum exit_status check_pending(const struct command *self, const struct options *o,
                                      const json_t *r)
{
    struct str state = json_text(r, "state");
    if (str_is(state, "pending"))
        return EXIT_DONE;
    const json_t *votes = json_object_get(r, "votes");
    const json_t *last = json_array_get(votes, json_array_size(votes) - 1);
    struct str by = json_text(last, "person");
    cmd_complain(self, "request %llu is already %.*s%s%.*s", (unsigned long long)o->id,
                 STR_FMT(state), by.n != 0 ? ", last vote by " : "", STR_FMT(by));
    return EXIT_REFUSED;
}

static void report(const struct options *o, const char *did, const json_t *answer)
{
    struct str state = json_text(answer, "state"), missing = json_text(answer, "missing");
    printf("request %llu: %s", (unsigned long long)o->id, did);
    if (missing.n != 0)
        printf("; still needed: %.*s", STR_FMT(missing));
    else if (!str_is(state, did))
        printf("; it is %.*s", STR_FMT(state));
    putchar('\n');
}

static enum exit_status post_vote(struct client *c, const struct options *o, const char *verb,
                                  const struct digest *digest, const char *signature)
{
    char path[64], hex[DIGEST_HEX + 1];
    struct answer a;
    digest_hex(digest, hex);
    snprintf(path, sizeof(path), "/v1/requests/%llu/%s", (unsigned long long)o->id, verb);
    json_t *body = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s*}", "digest", hex, "reason",
                             o->reason != NULL ? o->reason : "", "signature", signature, "grant",
                             o->grant, "uses", o->uses, "for", o->for_);
    if (body == NULL) {
        cmd_complain(c->command, "the reason must be UTF-8 text");
        return EXIT_USAGE;
    }
    enum exit_status status = client_call(c, "POST", path, body, &a);
    json_decref(body);
    if (status == EXIT_DONE)
        report(o,
               strcmp(verb, "approve") == 0 ? "your approval is recorded"
                                            : "your rejection is recorded",
               a.json);
    answer_done(&a);
    return status;
}

static enum exit_status send_vote(struct client *c, const struct options *o, const char *verb,
                                  const struct fetched *f)
{
    const struct digest *digest = &f->shown.digest;
    struct buf signature CLEANUP(buf_done) = {0};
    char scope[GRANT_CHOICE_TEXT];
    struct vote_to_sign v = {.request = f->answer.json,
                             .digest = digest,
                             .kind = strcmp(verb, "approve") == 0 ? VOTE_APPROVE : VOTE_REJECT,
                             .scope = grant_choice_text(&o->choice, scope),
                             .reason = o->reason,
                             .key = o->key};
    if (!o->sign && o->key == NULL)
        return post_vote(c, o, verb, digest, NULL);
    buf_init(&signature, 2 * LIMIT_SSH_BLOB);
    enum exit_status status = sign_vote(c, &v, &signature);
    if (status == EXIT_DONE && buf_put_u8(&signature, 0) != ERR_OK)
        status = EXIT_REFUSED;
    return status == EXIT_DONE ? post_vote(c, o, verb, digest, buf_view(&signature).p) : status;
}

/* Shown first, then voted: the digest that goes out is computed from what was printed. */
static enum exit_status approve_fetched(struct client *c, const struct options *o,
                                        const struct fetched *f)
{
    enum exit_status status = check_digest(c->command, o, &f->shown.digest);
    if (status == EXIT_DONE)
        status = check_pending(c->command, o, f->answer.json);
    if (status == EXIT_DONE)
        status = print_request(c->command, o->digest != NULL ? show_summary : show_request, f);
    if (status != EXIT_DONE)
        return status;
    if (must_ask(o) && !confirmed(o->id)) {
        puts("not approved");
        return EXIT_REFUSED;
    }
    return send_vote(c, o, "approve", f);
}

static enum exit_status reject_fetched(struct client *c, const struct options *o,
                                       const struct fetched *f)
{
    enum exit_status status = check_pending(c->command, o, f->answer.json);
    return status == EXIT_DONE ? send_vote(c, o, "reject", f) : status;
}

typedef enum exit_status decide_fn(struct client *c, const struct options *o,
                                   const struct fetched *f);

static enum exit_status decide(const struct command *self, const struct options *o, decide_fn *how)
{
    struct client c;
    struct fetched f;
    enum exit_status status = client_init(&c, self, o->socket);
    if (status == EXIT_DONE)
        status = fetch_request(&c, o->id, &f);
    if (status == EXIT_DONE) {
        status = how(&c, o, &f);
        fetched_done(&f);
    }
    client_done(&c);
    return status;
}

/* The same limits as the gateway's: what it would refuse is said before anything is shown. */
static enum err read_choice(const struct command *self, struct options *o)
{
    uint64_t uses = 0;
    if (o->grant != NULL && grant_kind_parse(str_of(o->grant), &o->choice.kind) != ERR_OK)
        cmd_complain(self, "--grant is once, shape or session");
    else if (o->uses != NULL && (str_to_u64(str_of(o->uses), &uses) != ERR_OK || uses == 0 || uses > LIMIT_GRANT_USES))
        cmd_complain(self, "--uses is a number from 1 to %d", LIMIT_GRANT_USES);
    else if (o->for_ != NULL && (duration_parse(str_of(o->for_), &o->choice.for_ns) != ERR_OK || o->choice.for_ns < NS_PER_S))
        cmd_complain(self, "--for is a duration such as 20m");
    else if (o->choice.kind == GRANT_ONCE && (uses > 1 || o->for_ != NULL))
        cmd_complain(self, "--uses and --for go with --grant shape or --grant session");
    else {
        o->choice.uses = (uint32_t)uses;
        return ERR_OK;
    }
    return ERR_INVALID;
}

static enum exit_status approve(const struct command *self, int argc, char **argv)
{
    struct options o = {.choice = {.kind = GRANT_ONCE}};
    const struct cmd_option options[] = {
        {.name = "digest", .value = &o.digest},
        {.name = "key", .value = &o.key},
        {.name = "for", .value = &o.for_},
        {.name = "grant", .value = &o.grant},
        {.name = "reason", .value = &o.reason},
        {.name = "sign", .flag = &o.sign},
        {.name = "socket", .value = &o.socket},
        {.name = "uses", .value = &o.uses},
        {.name = "yes", .letter = 'y', .flag = &o.yes},
    };
    size_t n;
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 1, &n) != ERR_OK ||
        client_id(self, argv[0], &o.id) != ERR_OK || read_choice(self, &o) != ERR_OK)
        return EXIT_USAGE;
    return decide(self, &o, approve_fetched);
}

static enum exit_status reject(const struct command *self, int argc, char **argv)
{
    struct options o = {.choice = {.kind = GRANT_ONCE}};
    const struct cmd_option options[] = {
        {.name = "key", .value = &o.key},
        {.name = "reason", .value = &o.reason},
        {.name = "sign", .flag = &o.sign},
        {.name = "socket", .value = &o.socket},
    };
    size_t n;
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 1, &n) != ERR_OK ||
        client_id(self, argv[0], &o.id) != ERR_OK)
        return EXIT_USAGE;
    if (o.reason == NULL || o.reason[0] == '\0') {
        cmd_complain(self, "--reason TEXT is needed: the requester is told it");
        return EXIT_USAGE;
    }
    return decide(self, &o, reject_fetched);
}

/* A word that needs no digest, since nothing can run by it. */
static enum exit_status take_back(const struct command *self, int argc, char **argv,
                                  const char *verb, const char *did)
{
    struct options o = {.choice = {.kind = GRANT_ONCE}};
    const struct cmd_option options[] = {
        {.name = "reason", .value = &o.reason},
        {.name = "socket", .value = &o.socket},
    };
    size_t n;
    char path[64];
    struct client c;
    struct answer a = {0};
    if (cmd_options(self, options, ARRAY_LEN(options), argc, argv, 1, 1, &n) != ERR_OK ||
        client_id(self, argv[0], &o.id) != ERR_OK)
        return EXIT_USAGE;
    snprintf(path, sizeof(path), "/v1/requests/%llu/%s", (unsigned long long)o.id, verb);
    json_t *body = json_pack("{s:s}", "reason", o.reason != NULL ? o.reason : "");
    if (body == NULL) {
        cmd_complain(self, "the reason must be UTF-8 text");
        return EXIT_USAGE;
    }
    enum exit_status status = client_init(&c, self, o.socket);
    if (status == EXIT_DONE)
        status = client_call(&c, "POST", path, body, &a);
    if (status == EXIT_DONE)
        report(&o, did, a.json);
    json_decref(body);
    answer_done(&a);
    client_done(&c);
    return status;
}

static enum exit_status withdraw(const struct command *self, int argc, char **argv)
{
    return take_back(self, argc, argv, "withdraw", "withdrawn");
}

static enum exit_status retract(const struct command *self, int argc, char **argv)
{
    return take_back(self, argc, argv, "retract", "your vote is taken back");
}

const struct command cmd_approve = {
    .name = "approve",
    .group = COMMANDS_APPROVE,
    .summary = "Approve a request, after it was shown",
    .usage =
        "Usage: countersign approve ID [--reason TEXT] [--digest HEX] [--sign [--key FILE]] [--yes]\n"
        "\n"
        "Shows the complete action, asks (on a terminal), and approves exactly what was shown:\n"
        "the digest that is sent is computed from the bytes on the screen.\n"
        "\n"
        "  --reason TEXT  for the record\n"
        "  --grant KIND   more than this one run, where the guardrail allows it: shape (the same\n"
        "                 statement with other values) or session (all that the guardrail holds in\n"
        "                 this session); with --uses N and --for 20m to make it narrower\n"
        "  --digest HEX   what `countersign show ID` printed: approve that and nothing else;\n"
        "                 only a summary is shown again\n"
        "  --sign         sign the vote with your SSH key (ssh-keygen does it: agents and hardware\n"
        "                 keys work); which keys are yours stands in `ssh_keys:` under `people:`\n"
        "  --key FILE     with this key\n"
        "  --yes, -y      do not ask\n" CLIENT_WHERE "\n"
        "Exit status: 0 recorded, 1 refused (own request, not an approver, decided already).\n",
    .run = approve,
};

const struct command cmd_reject = {
    .name = "reject",
    .group = COMMANDS_APPROVE,
    .summary = "Reject a request, with a reason for the requester",
    .usage = "Usage: countersign reject ID --reason TEXT [--sign [--key FILE]] [--socket PATH]\n"
             "\n"
             "Ends the request; the requester is told the reason and nothing runs.\n"
             "\n"
             "  --reason TEXT  why; needed\n"
             "  --sign         sign the vote with your SSH key, as `approve --sign` does\n"
             "  --key FILE     with this key\n" CLIENT_WHERE,
    .run = reject,
};

const struct command cmd_withdraw = {
    .name = "withdraw",
    .group = COMMANDS_APPROVE,
    .summary = "Take back a request of your own",
    .usage = "Usage: countersign withdraw ID [--reason TEXT] [--socket PATH]\n"
             "\n"
             "Ends a request that you made (or any, as root or the gateway's own user).\n"
             "\n"
             "  --reason TEXT  for the record\n" CLIENT_WHERE,
    .run = withdraw,
};

const struct command cmd_retract = {
    .name = "retract",
    .group = COMMANDS_APPROVE,
    .summary = "Take back your vote, until the request is decided",
    .usage = "Usage: countersign retract ID [--reason TEXT] [--socket PATH]\n"
             "\n"
             "Your approval or rejection no longer stands; you may vote again. The record keeps both.\n"
             "\n"
             "  --reason TEXT  for the record\n" CLIENT_WHERE "\n"
             "Exit status: 0 taken back, 1 refused (decided already, or no vote of yours stands).\n",
    .run = retract,
};
