#include "audit/vault.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY = 32, TAG = 16, SLOT = DIGEST_SIZE + KEY, SLOTS_READ = 1024 };

struct vault {
    const struct audit_io *io;
    int fd;            /* -1: no file */
    uint64_t n;        /* slots */
    uint64_t hint;     /* where the next look-up begins: they come in order */
    bool unsynced;
};

void vault_free(struct vault *v)
{
    if (v != NULL && v->fd >= 0)
        (void)close(v->fd);
    free(v);
}

static enum err open_file(struct vault *v, const char *path)
{
    struct stat st;
    v->fd = v->io != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)
                          : open(path, O_RDONLY | O_CLOEXEC);
    if (v->fd < 0)
        return v->io == NULL && (errno == ENOENT || errno == EACCES) ? ERR_OK : ERR_IO;
    if (fstat(v->fd, &st) != 0)
        return ERR_IO;
    v->n = (uint64_t)st.st_size / SLOT; /* half a slot at the end is overwritten */
    return v->io != NULL ? io_sync_folder(v->io, path) : ERR_OK;
}

enum err vault_open(const char *path, const struct audit_io *io, struct vault **ret)
{
    struct vault *v = calloc(1, sizeof(*v));
    if (v == NULL)
        return ERR_NOMEM;
    v->io = io;
    enum err e = open_file(v, path);
    if (e != ERR_OK) {
        vault_free(v);
        return e;
    }
    *ret = v;
    return ERR_OK;
}

/* --- The cipher --------------------------------------------------------------------------------- */

static const unsigned char nonce[12];

static bool encrypt(EVP_CIPHER_CTX *c, const unsigned char *key, const unsigned char *salt, struct str content,
                    unsigned char *out)
{
    int n = 0, m = 0, end = 0;
    return EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
           EVP_EncryptUpdate(c, out, &n, salt, APART_SALT) == 1 &&
           EVP_EncryptUpdate(c, out + n, &m, (const unsigned char *)content.p, (int)content.n) == 1 &&
           EVP_EncryptFinal_ex(c, out + n + m, &end) == 1 &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, out + n + m + end) == 1;
}

static bool decrypt(EVP_CIPHER_CTX *c, const unsigned char *key, struct str sealed, unsigned char *out)
{
    int n = 0, end = 0, length = (int)(sealed.n - TAG);
    unsigned char tag[TAG];
    memcpy(tag, sealed.p + length, TAG);
    return EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
           EVP_DecryptUpdate(c, out, &n, (const unsigned char *)sealed.p, length) == 1 &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
           EVP_DecryptFinal_ex(c, out + n, &end) == 1;
}

enum err vault_seal(struct vault *v, const struct digest *commitment, const unsigned char salt[static APART_SALT],
                    struct str content, struct buf *out)
{
    unsigned char slot[SLOT];
    size_t n = APART_SALT + content.n + TAG;
    char *space;
    TRY(buf_reserve(out, n, &space));
    memcpy(slot, commitment->b, DIGEST_SIZE);
    TRY(random_bytes(slot + DIGEST_SIZE, KEY));
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool good = c != NULL && encrypt(c, slot + DIGEST_SIZE, salt, content, (unsigned char *)space);
    EVP_CIPHER_CTX_free(c);
    if (!good)
        return ERR_BUG;
    enum err e = io_write(v->io, v->fd, str_from(slot, SLOT), v->n * SLOT);
    explicit_bzero(slot, sizeof(slot));
    if (e != ERR_OK)
        return e;
    v->n++;
    v->unsynced = true;
    buf_commit(out, n);
    return ERR_OK;
}

enum err vault_sync(struct vault *v)
{
    if (v == NULL || !v->unsynced)
        return ERR_OK;
    if (v->io->sync(v->io->ctx, v->fd) != 0)
        return ERR_IO;
    v->unsynced = false;
    return ERR_OK;
}

/* --- Finding ------------------------------------------------------------------------------------ */

static enum err search(struct vault *v, uint64_t from, uint64_t until, const struct digest *commitment,
                       uint64_t *ret_at, unsigned char key[static KEY])
{
    unsigned char slots[SLOTS_READ * SLOT];
    while (from < until) {
        size_t want = until - from < SLOTS_READ ? (size_t)(until - from) : SLOTS_READ;
        ssize_t got = pread(v->fd, slots, want * SLOT, (off_t)(from * SLOT));
        size_t n = got > 0 ? (size_t)got / SLOT : 0;
        if (n == 0)
            return got < 0 ? ERR_IO : ERR_NOT_FOUND;
        for (size_t i = 0; i < n; i++) {
            if (memcmp(slots + i * SLOT, commitment->b, DIGEST_SIZE) != 0)
                continue;
            memcpy(key, slots + i * SLOT + DIGEST_SIZE, KEY);
            explicit_bzero(slots, sizeof(slots));
            *ret_at = from + i;
            return ERR_OK;
        }
        from += n;
    }
    return ERR_NOT_FOUND;
}

/* ERR_NOT_FOUND too where the slot is there and its key is overwritten. */
static enum err find_key(struct vault *v, const struct digest *commitment, uint64_t *ret_at,
                         unsigned char key[static KEY])
{
    struct stat st;
    static const unsigned char none[KEY];
    if (v->fd < 0)
        return ERR_NOT_FOUND;
    if (v->io == NULL && fstat(v->fd, &st) == 0)
        v->n = (uint64_t)st.st_size / SLOT; /* it grows while we read */
    enum err e = search(v, v->hint, v->n, commitment, ret_at, key);
    if (e == ERR_NOT_FOUND)
        e = search(v, 0, v->hint < v->n ? v->hint : v->n, commitment, ret_at, key);
    if (e != ERR_OK)
        return e;
    v->hint = *ret_at;
    return memcmp(key, none, KEY) != 0 ? ERR_OK : ERR_NOT_FOUND;
}

enum err vault_open_sealed(struct vault *v, const struct apart *a, struct buf *out)
{
    struct buf clear CLEANUP(buf_wipe) = {0};
    unsigned char key[KEY];
    uint64_t at;
    char *space;
    if (a->content.n < APART_SALT + TAG)
        return ERR_CORRUPT;
    TRY(find_key(v, &a->commitment, &at, key));
    buf_init(&clear, a->content.n);
    TRY(buf_reserve(&clear, a->content.n, &space));
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool good = c != NULL && decrypt(c, key, a->content, (unsigned char *)space);
    EVP_CIPHER_CTX_free(c);
    explicit_bzero(key, sizeof(key));
    if (!good)
        return ERR_CORRUPT;
    struct apart opened = {.form = APART_CLEAR,
                           .commitment = a->commitment,
                           .salt = (const unsigned char *)space,
                           .content = {space + APART_SALT, a->content.n - APART_SALT - TAG}};
    return apart_is_good(&opened) ? buf_put_str(out, opened.content) : ERR_CORRUPT;
}

enum err vault_forget(struct vault *v, const struct digest *commitment)
{
    static const char zeros[KEY];
    unsigned char key[KEY];
    uint64_t at;
    TRY(find_key(v, commitment, &at, key));
    explicit_bzero(key, sizeof(key));
    TRY(io_write(v->io, v->fd, (struct str){zeros, KEY}, at * SLOT + DIGEST_SIZE));
    return v->io->sync(v->io->ctx, v->fd) == 0 ? ERR_OK : ERR_IO;
}
