#!/usr/bin/env python3
"""Writes the time zones of the IANA database as C: the 64-bit part of each TZif file (RFC 8536).

usage: zones.py ZONEINFO-DIRECTORY OUTPUT.c
"""
import os
import struct
import sys

SKIP = {"posix", "right"}


def names(root):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not (folder == root and f in SKIP))
        for name in files:
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                data = f.read()
            if data[:4] == b"TZif" and data[4:5] >= b"2" and name not in ("localtime", "posixrules"):
                yield os.path.relpath(path, root), data


def second_part(data):
    """The version 2 block and the footer: what follows the 32-bit block."""
    counts = struct.unpack(">6I", data[20:44])
    isutc, isstd, leap, times, types, chars = counts
    size = times * 5 + types * 6 + chars + leap * 8 + isstd + isutc
    return data[44 + size:]


def main(root, output):
    blobs, zones = {}, []
    for name, data in names(root):
        blob = second_part(data)
        zones.append((name, blobs.setdefault(blob, len(blobs))))
    if len(zones) < 100:
        sys.exit("no time zone database in " + root + " (package tzdata)")
    with open(output, "w") as f:
        f.write('#include "base/zones.h"\n\n')
        for blob, number in blobs.items():
            f.write(f"static const unsigned char z{number}[] = {{")
            f.write(",".join(map(str, blob)))
            f.write("};\n")
        f.write("\nconst struct zone_data zone_table[] = {\n")
        for name, number in sorted(zones):
            f.write(f'    {{STR_INIT("{name}"), z{number}, sizeof(z{number})}},\n')
        f.write("};\n\nconst size_t zone_count = sizeof(zone_table) / sizeof(zone_table[0]);\n")


main(sys.argv[1], sys.argv[2])
