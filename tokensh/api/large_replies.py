"""Decode the rows of a large reply while they are read, and free the part of it that has been read.

Decoded at once, the rows of a list take more than twice the memory of its bytes. Only a reply that begins with its list
(`{"token_infos": [{`, or `[{`) is decoded in parts; any other is decoded whole. What is wrong with a reply is found in either
case, and said in the same words: the object around the rows is checked when the last of them has been read.
"""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator, Mapping, Sequence

from tokensh.api import response
from tokensh.api.request import Json
from tokensh.api.response import Response
from tokensh.errors import ReplyError
from tokensh.provider.model import Method

_match_space = re.compile(r"[ \t\n\r]*").match
_match_separator = re.compile(r"[ \t\n\r]*(?:,[ \t\n\r]*|(\]))").match
_LONGEST_HEAD = 1000
_STEP = 64 * 1024
"""Bytes that are decoded at once."""


class RowReader:
    """Reads the rows of one reply, once, in blocks.

    Args:
        method: the one that was called.
        reply: its response, whose body is still to be decoded.

    Attributes:
        response: after the last block, the response without its rows: there are as many nulls in their place.
    """

    def __init__(self, method: Method, reply: Response) -> None:
        assert reply.undecoded is not None  # noqa: S101 (the caller has looked)
        self.response = reply
        self._method = method
        self._chunks = reply.undecoded.chunks
        self._size = sum(map(len, self._chunks))
        self._start = bytes(self._chunks[0][:_LONGEST_HEAD]) if self._chunks else b""
        self._decode = getincrementaldecoder("utf-8")().decode
        self._scan_value = response.make_json_decoder().scan_once  # type: ignore[attr-defined] # documented for subclasses
        self._at = 0
        self._head = self._text = ""
        self._count = 0
        self._is_readable = False
        self._blocks: Iterator[list[Json]] = iter(())

    def blocks(self) -> Iterator[Sequence[Mapping[str, Json]]]:
        """Yield the rows. Raises ApiError and ReplyError, as decoding the whole reply and `find_rows` do."""
        self._head = self._find_list()
        if not self._head:
            self.response = response.decode_whole(self.response)
            yield from response.find_blocks(self._method, self.response)
            return
        path = self._method.object_key or "$"
        self._blocks = self._decode_items()
        self._is_readable = True
        for items in self._blocks:
            first = self._count
            self._count += len(items)
            yield response.rename_fields(self._method, response.check_items(self._method, items, path, first))
        self._check_rest()

    def finish(self) -> None:
        """Read what is left of the reply after a mistake in a row: what the whole reply says is more important.

        Raises ApiError, ReplyError.
        """
        if self._is_readable:
            self._count += sum(map(len, self._blocks))
            self._check_rest()

    def _find_list(self) -> str:
        """Return the beginning of the reply up to the first row; empty if it does not begin with its rows."""
        keys = response.find_keys(self._method.object_key or "")
        if len(keys) > 1 or not self._method.returns_list or self._method.is_anonymous:
            return ""
        # Latin-1 has a character for each byte; of a head that matches, each is ASCII.
        text = self._start.decode("latin-1")
        at = 0
        for mark in (*(mark for key in keys for mark in ("{", json.dumps(key), ":")), "["):
            at = _skip_space(text, at)
            if not text.startswith(mark, at):
                return ""
            at += len(mark)
        return text[:at] if text.startswith("{", _skip_space(text, at)) else ""

    def _decode_items(self) -> Iterator[list[Json]]:
        """Yield the items of the list, and leave what follows them in `_text`."""
        self._read_text(0)
        at = len(self._head)
        while True:
            items, at, is_end = self._scan_items(at)
            self._text, at = self._text[at:], 0
            if items:
                yield items
            if is_end:
                return
            # An item that is larger than a chunk is scanned again, but only when there is twice as much of it.
            if not self._read_text(0 if items else len(self._text)):
                raise self._make_error("not valid JSON")

    def _scan_items(self, at: int) -> tuple[list[Json], int, bool]:
        """Return the items from a place in the text on that are complete, where the next begins, and True after the last."""
        text, scan_value = self._text, self._scan_value
        items: list[Json] = []
        at = _skip_space(text, at)
        try:
            while True:
                item, end = scan_value(text, at)
                separator = _match_separator(text, end)
                if separator is None:
                    break
                items.append(item)
                at = separator.end()
                if separator[1]:
                    return items, at, True
        except (StopIteration, json.JSONDecodeError):
            pass  # the end of the text is inside an item, or there is a mistake, which is still there when all has come
        except (RecursionError, ValueError) as error:
            raise self._make_error(response.describe_problem(error)) from None
        except ReplyError:  # of the decoder
            self._is_readable = False
            raise
        return items, at, False

    def _read_text(self, length: int) -> bool:
        """Add at least `length` characters, and one step, to the text, if there are as many; return False at the end."""
        parts = [self._text]
        while self._chunks and (length > 0 or len(parts) == 1):
            step = self._chunks[0][self._at : self._at + _STEP]
            self._at += _STEP
            if self._at >= len(self._chunks[0]):
                self._chunks.popleft()
                self._at = 0
            try:
                part = self._decode(step, not self._chunks)
            except UnicodeDecodeError as error:
                raise self._make_error(response.describe_problem(error)) from None
            length -= len(part)
            parts.append(part)
        self._text = "".join(parts)
        return len(parts) > 1

    def _check_rest(self) -> None:
        """Check the object around the rows. Raises ApiError, ReplyError."""
        self._is_readable = False
        self._read_text(self._size)
        keys = response.find_keys(self._method.object_key or "")
        try:
            body = response.make_json_decoder().decode(f"{self._head}]{self._text}")
        except ValueError as error:
            raise self._make_error(response.describe_problem(error)) from None
        # find_rows leaves no rows to look at: nulls are as many, and take the least memory.
        rows: list[Json] = [None] * self._count
        whole = response.finish_decoding(self.response, {**body, keys[0]: rows} if keys else rows)
        response.check_envelope(self._method, whole, rows)
        self.response = whole

    def _make_error(self, problem: str) -> ReplyError:
        self._is_readable = False
        return response.json_error(self.response.request, self.response.headers, problem, self._size, self._start)


def _skip_space(text: str, at: int) -> int:
    match = _match_space(text, at)
    return match.end() if match is not None else at  # it always matches
