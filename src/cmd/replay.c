#include "cmd/replay.h"

#include "base/limits.h"
#include "cmd/replay_record.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Guardrails that only records name: those of policies that are gone. */
enum { OLD_NAMES = 1024, VOCABULARIES = 16 };

struct vocabulary {
    char name[POLICY_VOCABULARY_NAME + 1];
    const bool *known; /* NULL: nowhere in the log */
};

/* What one process counts, in memory it shares with the one that adds up. */
struct share {
    struct replay_counts counts;
    uint64_t n_guardrails;
    struct replay_guardrail guardrails[];
};

struct job {
    const struct replay *r;
    struct share *share;
    uint32_t *load_was, *load_now;
    uint32_t *index; /* guardrails by name: place + 1, or 0 */
    size_t mask;
    struct policy_eval *eval;
    struct arena arena;    /* of one record */
    struct arena lasting;  /* vocabularies */
    struct vocabulary vocabularies[VOCABULARIES];
    size_t n_vocabularies;
};

/* --- Names ---------------------------------------------------------------------------------------- */

/* NULL where there is no room for one more. */
static struct replay_guardrail *guardrail_of(struct job *j, struct str name)
{
    struct share *s = j->share;
    size_t at = str_hash(name) & j->mask;
    for (; j->index[at] != 0; at = (at + 1) & j->mask) {
        struct replay_guardrail *g = &s->guardrails[j->index[at] - 1];
        if (str_eq(str_of(g->name), name))
            return g;
    }
    if (s->n_guardrails == j->r->room || name.n > REPLAY_NAME)
        return NULL;
    struct replay_guardrail *g = &s->guardrails[s->n_guardrails++];
    memcpy(g->name, name.p, name.n);
    j->index[at] = (uint32_t)s->n_guardrails;
    return g;
}

/* The last word counts what finds no room of its own. */
static void count_word(struct replay_word *words, struct str name, uint64_t n)
{
    for (size_t i = 0; i < REPLAY_WORDS; i++) {
        if (words[i].n == 0 || i == REPLAY_WORDS - 1) {
            size_t room = name.n < REPLAY_NAME ? name.n : REPLAY_NAME;
            memcpy(words[i].name, name.p, room);
            words[i].name[room] = '\0';
        }
        if (str_eq(str_of(words[i].name), name) || i == REPLAY_WORDS - 1) {
            words[i].n += n;
            return;
        }
    }
}

/* --- Vocabularies --------------------------------------------------------------------------------- */

/* Whether the record of a start or a policy lists the vocabulary of that name. */
static enum err listed(struct job *j, const struct audit_entry *e, struct vocabulary *v, bool *ret)
{
    struct json_part data, names;
    struct str text;
    char name[POLICY_VOCABULARY_NAME + 1];
    *ret = false;
    if ((!str_is(e->kind, "started") && !str_is(e->kind, "policy")) ||
        !json_part_of(e->data, &data) || !json_member(&data, "vocabulary", &names) ||
        json_part_text(&names, &j->arena, &text) != ERR_OK)
        return ERR_OK;
    policy_vocabulary_name(text, name);
    if (strcmp(name, v->name) != 0)
        return ERR_OK;
    *ret = true;
    return policy_vocabulary_known(j->r->config->policy, text, &j->lasting, &v->known);
}

/* A log has a handful of vocabularies, one a version of the program: each is looked for once. */
static enum err vocabulary_find(struct job *j, struct vocabulary *v)
{
    struct audit_reader *reader;
    struct audit_entry e;
    bool found = false;
    TRY(audit_reader_open(j->r->dir, 1, &reader));
    enum err err = ERR_OK;
    while (!found && err == ERR_OK) {
        err = audit_reader_next(reader, &e);
        if (err == ERR_OK && e.seq < j->r->range.to)
            err = listed(j, &e, v, &found);
        else if (err == ERR_OK)
            break;
    }
    audit_reader_free(reader);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* One that is nowhere knows nothing: what is left out is then not known. */
static enum err vocabulary_of(struct job *j, struct str name, const bool **ret)
{
    *ret = NULL;
    if (name.n != POLICY_VOCABULARY_NAME)
        return ERR_OK;
    for (size_t i = 0; i < j->n_vocabularies; i++)
        if (str_is(name, j->vocabularies[i].name)) {
            *ret = j->vocabularies[i].known;
            return ERR_OK;
        }
    if (j->n_vocabularies == VOCABULARIES)
        return ERR_OK;
    struct vocabulary *v = &j->vocabularies[j->n_vocabularies];
    memcpy(v->name, name.p, name.n);
    if (str_eq(name, j->r->config->vocabulary_name))
        TRY(policy_vocabulary_known(j->r->config->policy, j->r->config->vocabulary, &j->lasting,
                                    &v->known));
    else
        TRY(vocabulary_find(j, v));
    j->n_vocabularies++;
    *ret = v->known;
    return ERR_OK;
}

/* --- Counting ------------------------------------------------------------------------------------- */

static enum replay_verdict place_of(enum verdict v)
{
    return v == VERDICT_ALLOW ? REPLAY_ALLOW : v == VERDICT_HOLD ? REPLAY_HOLD : REPLAY_DENY;
}

static void note_example(const struct job *j, struct replay_guardrail *g, uint64_t seq)
{
    if (g->changed++ < j->r->examples)
        g->examples[g->changed - 1] = seq;
}

static bool matched_then(const struct replay_record *x, struct str name, struct arena *a)
{
    struct json_parts it = json_parts_of(&x->guardrails);
    struct json_part one, v;
    struct str key, text;
    while (json_parts_next(&it, &key, &one))
        if (json_member(&one, "name", &v) && json_part_text(&v, a, &text) == ERR_OK &&
            str_eq(text, name))
            return true;
    return false;
}

static bool matches_now(const struct decision *d, struct str name)
{
    for (size_t i = 0; i < d->n_matched; i++)
        if (str_eq(d->matched[i].name, name))
            return true;
    return false;
}

static void count_now(struct job *j, const struct replay_record *x, const struct decision *d,
                      bool changed, uint64_t seq)
{
    for (size_t i = 0; i < d->n_matched; i++) {
        struct replay_guardrail *g = guardrail_of(j, d->matched[i].name);
        if (g == NULL)
            continue;
        g->now++;
        g->gained += !matched_then(x, d->matched[i].name, &j->arena);
        if (changed)
            note_example(j, g, seq);
    }
}

/* Those that match now too were counted as changed there. Gives how many matched then. */
static size_t count_then(struct job *j, const struct replay_record *x, const struct decision *d,
                         bool changed, uint64_t seq)
{
    struct json_parts it = json_parts_of(&x->guardrails);
    struct json_part one, v;
    struct str key, name;
    size_t n = 0;
    while (json_parts_next(&it, &key, &one)) {
        if (!json_member(&one, "name", &v) || json_part_text(&v, &j->arena, &name) != ERR_OK)
            continue;
        n++;
        struct replay_guardrail *g = guardrail_of(j, name);
        bool still = matches_now(d, name);
        if (g == NULL)
            continue;
        g->was++;
        g->lost += !still;
        if (changed && !still)
            note_example(j, g, seq);
    }
    return n;
}

/* --- Load ----------------------------------------------------------------------------------------- */

static bool may_decide(const struct person *p, const struct replay_record *x, const struct str *from,
                       size_t n)
{
    if (str_eq(p->name, x->person) || str_eq(p->name, x->on_behalf_of))
        return false;
    for (size_t i = 0; i < n; i++)
        if (person_is_or_belongs(p, from[i]))
            return true;
    return false;
}

static size_t day_of(const struct replay *r, int64_t wall_ns)
{
    int64_t day = (wall_ns - r->since_ns) / (86400 * NS_PER_S);
    size_t last = r->n_days - 1;
    return day < 0 ? 0 : (size_t)day < last ? (size_t)day : last;
}

static void load_now(struct job *j, const struct replay_record *x, const struct quorum *q, size_t day)
{
    const struct people *people = &j->r->config->people;
    for (size_t i = 0; i < people->n; i++) {
        bool asked = false;
        for (size_t k = 0; k < q->n_reqs && !asked; k++)
            asked = may_decide(&people->list[i], x, q->reqs[k].from, q->reqs[k].n_from);
        j->load_now[i * j->r->n_days + day] += asked;
    }
}

static bool was_asked(struct job *j, const struct person *p, const struct replay_record *x)
{
    struct json_parts it = json_parts_of(&x->approvals);
    struct json_part req, from, one;
    struct str key, name;
    while (json_parts_next(&it, &key, &req)) {
        if (!json_member(&req, "from", &from))
            continue;
        struct json_parts names = json_parts_of(&from);
        while (json_parts_next(&names, &key, &one))
            if (json_part_text(&one, &j->arena, &name) == ERR_OK && may_decide(p, x, &name, 1))
                return true;
    }
    return false;
}

static void load_was(struct job *j, const struct replay_record *x, size_t day)
{
    const struct people *people = &j->r->config->people;
    if (x->approvals.kind == JSON_IS_MISSING)
        return;
    for (size_t i = 0; i < people->n; i++)
        j->load_was[i * j->r->n_days + day] += was_asked(j, &people->list[i], x);
}

/* --- One record ----------------------------------------------------------------------------------- */

static void count_decision(struct job *j, const struct audit_entry *e, const struct replay_record *x,
                           const struct decision *d)
{
    struct replay_counts *c = &j->share->counts;
    size_t day = day_of(j->r, e->wall_ns);
    bool changed = place_of(x->was) != place_of(d->verdict);
    c->verdicts[place_of(x->was)][place_of(d->verdict)]++;
    count_now(j, x, d, changed, e->seq);
    size_t then = count_then(j, x, d, changed, e->seq);
    c->unmatched += then == 0 && x->was == VERDICT_ALLOW;
    if (changed && then == 0 && d->n_matched == 0) {
        struct replay_guardrail *g = guardrail_of(j, STR("(the resource's default)"));
        if (g != NULL)
            note_example(j, g, e->seq);
    }
    load_was(j, x, day);
    if (d->verdict == VERDICT_HOLD)
        load_now(j, x, &d->quorum, day);
}

static enum err judge(struct job *j, const struct audit_entry *e, struct replay_record *x)
{
    struct replay_counts *c = &j->share->counts;
    struct policy_judged judged;
    TRY(vocabulary_of(j, x->vocabulary, &x->paper.known));
    enum err err = policy_judge_recorded(j->r->config->policy, j->eval, &x->paper, &j->arena, &judged);
    if (err == ERR_NOT_FOUND) {
        c->gone++;
        count_word(c->gone_resources, x->resource, 1);
        return ERR_OK;
    }
    if (err == ERR_INVALID) {
        c->invalid++;
        return ERR_OK;
    }
    TRY(err);
    c->judged++;
    if (judged.unknown.n != 0) {
        c->unknown++;
        count_word(c->unknown_facts, judged.unknown, 1);
        return ERR_OK;
    }
    count_decision(j, e, x, &judged.decision);
    return ERR_OK;
}

static enum err take(struct job *j, const struct audit_entry *e)
{
    struct replay_counts *c = &j->share->counts;
    struct replay_record x;
    arena_reset(&j->arena);
    enum err err = replay_record_read(e, &j->arena, &x);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    if (c->records++ == 0)
        c->first_ns = e->wall_ns;
    c->last_ns = e->wall_ns;
    if (err == ERR_INVALID)
        c->invalid++;
    else if (err == ERR_OK && x.erased)
        c->erased++;
    else if (err == ERR_OK && !x.has_facts)
        c->no_facts++;
    else if (err == ERR_OK)
        return judge(j, e, &x);
    return err == ERR_INVALID ? ERR_OK : err;
}

/* --- One process ---------------------------------------------------------------------------------- */

static enum err over(struct job *j, uint64_t from, uint64_t to)
{
    struct audit_reader *reader;
    struct audit_entry e;
    TRY(audit_reader_open(j->r->dir, from, &reader));
    enum err err = ERR_OK;
    while (err == ERR_OK) {
        err = audit_reader_next(reader, &e);
        if (err != ERR_OK || e.seq >= to)
            break;
        err = take(j, &e);
    }
    audit_reader_free(reader);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err job_start(struct job *j)
{
    size_t size = 2;
    while (size < 2 * j->r->room)
        size *= 2;
    j->mask = size - 1;
    j->index = calloc(size, sizeof(j->index[0]));
    arena_init(&j->arena, LIMIT_ACTION_ARENA);
    arena_init(&j->lasting, 16 * MIB);
    if (j->index == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < policy_count(j->r->config->policy); i++)
        (void)guardrail_of(j, policy_name(j->r->config->policy, i));
    return policy_eval_new(&j->eval);
}

static void job_end(struct job *j)
{
    policy_eval_free(j->eval);
    arena_done(&j->arena);
    arena_done(&j->lasting);
    free(j->index);
}

static enum err job_run(struct job *j, uint64_t from, uint64_t to)
{
    enum err e = job_start(j);
    if (e == ERR_OK)
        e = over(j, from, to);
    job_end(j);
    return e;
}

/* --- All of them ---------------------------------------------------------------------------------- */

static size_t share_size(const struct replay *r)
{
    size_t people = r->config->people.n * r->n_days * sizeof(uint32_t);
    size_t bytes = sizeof(struct share) + r->room * sizeof(struct replay_guardrail) + 2 * people;
    return (bytes + 63) / 64 * 64;
}

static struct job job_of(const struct replay *r, char *memory, uint32_t number)
{
    struct share *s = (void *)(memory + number * share_size(r));
    uint32_t *load = (void *)&s->guardrails[r->room];
    return (struct job){.r = r,
                        .share = s,
                        .load_was = load,
                        .load_now = load + r->config->people.n * r->n_days};
}

static struct replay_guardrail *find_guardrail(struct replay *r, const char *name)
{
    for (size_t i = 0; i < r->n_guardrails; i++)
        if (strcmp(r->guardrails[i].name, name) == 0)
            return &r->guardrails[i];
    if (r->n_guardrails == r->room)
        return NULL;
    struct replay_guardrail *g = &r->guardrails[r->n_guardrails++];
    memcpy(g->name, name, sizeof(g->name));
    return g;
}

static void add_guardrail(struct replay *r, const struct replay_guardrail *of)
{
    struct replay_guardrail *g = find_guardrail(r, of->name);
    if (g == NULL)
        return;
    g->was += of->was;
    g->now += of->now;
    g->gained += of->gained;
    g->lost += of->lost;
    for (uint64_t i = 0; i < of->changed; i++, g->changed++) {
        if (i >= r->examples || g->changed >= r->examples) {
            g->changed += of->changed - i;
            break;
        }
        g->examples[g->changed] = of->examples[i];
    }
}

static void add_words(struct replay_word *to, const struct replay_word *of)
{
    for (size_t i = 0; i < REPLAY_WORDS && of[i].n != 0; i++)
        count_word(to, str_of(of[i].name), of[i].n);
}

static void add_counts(struct replay_counts *to, const struct replay_counts *of)
{
    if (to->err == ERR_OK)
        to->err = of->err;
    if (of->records != 0) {
        to->first_ns = to->records == 0 || of->first_ns < to->first_ns ? of->first_ns : to->first_ns;
        to->last_ns = to->records == 0 || of->last_ns > to->last_ns ? of->last_ns : to->last_ns;
    }
    to->records += of->records;
    to->judged += of->judged;
    to->unknown += of->unknown;
    to->no_facts += of->no_facts;
    to->erased += of->erased;
    to->gone += of->gone;
    to->invalid += of->invalid;
    to->unmatched += of->unmatched;
    for (int i = 0; i < REPLAY_VERDICTS; i++)
        for (int k = 0; k < REPLAY_VERDICTS; k++)
            to->verdicts[i][k] += of->verdicts[i][k];
    add_words(to->unknown_facts, of->unknown_facts);
    add_words(to->gone_resources, of->gone_resources);
}

static void add(struct replay *r, const struct job *j)
{
    add_counts(&r->counts, &j->share->counts);
    for (size_t i = 0; i < j->share->n_guardrails; i++)
        add_guardrail(r, &j->share->guardrails[i]);
    for (size_t i = 0; i < r->config->people.n * r->n_days; i++) {
        r->load_was[i] += j->load_was[i];
        r->load_now[i] += j->load_now[i];
    }
}

static uint64_t part_of(const struct replay *r, uint32_t number)
{
    return r->range.from + (r->range.to - r->range.from) * number / r->jobs;
}

/* Ends the process. */
static void child(struct job *j, uint64_t from, uint64_t to)
{
    j->share->counts.err = job_run(j, from, to);
    _exit(0);
}

/* True where it ended as it should. */
static bool wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static enum err run_jobs(struct replay *r, char *memory)
{
    pid_t *pids = calloc(r->jobs, sizeof(pids[0]));
    uint32_t started = 0;
    bool good = true;
    if (pids == NULL)
        return ERR_NOMEM;
    for (; started < r->jobs; started++) {
        struct job j = job_of(r, memory, started);
        pids[started] = fork();
        if (pids[started] == 0)
            child(&j, part_of(r, started), part_of(r, started + 1));
        if (pids[started] < 0)
            break;
    }
    for (uint32_t i = 0; i < started; i++)
        good = wait_for(pids[i]) && good;
    free(pids);
    return good && started == r->jobs ? ERR_OK : ERR_IO;
}

static enum err make_room(struct replay *r, int64_t until_ns)
{
    int64_t day = 86400 * NS_PER_S, span = until_ns - r->since_ns;
    r->n_days = span <= day ? 1 : (size_t)((span + day - 1) / day);
    r->room = policy_count(r->config->policy) + OLD_NAMES;
    r->guardrails = calloc(r->room, sizeof(r->guardrails[0]));
    r->load_was = calloc(r->config->people.n * r->n_days + 1, sizeof(r->load_was[0]));
    r->load_now = calloc(r->config->people.n * r->n_days + 1, sizeof(r->load_now[0]));
    if (r->guardrails == NULL || r->load_was == NULL || r->load_now == NULL)
        return ERR_NOMEM;
    return ERR_OK;
}

enum err replay_run(struct replay *r, int64_t until_ns)
{
    if (r->jobs == 0 || r->examples > REPLAY_EXAMPLES_MAX)
        return ERR_INVALID;
    TRY(make_room(r, until_ns));
    size_t size = share_size(r) * r->jobs;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return ERR_NOMEM;
    enum err e = run_jobs(r, memory);
    for (uint32_t i = 0; e == ERR_OK && i < r->jobs; i++) {
        struct job j = job_of(r, memory, i);
        add(r, &j);
    }
    (void)munmap(memory, size);
    return e;
}

void replay_done(struct replay *r)
{
    free(r->guardrails);
    free(r->load_was);
    free(r->load_now);
}

/* --- Showing -------------------------------------------------------------------------------------- */

enum err replay_show(const struct replay *r, const struct audit_entry *e, struct arena *a,
                     struct replay_shown *ret)
{
    struct replay_record x;
    struct policy_judged judged;
    struct job j = {.r = r};
    TRY(replay_record_read(e, a, &x));
    TRY(policy_eval_new(&j.eval));
    arena_init(&j.arena, LIMIT_ACTION_ARENA);
    arena_init(&j.lasting, 16 * MIB);
    enum err err = vocabulary_of(&j, x.vocabulary, &x.paper.known);
    if (err == ERR_OK)
        err = policy_judge_recorded(r->config->policy, j.eval, &x.paper, a, &judged);
    job_end(&j);
    TRY(err);
    *ret = (struct replay_shown){.seq = e->seq,
                                 .time = e->time,
                                 .who = x.person.n != 0 ? x.person : x.subject,
                                 .resource = x.resource,
                                 .text = x.paper.text,
                                 .was = str_of(verdict_text(x.was)),
                                 .now = str_of(verdict_text(judged.decision.verdict))};
    return ERR_OK;
}
