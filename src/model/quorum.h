/*
 * Who has to approve: a list of requirements, all of which must be met by distinct people.
 *
 * People are asked in their turn: those of stage 0 at once, those of a later stage when all stages
 * before it are met, and within a requirement those with a wait (`after_ns`) when it has been asked
 * that long and is not met. Who was asked stays asked. What has been reached of that is the state
 * of the request (n_later, asked_wall_ns); all zeros are a quorum that asks everybody at once.
 */
#pragma once

#include "base/str.h"

struct requirement {
    const struct str *from;    /* names of groups or people, by rising wait */
    size_t n_from;
    uint32_t count;            /* at least 1 */
    const int64_t *after_ns;   /* the wait of each; NULL: none waits */
    uint32_t stage;
    uint32_t n_later;          /* the last n_later of `from` are not asked yet */
    int64_t asked_wall_ns;     /* since when the first are; 0: not, or not kept */
};

struct quorum {
    const struct requirement *reqs;
    size_t n_reqs;
    uint32_t rejects;          /* so many rejections end it; 0 counts as 1 */
    bool reason_to_approve;    /* an approval needs a reason too */
};
