"""damage.py TRACE OUT SEED: TRACE with some bytes changed in what stands in its chunks, and their
checksums right again: what a reader meets whom nobody protects."""
import ctypes
import random
import struct
import sys
import zlib

ZSTD = ctypes.CDLL("libzstd.so.1")
ZSTD.ZSTD_decompress.restype = ctypes.c_size_t


def unpack(stored, raw):
    if len(stored) == raw:
        return bytearray(stored)
    out = ctypes.create_string_buffer(raw)
    n = ZSTD.ZSTD_decompress(out, ctypes.c_size_t(raw), stored, ctypes.c_size_t(len(stored)))
    assert n == raw
    return bytearray(out.raw)


def chunks(data):
    at = 16
    while at < len(data):
        kind, stored, raw = struct.unpack_from("<III", data, at)
        yield kind, unpack(data[at + 20:at + 20 + stored], raw)
        at += 20 + stored


def pack(kind, raw):
    head = struct.pack("<IIII", kind, len(raw), len(raw), zlib.crc32(bytes(raw)))
    return head + struct.pack("<I", zlib.crc32(head)) + bytes(raw)


def change(raw, rng):
    how = rng.randrange(4)
    at = rng.randrange(min(len(raw), rng.choice([40, 400, 4000, 1 << 30])))
    if how == 0:
        raw[at] ^= 1 << rng.randrange(8)
    elif how == 1:
        raw[at] = rng.choice([0, 1, 0x7f, 0x80, 0xff])
    elif how == 2:
        del raw[at:at + rng.randrange(1, 9)]
    else:
        raw[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))


def main():
    name, out, seed = sys.argv[1:]
    rng = random.Random(int(seed))
    with open(name, "rb") as f:
        data = f.read()
    found = list(chunks(data))
    for _ in range(rng.randrange(1, 4)):
        raw = rng.choice(found)[1]
        if raw:
            change(raw, rng)
    with open(out, "wb") as f:
        f.write(data[:16] + b"".join(pack(kind, raw) for kind, raw in found))


main()
