"""Is an LMDB file safe to give to LMDB?

LMDB trusts its file: it has no page checksums, and a wrong page number or node offset makes it read outside the map and
die of a signal. So before a transaction touches a page, the B-trees are walked here, through `pread`, and everything
LMDB relies on is checked: the meta pages, page numbers, flags, node bounds, order of keys, extents of overflow pages,
the counts in the meta page, and that no page is used twice or is on the free list as well. Contents of values are not
looked at; they carry checksums of their own. The layout is that of LMDB 0.9 (data version 1): `MDB_meta`, `MDB_page`
and `MDB_node` in its mdb.c.
"""

from __future__ import annotations

import itertools
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..arrays import IntArray
from ..errors import CorruptIndexError, FormatVersionError, NotAnIndexError

_ORDER = "<" if sys.byteorder == "little" else ">"  # LMDB writes in the order of the machine
_PAGE = struct.Struct(_ORDER + "QHHHH")  # page number, unused, flags, lower, upper
_OVERFLOW = struct.Struct(_ORDER + "QHHI")  # page number, unused, flags, pages
_META = struct.Struct(_ORDER + "IIQQ")  # magic, data version, address, map size
_TREE = struct.Struct(_ORDER + "IHHQQQQQ")  # page size, flags, depth, branch, leaf, overflow pages, entries, root
_LAST = struct.Struct(_ORDER + "QQ")  # last page, transaction
_NODE = struct.Struct(_ORDER + "HHHH")  # size or page number low and high, flags, key size
_WORD = np.dtype(_ORDER + "u8")
_HEADER = _PAGE.size
_META_BYTES = _HEADER + _META.size + 2 * _TREE.size + _LAST.size

_MAGIC = 0xBEEFC0DE
_BRANCH, _LEAF, _OVERFLOWS, _METAPAGE = 1, 2, 4, 8
_BIG_VALUE = 1
_INTEGER_KEYS = 0x08
_ENVIRONMENT_FLAGS = 0x4000  # MDB_NOSUBDIR, which LMDB keeps among the flags of the free list
_NO_ROOT = 2**64 - 1
_LARGEST_KEY = 511
_LARGEST_MAP = 1 << 47
_DEEPEST = 32
FIRST = 8


class Tree(NamedTuple):
    """What the meta page says of a B-tree."""

    page_size: int
    flags: int
    depth: int
    branches: int
    leaves: int
    overflows: int
    entries: int
    root: int


class Value(NamedTuple):
    """A value of the main tree: its key, its size, and its first bytes, up to `FIRST` of them."""

    key: bytes
    size: int
    first: bytes


class Meta(NamedTuple):
    """A meta page."""

    free: Tree
    main: Tree
    last_page: int
    transaction: int


def read_metas(handle: int) -> list[Meta]:
    """Both meta pages of an LMDB file, checked against themselves.

    Raises NotAnIndexError for a file that is not LMDB's, CorruptIndexError for one that is damaged or cut off.
    """
    first = os.pread(handle, _META_BYTES, 0)
    if len(first) < _META_BYTES:
        raise NotAnIndexError("not an index: the file is too short")
    magic, version, _, _ = _META.unpack_from(first, _HEADER)
    if magic != _MAGIC:
        raise NotAnIndexError("not an index: this is not an LMDB file")
    if version != 1:
        raise FormatVersionError(f"LMDB data version {version} is not supported, or the meta page is damaged")
    page_size = Tree._make(_TREE.unpack_from(first, _HEADER + _META.size)).page_size
    if page_size not in (1 << bits for bits in range(9, 17)):
        raise CorruptIndexError(f"meta page 0 names a page size of {page_size}")
    return [_meta(os.pread(handle, _META_BYTES, number * page_size), number, page_size) for number in (0, 1)]


def _meta(raw: bytes, number: int, page_size: int) -> Meta:
    if len(raw) < _META_BYTES:
        raise CorruptIndexError("the file is cut off within its meta pages")
    own, _, flags, _, _ = _PAGE.unpack_from(raw)
    magic, version, _, map_size = _META.unpack_from(raw, _HEADER)
    at = _HEADER + _META.size
    free, main = (Tree._make(_TREE.unpack_from(raw, at + i * _TREE.size)) for i in (0, 1))
    meta = Meta(free, main, *_LAST.unpack_from(raw, at + 2 * _TREE.size))
    sound = (
        (own, flags, magic, version) == (number, _METAPAGE, _MAGIC, 1)
        and free.page_size == page_size
        and free.flags & ~_ENVIRONMENT_FLAGS == _INTEGER_KEYS
        and main.flags == 0
        and (meta.last_page + 1) * page_size <= map_size <= _LARGEST_MAP
    )
    if not sound:
        raise CorruptIndexError(f"meta page {number} is damaged")
    return meta


def check_file(path: Path) -> None:
    """The meta pages alone: what LMDB reads when it opens a file. Raises as `read_metas`, naming the path."""
    with _naming(path) as handle:
        read_metas(handle)


def check_trees(path: Path, transaction: int) -> list[Value] | None:
    """Walk both trees of the commit with that number, which a reader must hold meanwhile; what values there are.

    None when the meta pages have moved on to later commits: take a new transaction. Raises CorruptIndexError.
    """
    with _naming(path) as handle:
        metas = [meta for meta in read_metas(handle) if meta.transaction == transaction]
        if not metas:
            return None
        walk = _Walk(handle, metas[0])
        walk.check()
        return walk.values


def give_back_tail(path: Path) -> None:
    """Cut off what a failed commit wrote behind the last page of the last commit; only for the one that may write."""
    with _naming(path) as handle:
        metas = read_metas(handle)
        in_use = (max(meta.last_page for meta in metas) + 1) * metas[0].free.page_size
        if os.fstat(handle).st_size > in_use:
            os.truncate(path, in_use)


class _naming:
    """The opened file, and its path in front of what is wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> int:
        try:
            self._handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise NotAnIndexError(f"{self._path}: {error.strerror}") from error
        return self._handle

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        os.close(self._handle)
        if isinstance(error, (CorruptIndexError, NotAnIndexError, FormatVersionError)):
            raise type(error)(f"{self._path}: {error}") from error


class _Node(NamedTuple):
    key: bytes
    size: int  # of the value; for a branch the page number of the child
    flags: int
    value: int  # where it begins in the page


@dataclass
class _Page:
    number: int
    depth: int
    low: bytes | int | None  # keys of this page are >= low
    high: bytes | int | None  # and < high


class _Walk:
    """One pass over the pages of a commit."""

    def __init__(self, handle: int, meta: Meta) -> None:
        self._handle = handle
        self._meta = meta
        self._page_size = meta.free.page_size
        # The file may end before the last page: pages that a commit took and gave back are not written.
        pages = min(meta.last_page + 1, os.fstat(handle).st_size // self._page_size)
        self._used = np.zeros(max(pages, 2), np.bool_)
        self._used[:2] = True
        self._counts = [0, 0, 0, 0]  # branch pages, leaf pages, overflow pages, entries
        self.values: list[Value] = []

    def check(self) -> None:
        """Raises CorruptIndexError with the page that is wrong."""
        self._tree(self._meta.main, "the main tree", integers=False)
        free = self._tree(self._meta.free, "the free list", integers=True)
        listed = np.concatenate([np.zeros(0, np.int64), *free])
        if listed.size and (listed.min() < 2 or listed.max() > self._meta.last_page):
            raise CorruptIndexError("the free list names a page that is not there")
        if self._used[listed[listed < len(self._used)]].any() or _twice(listed):
            raise CorruptIndexError("the free list names a page that is in use")

    def _tree(self, tree: Tree, what: str, *, integers: bool) -> list[IntArray]:
        """Walk one tree; returns the page numbers in its values for the free list."""
        self._counts = [0, 0, 0, 0]
        free: list[IntArray] = []
        if tree.root != _NO_ROOT:
            if not 0 < tree.depth <= _DEEPEST:
                raise CorruptIndexError(f"{what} says it is {tree.depth} pages deep")
            pages = [_Page(tree.root, 1, None, None)]
            while pages:
                pages.extend(self._visit(pages.pop(), tree, free, integers))
        elif tree.depth:
            raise CorruptIndexError(f"{what} has a depth and no root")
        if tuple(self._counts) != (tree.branches, tree.leaves, tree.overflows, tree.entries):
            raise CorruptIndexError(f"{what} does not have the pages and entries its meta page counts")
        return free

    def _visit(self, page: _Page, tree: Tree, free: list[IntArray], integers: bool) -> list[_Page]:
        self._claim(page.number, 1)
        raw = os.pread(self._handle, self._page_size, page.number * self._page_size)
        leaf = page.depth == tree.depth
        nodes = self._nodes(raw, page.number, leaf)
        first = 0 if leaf else 1  # LMDB does not look at the first key of a branch page: it means "from the beginning"
        keys: list[bytes] | list[int] = [node.key for node in nodes[first:]]
        if integers:
            keys = [self._integer(node.key, page.number) for node in nodes[first:]]
        bounds = [*([page.low] if page.low is not None else []), *keys]
        ordered = all(a < b for a, b in itertools.pairwise(keys))  # type: ignore[operator]
        if not ordered or (len(bounds) > len(keys) and keys and keys[0] < page.low):  # type: ignore[operator]
            raise CorruptIndexError(f"the keys of page {page.number} are out of order")
        if page.high is not None and keys and not keys[-1] < page.high:  # type: ignore[operator]
            raise CorruptIndexError(f"the keys of page {page.number} are out of order")
        if leaf:
            self._leaf(raw, page.number, nodes, free, integers)
            return []
        self._counts[0] += 1
        edges = [page.low, *keys, page.high]
        return [_Page(nodes[i].size, page.depth + 1, edges[i], edges[i + 1]) for i in range(len(nodes))]

    def _nodes(self, raw: bytes, number: int, leaf: bool) -> list[_Node]:
        own, _, flags, lower, upper = _PAGE.unpack_from(raw)
        if own != number or flags != (_LEAF if leaf else _BRANCH):
            raise CorruptIndexError(f"page {number} is not the {'leaf' if leaf else 'branch'} page it should be")
        count = (lower - _HEADER) // 2
        if lower % 2 or not lower <= upper <= self._page_size or count < (1 if leaf else 2):
            raise CorruptIndexError(f"page {number} has wrong bounds")
        nodes: list[_Node] = []
        extents: list[tuple[int, int]] = []
        for start in struct.unpack_from(f"{_ORDER}{count}H", raw, _HEADER):
            if start < upper or start % 2 or start + _NODE.size > self._page_size:
                raise CorruptIndexError(f"page {number} has a node outside its bounds")
            node, end = self._node(raw, start, number, leaf)
            nodes.append(node)
            extents.append((start, end))
        extents.sort()
        if any(end > start for (_, end), (start, _) in itertools.pairwise(extents)):
            raise CorruptIndexError(f"page {number} has nodes that overlap")
        return nodes

    def _node(self, raw: bytes, start: int, number: int, leaf: bool) -> tuple[_Node, int]:
        low, high, flags, key_size = _NODE.unpack_from(raw, start)
        size = low | high << 16
        value = start + _NODE.size + key_size
        if not leaf:
            size, flags, inline = size | flags << 32, 0, 0
        else:
            inline = 8 if flags & _BIG_VALUE else size
        if flags not in (0, _BIG_VALUE) or key_size > _LARGEST_KEY or value + inline > self._page_size:
            raise CorruptIndexError(f"page {number} has a damaged node")
        return _Node(raw[start + _NODE.size : value], size, flags, value), value + inline

    def _leaf(self, raw: bytes, number: int, nodes: list[_Node], free: list[IntArray], integers: bool) -> None:
        self._counts[1] += 1
        self._counts[3] += len(nodes)
        for node in nodes:
            big = int.from_bytes(raw[node.value : node.value + 8], sys.byteorder) if node.flags else 0
            first = raw[node.value : node.value + min(node.size, FIRST)]
            if node.flags:
                first = self._overflow(big, node.size, number)
            if not integers:
                self.values.append(Value(node.key, node.size, first))
            if integers:
                content = (
                    os.pread(self._handle, node.size, big * self._page_size + _HEADER)
                    if node.flags
                    else raw[node.value : node.value + node.size]
                )
                free.append(self._free_pages(content, number))

    def _overflow(self, number: int, size: int, leaf: int) -> bytes:
        """Check the first of the pages of a large value; the first bytes of that."""
        if not 2 <= number < len(self._used):
            raise CorruptIndexError(f"page {leaf} points to page {number}, which is not there: {self._end()}")
        start = os.pread(self._handle, _OVERFLOW.size + FIRST, number * self._page_size)
        own, _, flags, pages = _OVERFLOW.unpack_from(start)
        if own != number or flags != _OVERFLOWS or pages < (size + _HEADER - 1) // self._page_size + 1:
            raise CorruptIndexError(f"page {number} is not the overflow page it should be")
        self._claim(number, pages)
        self._counts[2] += pages
        return start[_OVERFLOW.size : _OVERFLOW.size + min(size, FIRST)]

    def _free_pages(self, content: bytes, number: int) -> IntArray:
        words = np.frombuffer(content[: len(content) // 8 * 8], _WORD)
        if not len(words) or int(words[0]) >= len(words):
            raise CorruptIndexError(f"page {number} holds a damaged entry of the free list")
        listed = words[1 : 1 + int(words[0])]
        if len(listed) and int(listed.max()) > self._meta.last_page:
            raise CorruptIndexError("the free list names a page that is not there")
        pages = listed.astype(np.int64)
        if (np.diff(pages) >= 0).any():
            raise CorruptIndexError(f"page {number} holds an entry of the free list that is out of order")
        return pages

    def _integer(self, key: bytes, number: int) -> int:
        if len(key) != 8:
            raise CorruptIndexError(f"page {number} holds a key of the free list that is not a number")
        return int.from_bytes(key, sys.byteorder)

    def _end(self) -> str:
        return f"the file is cut off after {len(self._used)} of {self._meta.last_page + 1} pages, or damaged"

    def _claim(self, number: int, pages: int) -> None:
        if not 2 <= number <= number + pages - 1 < len(self._used):
            raise CorruptIndexError(f"page {number} is in use and is not there: {self._end()}")
        if self._used[number : number + pages].any():
            raise CorruptIndexError(f"page {number} is used twice")
        self._used[number : number + pages] = True


def _twice(pages: IntArray) -> bool:
    """Whether a page stands there more than once. (`np.unique` imports masked arrays, which takes longer than all the
    rest of opening an index.)"""
    ordered = np.sort(pages)
    return bool((ordered[1:] == ordered[:-1]).any())
