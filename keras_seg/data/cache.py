"""The files that keep prepared cases: written in one step, opened as memory maps, checked, and cleared.

An entry is one file: a mark with the format's number, the length and check sum of a header, the header (JSON), and the
arrays one after another. Its name is the check sum of what it was made from.
"""

import contextlib
import hashlib
import json
import mmap
import os
import pathlib
import struct
import time
import zlib

import numpy as np

from keras_seg.files import replacing

# Raised whenever preparing gives other numbers or the file is laid out differently: older entries are made anew.
FORMAT = 1
MARK = b"keras_seg case\n"
PREFIX = struct.Struct(f"<{len(MARK)}sIII")  # mark, format, length and check sum of the header

ENDING = ".case"
ALIGNED = 64
BLOCK = 1 << 22

# A temporary file this old, in seconds, belongs to a process that was killed: none is longer at work on one case.
LEFT_OVER = 3600


def cache_folder(cache=None):
    """Folder of the prepared cases.

    Args:
        cache: Path of a folder. By default that of the environment variable `KERAS_SEG_CACHE`, or else the user's cache
            folder, for example `~/.cache/keras_seg`.
    """
    import platformdirs

    root = cache or os.environ.get("KERAS_SEG_CACHE") or platformdirs.user_cache_dir("keras_seg")
    return pathlib.Path(root) / "cases"


def cache_size(cache=None):
    """Number of bytes that all prepared cases of all data sets take.

    Args:
        cache: As for `cache_folder`.
    """
    return sum(size for _, size in _entries(cache))


def clear_cache(cache=None):
    """Remove all prepared cases of all data sets. Other files in the folder are kept.

    Args:
        cache: As for `cache_folder`.

    Returns:
        Number of bytes that are free again.
    """
    freed = 0
    for path, size in _entries(cache):
        path.unlink(missing_ok=True)
        freed += size
    with contextlib.suppress(OSError):  # there is none, or it holds something else
        cache_folder(cache).rmdir()
    return freed


def entry_path(folder, origin):
    """Path of the entry that is made from something.

    Args:
        folder: Folder of the cache.
        origin: Plain data that says everything the entry depends on.
    """
    text = json.dumps({"format": FORMAT, **origin}, sort_keys=True)
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}{ENDING}"


def write_entry(path, header, arrays):
    """Write an entry in one step.

    Args:
        path: Path of the entry.
        header: Dict of plain data.
        arrays: Dict of arrays.

    Raises:
        OSError: If the disk is full or the folder cannot be written to.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    # Whole seconds, evenly: the coarsest file system keeps them. An entry with this time was not touched since.
    stamp = int(time.time()) // 2 * 2
    layout, offset = {}, 0
    for name, array in arrays.items():
        layout[name] = {
            "dtype": array.dtype.str,
            "shape": array.shape,
            "offset": offset,
            "check": zlib.crc32(_bytes(array)),
        }
        offset += _aligned(array.nbytes)
    text = json.dumps({**header, "arrays": layout, "bytes": offset, "stamp": stamp}).encode()
    try:
        with replacing(path) as temporary:
            with temporary.open("wb") as file:
                file.write(PREFIX.pack(MARK, FORMAT, len(text), zlib.crc32(text)))
                file.write(text)
                file.write(bytes(_start(len(text)) - PREFIX.size - len(text)))
                for array in arrays.values():
                    file.write(_bytes(array))
                    file.write(bytes(_aligned(array.nbytes) - array.nbytes))
            os.utime(temporary, (stamp, stamp))
    except OSError as error:
        reason = str(error) if str(error).endswith(".") else f"{path}: {error}."
        raise type(error)(
            f"{reason} The prepared cases of all data sets are kept in {path.parent}; `keras_seg.data.clear_cache()` "
            "removes them, `cache` or the environment variable KERAS_SEG_CACHE names another folder."
        ) from error


def open_entry(path):
    """Open an entry.

    Args:
        path: Path of the entry.

    Returns:
        Tuple of its header, a dict, and a dict of arrays that are read-only maps of the file. The file is closed when
        the last of them is dropped.

    Raises:
        ValueError: If the file is gone or damaged.
    """
    try:
        with path.open("rb") as file:
            header, start = _read_header(file)
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise ValueError(
            f"{path}: this prepared case is gone; was the cache cleared meanwhile? Call `keras_seg.data.prepare` again."
        ) from None
    except _Damaged as error:
        raise ValueError(f"{path}: {error}. Call `keras_seg.data.prepare` again, which makes it anew.") from None
    arrays = {}
    for name, entry in header["arrays"].items():
        count = int(np.prod(entry["shape"]))
        flat = np.frombuffer(content, entry["dtype"], count, start + entry["offset"])
        arrays[name] = flat.reshape(entry["shape"])
    return header, arrays


def is_intact(path):
    """Tell whether there is an entry at a path that holds what was written.

    Its size and header are always checked, its content only where the time of the file says that it was touched.

    Args:
        path: Path of the entry.
    """
    try:
        with path.open("rb") as file:
            header, start = _read_header(file)
            if os.fstat(file.fileno()).st_mtime == header["stamp"]:
                return True
            return all(_check(file, start, entry) == entry["check"] for entry in header["arrays"].values())
    except (OSError, _Damaged):
        return False


def remove_leftovers(folder):
    """Remove what processes that were killed have left half-written.

    Args:
        folder: Folder of the cache.
    """
    for path in folder.glob(f".*{ENDING}"):
        with contextlib.suppress(OSError):  # another process removed it first
            if time.time() - path.stat().st_mtime > LEFT_OVER:
                path.unlink()


class _Damaged(Exception):
    """An entry is not as it was written."""


def _read_header(file):
    """Header of an open entry, and where its arrays begin."""
    prefix = file.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        raise _Damaged("this prepared case is cut short")
    mark, version, length, check = PREFIX.unpack(prefix)
    text = file.read(length) if (mark, version) == (MARK, FORMAT) else b""
    if zlib.crc32(text) != check or not text:
        raise _Damaged("this prepared case is damaged, or written by another version")
    header = json.loads(text)
    start = _start(length)
    if os.fstat(file.fileno()).st_size != start + header["bytes"]:
        raise _Damaged("this prepared case is cut short")
    return header, start


def _check(file, start, entry):
    """Check sum of one array in an open entry, read in blocks."""
    left = int(np.prod(entry["shape"])) * np.dtype(entry["dtype"]).itemsize
    file.seek(start + entry["offset"])
    check = 0
    while left:
        block = file.read(min(BLOCK, left))
        if not block:
            return None
        check = zlib.crc32(block, check)
        left -= len(block)
    return check


def _entries(cache):
    """Path and size of each entry and of each half-written one."""
    found = []
    for path in sorted(cache_folder(cache).glob(f"*{ENDING}")):
        with contextlib.suppress(FileNotFoundError):
            found.append((path, path.stat().st_size))
    return found


def _bytes(array):
    return memoryview(array.reshape(-1)).cast("B") if array.size else b""


def _start(length):
    return _aligned(PREFIX.size + length)


def _aligned(size):
    return -(-size // ALIGNED) * ALIGNED
