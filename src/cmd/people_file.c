#include "cmd/people_file.h"

#include "base/json.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char HEAD[] = "# Written by the gateway: `countersign user add`, `disable`, `enable`. "
                           "Anything else in here is lost.\n";

/* --- The text -------------------------------------------------------------------------------- */

/* JSON strings and lists are YAML as they are. */
static enum err put_list(struct json *j, const char *key, const struct str *list, size_t n)
{
    if (n == 0)
        return ERR_OK;
    json_key(j, key);
    json_array_begin(j);
    for (size_t i = 0; i < n; i++)
        json_str(j, list[i]);
    json_array_end(j);
    return ERR_OK;
}

static enum err put_person(struct buf *out, const struct person *p)
{
    struct json j;
    static const struct str auditor[] = {STR_INIT("auditor")};
    bool own_os_user = p->n_os_users == 1 && str_eq(p->os_users[0], p->name);
    json_init(&j, out);
    TRY(buf_put_str(out, STR("  ")));
    json_str(&j, p->name);
    TRY(json_end(&j));
    TRY(buf_put_str(out, STR(": ")));
    json_init(&j, out);
    json_object_begin(&j);
    TRY(put_list(&j, "groups", p->groups, p->n_groups));
    TRY(put_list(&j, "accounts", p->accounts, p->n_accounts));
    if (!own_os_user)
        TRY(put_list(&j, "os_users", p->os_users, p->n_os_users));
    TRY(put_list(&j, "ssh_keys", p->ssh_keys, p->n_ssh_keys));
    TRY(put_list(&j, "roles", auditor, p->auditor ? 1 : 0));
    if (p->admin)
        json_put_bool(&j, "admin", true);
    json_object_end(&j);
    TRY(json_end(&j));
    return buf_put_str(out, STR("\n"));
}

static enum err put_disabled(struct buf *out, struct str name)
{
    struct json j;
    TRY(buf_put_str(out, STR("  - ")));
    json_init(&j, out);
    json_str(&j, name);
    TRY(json_end(&j));
    return buf_put_str(out, STR("\n"));
}

/* --- The change ------------------------------------------------------------------------------ */

static enum err take_words(struct str text, struct str *list, size_t room, size_t *ret_n)
{
    size_t n = 0;
    while (text.n != 0) {
        struct str word = text;
        if (!str_cut(text, ' ', &word, &text))
            text = (struct str){NULL, 0};
        if (word.n == 0)
            continue;
        if (n == room)
            return ERR_LIMIT;
        list[n++] = word;
    }
    *ret_n = n;
    return ERR_OK;
}

static enum err new_person(const struct people_change *change, struct str *groups, size_t room,
                           struct person *ret)
{
    struct person p = {.name = change->person, .groups = groups};
    struct str roles[4];
    size_t n_roles;
    TRY(take_words(change->groups, groups, room, &p.n_groups));
    TRY(take_words(change->roles, roles, ARRAY_LEN(roles), &n_roles));
    for (size_t i = 0; i < n_roles; i++) {
        bool admin = str_is(roles[i], "admin"), auditor = str_is(roles[i], "auditor");
        if (!admin && !auditor)
            return ERR_INVALID;
        p.admin = p.admin || admin;
        p.auditor = p.auditor || auditor;
    }
    *ret = p;
    return ERR_OK;
}

static enum err judge(const struct config *c, const struct people_change *change,
                      struct broker_error *said)
{
    const struct person *p = people_find(&c->people, change->person);
    char *text = said->text;
    size_t size = sizeof(said->text);
    if (change->kind == PEOPLE_ADD) {
        if (p == NULL)
            return ERR_OK;
        snprintf(text, size, "\"%.*s\" is there already", STR_FMT(change->person));
        return ERR_EXISTS;
    }
    if (p == NULL) {
        snprintf(text, size, "nobody is named \"%.*s\"", STR_FMT(change->person));
        return ERR_NOT_FOUND;
    }
    if (change->kind == PEOPLE_REGROUP) {
        if (p->is_local)
            return ERR_OK;
        snprintf(text, size, "\"%.*s\" is not in the file of local people", STR_FMT(p->name));
        return ERR_EXISTS;
    }
    if (change->kind == PEOPLE_DISABLE ? p->disabled : !p->disabled) {
        snprintf(text, size, "\"%.*s\" is %s already", STR_FMT(p->name),
                 p->disabled ? "disabled" : "enabled");
        return ERR_EXISTS;
    }
    if (change->kind == PEOPLE_ENABLE && !p->disabled_locally) {
        snprintf(text, size, "\"%.*s\" is disabled in countersign.yaml: enable it there", STR_FMT(p->name));
        return ERR_EXISTS;
    }
    return ERR_OK;
}

/* added: a new person, or one that is there with other groups. */
static enum err put_people(struct buf *out, const struct config *c, const struct person *added)
{
    bool any = false;
    for (size_t i = 0; i <= c->people.n; i++) {
        const struct person *p = i < c->people.n ? &c->people.list[i] : added;
        bool replaced = p != added && p != NULL && added != NULL && str_eq(p->name, added->name);
        if (p == NULL || replaced || (p != added && !p->is_local))
            continue;
        if (!any)
            TRY(buf_put_str(out, STR("people:\n")));
        any = true;
        TRY(put_person(out, p));
    }
    return ERR_OK;
}

static enum err put_all_disabled(struct buf *out, const struct config *c,
                                 const struct people_change *change)
{
    bool any = false;
    for (size_t i = 0; i < c->people.n; i++) {
        const struct person *p = &c->people.list[i];
        bool it = str_eq(p->name, change->person);
        bool changes = change->kind == PEOPLE_DISABLE || change->kind == PEOPLE_ENABLE;
        bool wanted = it && changes ? change->kind == PEOPLE_DISABLE
                                                       : p->disabled_locally;
        if (!wanted)
            continue;
        if (!any)
            TRY(buf_put_str(out, STR("disabled:\n")));
        any = true;
        TRY(put_disabled(out, p->name));
    }
    return ERR_OK;
}

enum err people_file_text(const struct config *c, const struct people_change *change,
                          struct buf *out, struct broker_error *ret_said)
{
    struct str groups[64];
    struct person fresh = {.n_groups = 0};
    TRY(judge(c, change, ret_said));
    if (change->kind == PEOPLE_ADD && new_person(change, groups, ARRAY_LEN(groups), &fresh) != ERR_OK) {
        snprintf(ret_said->text, sizeof(ret_said->text),
                 "at most 64 groups; roles are auditor and admin");
        return ERR_INVALID;
    }
    if (change->kind == PEOPLE_REGROUP) {
        fresh = *people_find(&c->people, change->person);
        fresh.groups = groups;
        if (take_words(change->groups, groups, ARRAY_LEN(groups), &fresh.n_groups) != ERR_OK)
            return ERR_INVALID;
    }
    TRY(buf_put_str(out, str_of(HEAD)));
    TRY(put_people(out, c, fresh.name.n != 0 ? &fresh : NULL));
    return put_all_disabled(out, c, change);
}

/* --- The file -------------------------------------------------------------------------------- */

static enum err read_whole(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_OK : ERR_IO;
    enum err e = ERR_OK;
    for (ssize_t n = 1; e == ERR_OK && n != 0;) {
        char *space;
        e = buf_reserve(out, 16 * KIB, &space);
        if (e != ERR_OK)
            break;
        n = read(fd, space, 16 * KIB);
        if (n < 0 && errno != EINTR)
            e = ERR_IO;
        buf_commit(out, n > 0 ? (size_t)n : 0);
    }
    close(fd);
    return e;
}

enum err people_file_is_known(const struct config *c)
{
    struct buf now CLEANUP(buf_done) = {0};
    struct str known = {NULL, 0};
    char *path = str_dupz(c->people_file);
    buf_init(&now, LIMIT_CONFIG_FILE + 16 * KIB);
    if (path == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < c->n_files; i++)
        if (str_eq(c->files[i].path, c->people_file))
            known = c->files[i].text;
    enum err e = read_whole(path, &now);
    free(path);
    TRY(e);
    return str_eq(buf_view(&now), known) ? ERR_OK : ERR_STALE;
}

static enum err write_all(int fd, struct str s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERR_IO;
        s = (struct str){s.p + n, s.n - (size_t)n};
    }
    return fsync(fd) == 0 ? ERR_OK : ERR_IO;
}

static struct str path_folder_of(struct str path)
{
    while (path.n > 0 && path.p[path.n - 1] != '/')
        path.n--;
    return path.n != 0 ? path : STR(".");
}

static enum err sync_folder(struct str path)
{
    char *folder = str_dupz(path_folder_of(path));
    int fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(folder);
    return done ? ERR_OK : ERR_IO;
}

static enum err replace(const char *path, const char *fresh, struct str text)
{
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    enum err e = write_all(fd, text);
    close(fd);
    if (e == ERR_OK && rename(fresh, path) != 0)
        e = ERR_IO;
    if (e != ERR_OK)
        (void)unlink(fresh);
    return e;
}

enum err people_file_write(const struct config *c, struct str text)
{
    struct buf fresh CLEANUP(buf_done) = {0};
    char *path = str_dupz(c->people_file);
    buf_init(&fresh, 64 * KIB);
    enum err e = path != NULL ? buf_put_str(&fresh, c->people_file) : ERR_NOMEM;
    if (e == ERR_OK)
        e = buf_put(&fresh, ".new", 5);
    if (e == ERR_OK)
        e = replace(path, buf_view(&fresh).p, text);
    free(path);
    TRY(e);
    return sync_folder(c->people_file);
}
