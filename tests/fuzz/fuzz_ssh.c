/* SSH keys and signatures: whatever comes, the decoder ends, and what it takes verifies nothing that
 * was not signed. */
#include "base/limits.h"
#include "identity/ssh.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf room CLEANUP(buf_done) = {0};
    struct sshsig s;
    struct str in = str_from(data, size);
    buf_init(&room, LIMIT_SSH_BLOB);
    if (ssh_key_parse(in, &room) == ERR_OK && buf_len(&room) == 0)
        abort();
    if (sshsig_parse(in, &room, &s) == ERR_OK &&
        sshsig_verify(&s, s.name_space, STR("nobody ever signed this")) == ERR_OK)
        abort();
    return 0;
}
