#include "model/people.h"

static bool among(const struct str *list, size_t n, struct str s)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(list[i], s))
            return true;
    return false;
}

const struct person *people_find(const struct people *all, struct str name)
{
    for (size_t i = 0; i < all->n; i++)
        if (str_eq(all->list[i].name, name))
            return &all->list[i];
    return NULL;
}

const struct person *people_by_account(const struct people *all, struct str account)
{
    for (size_t i = 0; i < all->n; i++)
        if (among(all->list[i].accounts, all->list[i].n_accounts, account))
            return &all->list[i];
    return people_find(all, account);
}

const struct person *people_by_os_user(const struct people *all, struct str os_user)
{
    for (size_t i = 0; i < all->n; i++)
        if (among(all->list[i].os_users, all->list[i].n_os_users, os_user))
            return &all->list[i];
    const struct person *p = people_find(all, os_user);
    return p != NULL && p->n_os_users == 0 ? p : NULL;
}

bool person_is_or_belongs(const struct person *p, struct str who)
{
    return str_eq(p->name, who) || among(p->groups, p->n_groups, who);
}

bool people_on_duty(const struct people *all, struct str person, struct str group)
{
    for (size_t i = 0; i < all->n_duties; i++)
        if (str_eq(all->duties[i].person, person) && str_eq(all->duties[i].group, group))
            return true;
    return false;
}

bool people_is_duty_group(const struct people *all, struct str group)
{
    return among(all->duty_groups, all->n_duty_groups, group);
}
