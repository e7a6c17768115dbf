"""Looks at a disk of 8 MiB, all of it a hole, through libnbd: structured replies, extents, several connections.

usage: negotiated.py URI
"""

import sys

import nbd

uri = sys.argv[1]
h = nbd.NBD()
h.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
h.connect_uri(uri)
assert h.get_protocol() == "newstyle-fixed"
assert h.get_structured_replies_negotiated()
assert h.can_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
assert h.can_df() and h.can_fua() and h.can_cache() and h.can_zero() and h.can_multi_conn()
assert h.get_block_size(nbd.SIZE_MAXIMUM) == 32 << 20

block = 256 << 10  # what the dummy handler takes at a time
h.pwrite(b"a" * block, 1 << 20, nbd.CMD_FLAG_FUA)


def extents(offset, length, flags=0):
    found = []

    def take(context, at, entries, error):
        assert context == nbd.CONTEXT_BASE_ALLOCATION and at == offset and not error.value
        found.extend(zip(entries[::2], entries[1::2]))

    h.block_status(length, offset, take, flags)
    return found


hole = nbd.STATE_HOLE | nbd.STATE_ZERO
assert extents(0, 2 << 20)[:2] == [(1 << 20, hole), (block, 0)], extents(0, 2 << 20)
assert extents(1 << 20, block, nbd.CMD_FLAG_REQ_ONE) == [(block, 0)]

for flags in (0, nbd.CMD_FLAG_DF):
    chunks = []

    def take_chunk(data, offset, status, error):
        assert not error.value
        chunks.append((offset, len(data), status))

    data = h.pread_structured(2 * block, (1 << 20) - block, take_chunk, flags)
    assert data == bytes(block) + b"a" * block
    assert sum(c[1] for c in chunks) == 2 * block, chunks
    assert not flags or len(chunks) == 1, chunks

# What one connection has written is seen by all others, and a flush of any of them covers it.
other = nbd.NBD()
other.connect_uri(uri)
h.pwrite(b"b" * block, 0)
assert other.pread(block, 0) == b"b" * block
other.flush()
other.zero(block, 0, nbd.CMD_FLAG_NO_HOLE)
assert h.pread(block, 0) == bytes(block)
assert extents(0, block)[0][1] & nbd.STATE_HOLE == 0

# A refusal is an error of that request, and no more than that.
h.set_strict_mode(0)
try:
    h.pwrite(b"c" * block, 8 << 20)
    sys.exit("a write beyond the end was not refused")
except nbd.Error as e:
    assert e.errno == "ENOSPC", e
assert h.pread(block, 1 << 20) == b"a" * block
other.shutdown()
h.shutdown()
