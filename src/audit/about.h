/*
 * What a record is about: who, which resource, which guardrails, how it ended, which request, and the words
 * in it. The same for an index that finds records and for checking what it found.
 */
#pragma once

#include "audit/reader.h"
#include "base/arena.h"

enum { ABOUT_WORD_MAX = 64 };

struct about {
    uint64_t request;   /* 0: none */
    struct str kind, resource;
    struct str outcome; /* "allowed", "denied", "refused", "held", or the state a request came to; empty: none */
    const struct str *people; /* everybody named: accounts and people, who asked, decided, approved */
    size_t n_people;
    const struct str *guardrails;
    size_t n_guardrails;
    struct str words;   /* of all texts (not digests, facts, explanations): lower case, a blank between two */
};

/*
 * Views into the entry, `a` and `words`, which is overwritten. Members of a wrong shape are passed over:
 * what a record is about is told of any that is JSON. ERR_INVALID: its data is none; ERR_NOMEM, ERR_LIMIT.
 */
MUST_USE enum err about_record(const struct audit_entry *e, struct arena *a, struct buf *words,
                               struct about *ret);

/*
 * The words of a text as about_record writes them, appended. A word is a run of letters, digits, `_` and bytes
 * beyond ASCII; ASCII letters become lower case; of a longer one the first ABOUT_WORD_MAX bytes count.
 */
MUST_USE enum err about_words(struct str text, struct buf *out);

/* Whether `words` has the word; one that ends in `*`: a word that begins so. */
bool about_has_word(struct str words, struct str word);
