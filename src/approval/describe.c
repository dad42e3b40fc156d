#include "approval/approval.h"
#include "approval/quorum.h"

/* Names shown in one text before "and N more". */
enum { NAMES_SHOWN = 12, TEXT_MAX = 64 * 1024 };

const char *approval_answer_text(enum approval_answer answer)
{
    switch (answer) {
    case APPROVAL_ACCEPTED:
        return "accepted";
    case APPROVAL_NOT_NOW:
        return "the request is no longer open for this";
    case APPROVAL_TOO_LATE:
        return "the request has expired";
    case APPROVAL_OTHER_DIGEST:
        return "this is not what was submitted: the digest differs";
    case APPROVAL_UNKNOWN_PERSON:
        return "nobody of that name is configured";
    case APPROVAL_DISABLED_PERSON:
        return "this person is disabled";
    case APPROVAL_OWN_REQUEST:
        return "nobody decides about their own request";
    case APPROVAL_NOT_APPROVER:
        return "not among those who may decide about this request";
    case APPROVAL_VOTED_ALREADY:
        return "has approved this request already";
    case APPROVAL_UNSIGNED:
        return "an approval must be signed here: countersign approve ID --sign";
    case APPROVAL_RIGHTS_CHANGED:
        return "those who approved may no longer approve this";
    }
    return "refused";
}

static bool names_one_person(const struct requirement *r, uint32_t count,
                             const struct people *people)
{
    return r->n_from == 1 && count == 1 && people_find(people, r->from[0]) != NULL;
}

/* "1 of dba or leads"; where it names one person, that person: "ana". */
static enum err put_requirement(struct buf *b, const struct requirement *r, uint32_t count,
                                const struct people *people)
{
    if (!names_one_person(r, count, people))
        TRY(buf_printf(b, "%u of ", count));
    for (size_t i = 0; i < r->n_from; i++) {
        TRY(buf_put_str(b, i != 0 ? STR(" or ") : STR("")));
        TRY(buf_put_str(b, r->from[i]));
    }
    return ERR_OK;
}

/* Those who gave an approval that counts today, once each. */
static size_t approvers_of(const struct approval *a, const struct people *people,
                           const struct person **ret, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n_votes; i++) {
        const struct person *p = people_find(people, a->votes[i].person);
        bool counts = p != NULL && a->votes[i].kind == VOTE_APPROVE &&
                      digest_eq(&a->votes[i].digest, &a->digest) &&
                      !approval_is_own(a, people, p);
        for (size_t k = 0; k < n; k++)
            counts = counts && ret[k] != p;
        if (counts && n < room)
            ret[n++] = p;
    }
    return n;
}

static enum err candidates_of(const struct approval *a, const struct requirement *r,
                              const struct people *people, struct arena *arena,
                              struct approval_line *line)
{
    const struct person **list = arena_new_array(arena, people->n, const struct person *);
    size_t n = 0;
    if (list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < people->n; i++) {
        const struct person *p = &people->list[i];
        if (requirement_admits(r, p) &&
            approval_may_vote(a, people, p->name) == APPROVAL_ACCEPTED)
            list[n++] = p;
    }
    line->candidates = list;
    line->n_candidates = n;
    return ERR_OK;
}

static enum err fill_lines(const struct approval *a, const struct people *people,
                           struct buf *scratch, struct arena *arena, struct approval_line *lines)
{
    const struct person **who = arena_new_array(arena, a->n_votes, const struct person *);
    if (who == NULL)
        return ERR_NOMEM;
    size_t n_who = approvers_of(a, people, who, a->n_votes);
    struct tally t = quorum_tally(&a->quorum, who, n_who);
    for (size_t i = 0; i < a->quorum.n_reqs; i++) {
        const struct requirement *r = &a->quorum.reqs[i];
        lines[i].count = r->count;
        lines[i].have = i < LIMIT_REQUIREMENTS ? t.have[i] : 0;
        buf_clear(scratch);
        TRY(put_requirement(scratch, r, r->count, people));
        TRY(arena_str(arena, buf_view(scratch), &lines[i].text));
        TRY(candidates_of(a, r, people, arena, &lines[i]));
    }
    return ERR_OK;
}

enum err approval_lines(const struct approval *a, const struct people *people, struct arena *arena,
                        const struct approval_line **ret, size_t *ret_n)
{
    CLEANUP(buf_done) struct buf scratch;
    buf_init(&scratch, TEXT_MAX);
    struct approval_line *lines = arena_new_array(arena, a->quorum.n_reqs, struct approval_line);
    if (lines == NULL)
        return ERR_NOMEM;
    TRY(fill_lines(a, people, &scratch, arena, lines));
    *ret = lines;
    *ret_n = a->quorum.n_reqs;
    return ERR_OK;
}

static enum err put_names(struct buf *b, const struct approval_line *line)
{
    for (size_t i = 0; i < line->n_candidates && i < NAMES_SHOWN; i++) {
        TRY(buf_put_str(b, i == 0 ? STR("") : STR(", ")));
        TRY(buf_put_str(b, line->candidates[i]->name));
    }
    if (line->n_candidates > NAMES_SHOWN)
        TRY(buf_printf(b, " and %zu more", line->n_candidates - NAMES_SHOWN));
    return ERR_OK;
}

static enum err put_line(struct buf *b, const struct requirement *r,
                         const struct approval_line *line, const struct people *people)
{
    uint32_t missing = line->count - line->have;
    TRY(buf_put_str(b, buf_len(b) != 0 ? STR(" and ") : STR("")));
    TRY(put_requirement(b, r, missing, people));
    if (names_one_person(r, missing, people))
        return ERR_OK;
    TRY(buf_put_str(b, STR(" (")));
    TRY(put_names(b, line));
    return buf_put_str(b, STR(")"));
}

enum err approval_missing_text(const struct approval *a, const struct people *people,
                               struct arena *arena, struct str *ret)
{
    CLEANUP(buf_done) struct buf b;
    const struct approval_line *lines;
    size_t n;
    buf_init(&b, TEXT_MAX);
    TRY(approval_lines(a, people, arena, &lines, &n));
    for (size_t i = 0; i < n; i++)
        if (lines[i].have < lines[i].count)
            TRY(put_line(&b, &a->quorum.reqs[i], &lines[i], people));
    return arena_str(arena, buf_view(&b), ret);
}
