/*
 * SSH public keys and the signatures of `ssh-keygen -Y sign` (OpenSSH, PROTOCOL.sshsig; RFC 4253
 * section 6.6, RFC 5656, RFC 8332, RFC 8709, PROTOCOL.u2f). Pure: bytes in, an answer out.
 *
 * Taken: ssh-ed25519, ecdsa-sha2-nistp256/384/521, ssh-rsa of 2048 to 16384 bits (signing with SHA-2
 * alone), sk-ssh-ed25519@openssh.com and sk-ecdsa-sha2-nistp256@openssh.com (touched). The decoder
 * is strict: one form for each thing, nothing left over.
 */
#pragma once

#include "base/buf.h"

/* "ssh-ed25519 AAAA… comment", as in id_ed25519.pub. Appends the key as bytes. ERR_INVALID;
 * ERR_UNSUPPORTED: well-formed but of another type, or an RSA key that is too short. */
MUST_USE enum err ssh_key_parse(struct str line, struct buf *ret_blob);

/* "SHA256:…", as ssh-keygen -l says. */
MUST_USE enum err ssh_key_fingerprint(struct str blob, struct buf *ret);

/* Views into `room` of sshsig_parse. */
struct sshsig {
    struct str key; /* as ssh_key_parse gives it */
    struct str name_space, hash, signature;
};

/* From "-----BEGIN SSH SIGNATURE-----" to its end. ERR_INVALID, ERR_UNSUPPORTED (hash, key type). */
MUST_USE enum err sshsig_parse(struct str armored, struct buf *room, struct sshsig *ret);

/* ERR_OK: made with s->key over exactly this message for this name space. ERR_FORBIDDEN otherwise.
 * Whose key it is, is the caller's to know. */
MUST_USE enum err sshsig_verify(const struct sshsig *s, struct str name_space, struct str message);
