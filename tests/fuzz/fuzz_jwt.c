/* Tokens and key sets: whatever comes, the decoders end, and a token that nobody signed is never good. The input is
 * a key set, a line break, a token. */
#include "identity/jwt.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct jwt_wanted want = {.issuer = STR_INIT("https://id.example"),
                                           .audience = STR_INIT("countersign"),
                                           .now_s = 1800000000, .skew_s = 60};
    struct str in = str_from(data, size), keys, token;
    struct jwk_set *set = NULL;
    struct jwt_claims *c = NULL;
    if (!str_cut(in, '\n', &keys, &token) || jwk_set_parse(keys, &set) != ERR_OK)
        return 0;
    if (jwt_verify(set, token, &want, &c) == JWT_GOOD)
        abort();
    jwk_set_free(set);
    return 0;
}
