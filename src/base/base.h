/*
 * What every file relies on: integer types, the must-use mark, cleanup attributes.
 *
 * Ownership is in the names, everywhere in this tree:
 *   x_new / x_free      the caller owns the result until x_free
 *   x_init / x_done     the caller owns the storage; x_done releases what is inside
 *   x_ref / x_unref     counted
 *   x_dup               a copy that the caller owns
 *   *_view              borrowed: valid while its owner lives and is not changed
 *   x_take              ownership moves to the caller
 * Outputs are named ret_*, written only on success (ERR_OK).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define UNUSED __attribute__((unused))
#define FALLTHROUGH __attribute__((fallthrough))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
