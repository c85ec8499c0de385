"""Cuts off what lies behind the last loaded segment of a library: most of uvloop's is symbols."""

import struct
import sys
from pathlib import Path

# The fields of an ELF file of 64 bits, little-endian, as elf(5) has them.
ELF_64 = b"\x7fELF\x02\x01"
PROGRAM_HEADERS_AT, HEADER_COUNT_AT = 32, 56
HEADER = struct.Struct("<IIQQQQQQ")
LOADED = 1


def end_of_segments(library: bytes) -> int:
    (start,) = struct.unpack_from("<Q", library, PROGRAM_HEADERS_AT)
    (count,) = struct.unpack_from("<H", library, HEADER_COUNT_AT)
    headers = HEADER.iter_unpack(library[start : start + count * HEADER.size])
    return max(int(at + size) for kind, _, at, _, _, size, _, _ in headers if kind == LOADED)


for path in Path(sys.argv[1]).rglob("*.so"):
    with path.open("r+b") as file:
        library = file.read()
        if library.startswith(ELF_64):
            file.truncate(end_of_segments(library))
