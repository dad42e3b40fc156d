#include "base/nearest.h"

enum { LONGEST = 64 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: three rows of the table are enough, since a swap looks back two. */
unsigned nearest_distance(struct str a, struct str b, unsigned limit)
{
    if (a.n > LONGEST || b.n > LONGEST)
        return limit;
    unsigned rows[3][LONGEST + 1];
    for (size_t j = 0; j <= b.n; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.n; j++) {
            char x = lower(a.p[i - 1]), y = lower(b.p[j - 1]);
            unsigned d = above[j - 1] + (x != y);
            d = least(d, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x == lower(b.p[j - 2]) && lower(a.p[i - 2]) == y)
                d = least(d, two_above[j - 2] + 1);
            row[j] = d;
        }
    }
    return least(rows[a.n % 3][b.n], limit);
}

struct nearest nearest_to(struct str word)
{
    unsigned near = word.n < 6 ? 1 : (unsigned)(word.n / 3);
    return (struct nearest){.word = word, .best = {NULL, 0}, .distance = near + 1};
}

void nearest_offer(struct nearest *s, struct str candidate)
{
    unsigned d = nearest_distance(s->word, candidate, s->distance);
    if (d < s->distance) {
        s->distance = d;
        s->best = candidate;
    }
}
