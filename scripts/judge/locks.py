#!/usr/bin/env python3
"""Reads a decider's lock file (docs/spec/lock-file.md) with nothing of Gatehouse's own. Prints the locks of each whole copy and
ends with 1 if neither is whole."""
import hashlib
import json
import struct
import sys

MAGIC, SIZE = b"gatehouse locks\n", 1 << 20


def copy(block):
    if not block.startswith(MAGIC):
        raise ValueError("it does not begin as a list of locks does")
    numbers = block[len(MAGIC):len(MAGIC) + 16]
    version, length = struct.unpack(">QQ", numbers)
    head = len(MAGIC) + 16 + 32
    if length > len(block) - head:
        raise ValueError("its length is %d" % length)
    text = block[head:head + length]
    if hashlib.sha256(numbers + text).digest() != block[head - 32:head]:
        raise ValueError("its checksum does not fit")
    return version, json.loads(text)["locks"]


def main(path):
    with open(path, "rb") as f:
        raw = f.read()
    good = 0
    for n in (0, 1):
        try:
            version, locks = copy(raw[n * SIZE:(n + 1) * SIZE])
            good += 1
            print("copy %d: version %d, %d locks %s" % (n + 1, version, len(locks), " ".join(r["lock"]["id"] for r in locks)))
        except (ValueError, KeyError) as e:
            print("copy %d: %s" % (n + 1, e))
    return 0 if good and len(raw) == 2 * SIZE else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
