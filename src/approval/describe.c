#include "approval/approval.h"
#include "approval/voters.h"

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
    case APPROVAL_NOT_ASKED_YET:
        return "not asked yet: others decide first";
    case APPROVAL_VOTED_ALREADY:
        return "has voted so already";
    case APPROVAL_UNSIGNED:
        return "an approval must be signed here: countersign approve ID --sign";
    case APPROVAL_NO_REASON:
        return "an approval must have a reason here: countersign approve ID --reason TEXT";
    case APPROVAL_NO_VOTE:
        return "has no vote on this request to take back";
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

/* "1 of dba or leads"; where it names one person, that person: "ana". Those who are asked later are
 * left out. */
static enum err put_requirement(struct buf *b, const struct requirement *r, uint32_t count,
                                const struct people *people)
{
    if (!names_one_person(r, count, people))
        TRY(buf_printf(b, "%u of ", count));
    size_t asked = r->n_later < r->n_from ? r->n_from - r->n_later : r->n_from;
    for (size_t i = 0; i < asked; i++) {
        TRY(buf_put_str(b, i != 0 ? STR(" or ") : STR("")));
        TRY(buf_put_str(b, r->from[i]));
    }
    return ERR_OK;
}

/* --- One line a requirement ------------------------------------------------------------------- */

/* Room for the candidates of one line, and where the next goes. */
struct candidates {
    const struct person **list;
    size_t n;
};

/* Tries everybody once: whom each line would gain by. */
static void find_candidates(const struct hearing *h, struct voters *v, bool asked,
                            struct candidates lines[])
{
    const struct person *p;
    for (size_t i = 0; i < h->people->n; i++) {
        struct str name = h->people->list[i].name;
        const struct vote *standing = approval_standing(h->a, name);
        if ((standing != NULL && standing->kind == VOTE_APPROVE) ||
            voter_rights(h, v->quorum, name, NULL, &p) != APPROVAL_ACCEPTED)
            continue;
        struct voter more = {p, NULL};
        uint32_t helped = voters_helped_by(v, &more);
        for (size_t r = 0; r < h->a->quorum.n_reqs; r++) {
            bool is_asked = h->a->quorum.reqs[r].n_later < h->a->quorum.reqs[r].n_from;
            if (is_asked == asked && (helped & UINT32_C(1) << r) != 0)
                lines[r].list[lines[r].n++] = p;
        }
    }
}

static enum err all_candidates(const struct hearing *h, struct voters *v, struct arena *arena,
                               struct candidates lines[])
{
    struct requirement reqs[LIMIT_REQUIREMENTS];
    struct quorum all = quorum_all_asked(&h->a->quorum, reqs);
    bool later = false;
    for (size_t r = 0; r < h->a->quorum.n_reqs; r++) {
        lines[r].list = arena_new_array(arena, h->people->n, const struct person *);
        if (lines[r].list == NULL)
            return ERR_NOMEM;
        later = later || h->a->quorum.reqs[r].n_later == h->a->quorum.reqs[r].n_from;
    }
    find_candidates(h, v, true, lines);
    if (!later)
        return ERR_OK;
    voters_of(v, h, &all, VOTE_APPROVE);
    find_candidates(h, v, false, lines);
    return ERR_OK;
}

static void fill_later(const struct approval *a, size_t i, struct approval_line *line)
{
    const struct requirement *r = &a->quorum.reqs[i];
    line->later_mono_ns = INT64_MAX;
    line->asked = r->n_later < r->n_from;
    if (!line->asked || r->n_later == 0)
        return;
    line->n_later = r->n_later;
    line->later = &r->from[r->n_from - r->n_later];
    if (a->asked_mono_ns != NULL && r->after_ns != NULL)
        line->later_mono_ns = a->asked_mono_ns[i] + r->after_ns[r->n_from - r->n_later];
}

static enum err fill_lines(const struct hearing *h, struct buf *scratch, struct arena *arena,
                           struct approval_line *lines)
{
    const struct approval *a = h->a;
    struct candidates candidates[LIMIT_REQUIREMENTS] = {{NULL, 0}};
    struct voters v;
    voters_of(&v, h, &a->quorum, VOTE_APPROVE);
    struct tally t = voters_tally(&v);
    if (a->state == REQUEST_PENDING)
        TRY(all_candidates(h, &v, arena, candidates));
    for (size_t i = 0; i < a->quorum.n_reqs; i++) {
        const struct requirement *r = &a->quorum.reqs[i];
        lines[i].count = r->count;
        lines[i].stage = r->stage;
        lines[i].have = t.have[i];
        lines[i].candidates = candidates[i].list;
        lines[i].n_candidates = candidates[i].n;
        fill_later(a, i, &lines[i]);
        buf_clear(scratch);
        TRY(put_requirement(scratch, r, r->count, h->people));
        TRY(arena_str(arena, buf_view(scratch), &lines[i].text));
    }
    return ERR_OK;
}

enum err approval_lines(const struct approval *a, const struct people *people, struct arena *arena,
                        const struct approval_line **ret, size_t *ret_n)
{
    CLEANUP(buf_done) struct buf scratch;
    struct hearing h = {a, people, NULL};
    buf_init(&scratch, TEXT_MAX);
    if (a->quorum.n_reqs > LIMIT_REQUIREMENTS)
        return ERR_LIMIT;
    struct approval_line *lines = arena_new_array(arena, a->quorum.n_reqs, struct approval_line);
    if (lines == NULL)
        return ERR_NOMEM;
    TRY(fill_lines(&h, &scratch, arena, lines));
    *ret = lines;
    *ret_n = a->quorum.n_reqs;
    return ERR_OK;
}

/* --- What is missing -------------------------------------------------------------------------- */

static enum err put_names(struct buf *b, const struct person *const *list, size_t n)
{
    for (size_t i = 0; i < n && i < NAMES_SHOWN; i++) {
        TRY(buf_put_str(b, i == 0 ? STR("") : STR(", ")));
        TRY(buf_put_str(b, list[i]->name));
    }
    return n > NAMES_SHOWN ? buf_printf(b, " and %zu more", n - NAMES_SHOWN) : ERR_OK;
}

static enum err put_line(struct buf *b, const struct requirement *r,
                         const struct approval_line *line, const struct people *people)
{
    uint32_t missing = line->count - line->have;
    TRY(put_requirement(b, r, missing, people));
    if (names_one_person(r, missing, people))
        return ERR_OK;
    TRY(buf_put_str(b, STR(" (")));
    TRY(put_names(b, line->candidates, line->n_candidates));
    return buf_put_str(b, line->n_candidates != 0 ? STR(")") : STR("nobody now)"));
}

enum err approval_missing_text(const struct approval *a, const struct people *people,
                               struct arena *arena, struct str *ret)
{
    CLEANUP(buf_done) struct buf b;
    const struct approval_line *lines;
    size_t n;
    buf_init(&b, TEXT_MAX);
    TRY(approval_lines(a, people, arena, &lines, &n));
    uint32_t last = 0;
    for (uint32_t stage = 0; stage < LIMIT_REQUIREMENTS; stage++)
        for (size_t i = 0; i < n; i++) {
            if (lines[i].stage != stage || lines[i].have >= lines[i].count)
                continue;
            if (buf_len(&b) != 0)
                TRY(buf_put_str(&b, stage == last ? STR(" and ") : STR(", then ")));
            TRY(put_line(&b, &a->quorum.reqs[i], &lines[i], people));
            last = stage;
        }
    return arena_str(arena, buf_view(&b), ret);
}

/* --- Why nobody could ------------------------------------------------------------------------- */

static enum err put_unreachable(struct buf *b, struct voters *v, const struct quorum *all,
                                const struct people *people)
{
    const struct person *who[NAMES_SHOWN + 1];
    for (size_t r = 0; r < all->n_reqs; r++) {
        size_t n = 0;
        for (size_t i = 0; i < v->n; i++) {
            bool named = false;
            for (size_t k = 0; k < all->reqs[r].n_from; k++)
                named = named || voter_is(&v->hearing, &v->list[i], all->reqs[r].from[k]);
            if (named && n < all->reqs[r].count && n < ARRAY_LEN(who))
                who[n++] = v->list[i].person;
        }
        if (n >= all->reqs[r].count)
            continue;
        TRY(buf_put_str(b, STR("nobody could approve it: it needs ")));
        TRY(put_requirement(b, &all->reqs[r], all->reqs[r].count, people));
        if (n == 0)
            return buf_put_str(b, STR(", and nobody besides the requester is that"));
        TRY(buf_put_str(b, STR(", and besides the requester only ")));
        TRY(put_names(b, who, n));
        return buf_put_str(b, n == 1 ? STR(" is") : STR(" are"));
    }
    return buf_put_str(b, STR("nobody could approve it: it needs more different people than there "
                              "are besides the requester, and each counts once"));
}

enum err approval_unreachable_text(const struct approval *a, const struct people *people,
                                   struct arena *arena, struct str *ret)
{
    CLEANUP(buf_done) struct buf b;
    struct people present = *people;
    present.n_delegations = 0;
    struct hearing h = {a, &present, NULL};
    struct requirement reqs[LIMIT_REQUIREMENTS];
    struct quorum all = quorum_all_asked(&a->quorum, reqs);
    struct voters v;
    buf_init(&b, TEXT_MAX);
    voters_all(&v, &h, &all);
    TRY(put_unreachable(&b, &v, &all, people));
    return arena_str(arena, buf_view(&b), ret);
}
