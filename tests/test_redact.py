"""No known or recognisable secret comes through `Redactor.clean`, however it is written or broken up."""

from __future__ import annotations

import base64
import json
import string
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.cases import each_case
from tokensh.redact import MASK, Redactor

PAT = "dapi" + "0123456789abcdef" * 2
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-_A"


@each_case(
    ("text", "cleaned"),
    [
        (f"token {PAT} used", f"token {MASK} used"),
        (f"{PAT}-12.", f"{MASK}."),
        (f"dose{'ab' * 16}", MASK),
        (PAT[:14], MASK),
        (f"x{PAT}{PAT}y", f"x{MASK}{MASK}y"),
        ("Invalid token: Bearer abcDEF123._~+/-=", f"Invalid token: Bearer {MASK}"),
        ("authorization: bearer \t SECRETxyz", f"authorization: bearer \t {MASK}"),
        ("Basic dXNlcjpwYXNzd29yZA==", f"Basic {MASK}"),
        ("bearer authentication is required", "bearer authentication is required"),
        ("Basic authentication", "Basic authentication"),
        *((f"bearer abcdefgh{mark}ijk", f"bearer {MASK}") for mark in ".~+/=-_1A"),
        ("Bearer A1B2C3D", "Bearer A1B2C3D"),
        ("Bearer A1B2C3DE", f"Bearer {MASK}"),
        ('{"token":"s3cret"}', f'{{"token":"{MASK}"}}'),
        ('{"token" \t:\n "s3cret"}', f'{{"token" \t:\n "{MASK}"}}'),
        ("password=hunter2 and more", f"password={MASK} and more"),
        ("password=hunter2&more", f"password={MASK}&more"),
        ("dapi0123456", "dapi0123456"),
        ("dos0123456789", "dos0123456789"),
        *(
            (f"{first}{'ab' * 16}{second}{'cd' * 16}", MASK * 2)
            for first in ("dapi", "dose")
            for second in ("dapi", "dose")
        ),
        ("dapi01234567", MASK),
        (f"got {JWT}, and", f"got {MASK}, and"),
        (rf"\n{JWT}", rf"\n{MASK}"),
        ('{"token_value": "a\\"b", "comment": "c"}', f'{{"token_value": "{MASK}", "comment": "c"}}'),
        ("grant_type=x&client_secret=s3cret&scope=a", f"grant_type=x&client_secret={MASK}&scope=a"),
        ("password='hunter2'", f"password='{MASK}'"),
        ('token_value="s3cret" and', f'token_value="{MASK}" and'),
        ("?token=s3cret&x=1", f"?token={MASK}&x=1"),
        ("token_id=a1b2", "token_id=a1b2"),
        (r'"{\"token_value\": \"s3cret\"}"', rf'"{{\"token_value\": \"{MASK}"'),
        ("SELECT token_id, token_value FROM t", "SELECT token_id, token_value FROM t"),
        ("a" * 64, "a" * 64),
        ("eyJ is not a token.eyJ", "eyJ is not a token.eyJ"),
    ],
)
def test_secrets_are_known_by_their_shape_and_key(text: str, cleaned: str) -> None:
    assert Redactor().clean(text) == cleaned


FORMS: dict[str, Callable[[str], str]] = {
    "raw": lambda s: s,
    "quoted": lambda s: quote(s, safe=""),
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
    "json": lambda s: json.dumps(s)[1:-1],
}

secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40)
surroundings = st.text(string.ascii_letters + " :", max_size=20)


@given(st.lists(secrets, min_size=1, max_size=3), st.sampled_from(sorted(FORMS)), surroundings, surroundings)
def test_a_learned_secret_never_comes_through(values: list[str], form: str, before: str, after: str) -> None:
    redactor = Redactor()
    for value in values:
        redactor.learn(value)
    written = "|".join(FORMS[form](value) for value in values)
    cleaned = redactor.clean(before + written + after)
    remains = cleaned.replace(MASK, "\0")
    assert not any(FORMS[form](value) in remains for value in values)
    assert MASK in cleaned


@given(
    secrets, st.binary(max_size=7), st.binary(max_size=7), st.sampled_from([base64.b64encode, base64.urlsafe_b64encode])
)
def test_a_learned_secret_inside_base64_is_hidden_at_every_offset(
    secret: str, before: bytes, after: bytes, encode: Callable[[bytes], bytes]
) -> None:
    redactor = Redactor()
    redactor.learn(secret)
    cleaned = redactor.clean("=" + encode(before + secret.encode() + after).decode())
    first, _, last = cleaned.partition(MASK)
    assert last or first.endswith("=") or MASK in cleaned
    # A digit that holds bits of what stands before the secret, or behind it, may stay.
    assert len(first.strip("=")) <= (len(before) * 8 + 5) // 6
    assert len(last.strip("=")) <= (len(after) * 8) // 6 + 2


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_ordinary_text_of_a_fresh_redactor_loses_nothing_but_masked_ranges(text: str) -> None:
    pieces = Redactor().clean(text).split(MASK)
    assert text.startswith(pieces[0])
    assert text.endswith(pieces[-1])


KEYS = "token_value access_token refresh_token id_token token password client_secret authorization"


@each_case("key", [*KEYS.split(), *KEYS.upper().split()])
def test_a_secret_is_known_by_its_key_whatever_it_looks_like(key: str) -> None:
    assert Redactor().clean(f'{{"{key}": "s3cret", "token_id": "t"}}') == f'{{"{key}": "{MASK}", "token_id": "t"}}'
    assert Redactor().clean(f"{key}=s3cret&x=1") == f"{key}={MASK}&x=1"


def test_every_place_where_it_may_stand_is_hidden() -> None:
    redactor = Redactor()
    redactor.learn("0" * 16)
    assert redactor.clean("0" * 17) == MASK


def test_a_secret_with_quotes_is_known_whole_in_json() -> None:
    redactor = Redactor()
    redactor.learn('s3"cret\\value')
    assert redactor.clean(json.dumps({"said": 's3"cret\\value'})) == f'{{"said": "{MASK}"}}'


def test_half_a_character_in_a_secret_is_no_obstacle() -> None:
    redactor = Redactor()
    redactor.learn("s3cret-\ud800-half")
    assert redactor.clean("<s3cret-\ud800-half>") == f"<{MASK}>"


@pytest.mark.parametrize("write", [partial(quote, safe=""), quote_plus])
def test_a_secret_with_blanks_is_known_in_a_url(write: Callable[[str], str]) -> None:
    redactor = Redactor()
    redactor.learn("my pass/phrase, longer")
    assert redactor.clean(f"?x={write('my pass/phrase, longer')}&y=1") == f"?x={MASK}&y=1"


def test_the_mask_says_what_it_is_and_nothing_of_the_secret() -> None:
    assert Redactor().clean(PAT) == "[hidden]"


LONG = "a-secret-of-32-characters-0123456"


@given(st.integers(16, len(LONG)), surroundings)
@example(16, "")
def test_a_learned_secret_that_was_cut_short_leaves_nothing_behind(kept: int, before: str) -> None:
    redactor = Redactor()
    redactor.learn(LONG)
    assert redactor.clean(f"{before}{LONG[:kept]}\u2026") == f"{before}{MASK}\u2026"


def test_less_than_a_stem_of_it_is_ordinary_text() -> None:
    redactor = Redactor()
    redactor.learn(LONG)
    assert redactor.clean(f"<{LONG[:15]}>") == f"<{LONG[:15]}>"
    assert redactor.clean(f"{LONG[:16]}x{LONG[16:]}") == f"{MASK}x{LONG[16:]}"


BLANKS = st.sampled_from(["", " ", "\n", "\r\n", "\t", "\u2028", "\n    "])


@given(secrets, st.data(), st.sampled_from(sorted(FORMS)))
def test_a_learned_secret_that_is_broken_into_lines_is_hidden_whole(value: str, data: st.DataObject, form: str) -> None:
    redactor = Redactor()
    redactor.learn(value)
    written = FORMS[form](value)
    broken = "".join(character + data.draw(BLANKS) for character in written)
    assert "".join(redactor.clean(f"é{broken}é").split()) == f"é{MASK}é"


@given(
    st.lists(secrets, min_size=1, max_size=3),
    st.lists(st.tuples(surroundings, st.sampled_from(sorted(FORMS))), max_size=6),
)
def test_however_many_secrets_stand_in_a_text_none_is_left(values: list[str], places: list[tuple[str, str]]) -> None:
    redactor = Redactor()
    for value in values:
        redactor.learn(value)
    text = "|".join(f"{around}|{FORMS[form](values[at % len(values)])}" for at, (around, form) in enumerate(places))
    cleaned = redactor.clean(text)
    assert redactor.clean(cleaned) == cleaned
    remains = cleaned.replace(MASK, "\0")
    assert not any(FORMS[form](value) in remains for value in values for form in FORMS)


def test_the_environment_s_secrets_are_known_before_they_are_used() -> None:
    variables = {
        "DATABRICKS_TOKEN": "t0ken-of-env",
        "DATABRICKS_CLIENT_SECRET": "cl13nt-secret",
        "DATABRICKS_PASSWORD": "p4ssw0rd!",
        "ARM_CLIENT_SECRET": "4rm-secret",
        "HOME": "/home/somebody",
    }
    text = " ".join(variables.values())
    assert Redactor.from_environment(variables).clean(text) == " ".join([MASK] * 4 + ["/home/somebody"])
    assert Redactor.from_environment({}).clean(text) == text


def test_a_secret_of_words_is_known_by_its_letters() -> None:
    redactor = Redactor()
    redactor.learn(" hunter two words ")
    redactor.learn("a b c d e")
    assert redactor.clean("<hunter two\nwords> <a b c d e>") == f"<{MASK}> <a b c d e>"


def test_overlapping_secrets_leave_no_part() -> None:
    redactor = Redactor()
    for secret in ("secret-one", "secret-one-more", "more-and-more"):
        redactor.learn(secret)
    assert redactor.clean("<secret-one-more-and-more>") == f"<{MASK}>"


@each_case("short", ["", "abc", "1234567", "  abc     "])
def test_short_values_are_not_learned(short: str) -> None:
    redactor = Redactor()
    redactor.learn(short)
    assert redactor.clean("abc 1234567 stays") == "abc 1234567 stays"


def test_a_surrounding_newline_does_not_hide_a_value_from_the_redactor() -> None:
    redactor = Redactor()
    redactor.learn("SECRETxyz\n")
    assert redactor.clean("Invalid SECRETxyz!") == f"Invalid {MASK}!"
    assert redactor.clean(f"<{base64.b64encode(b'SECRETxyz').decode()}>") == f"<{MASK}>"


def test_neither_repr_nor_attributes_shown_by_default_hold_a_secret() -> None:
    redactor = Redactor()
    redactor.learn("SECRETxyz")
    assert repr(redactor) == "<Redactor: 1 secrets>"


def test_learning_from_many_threads_loses_nothing() -> None:
    redactor = Redactor()

    def learn(start: int) -> None:
        for n in range(start, start + 100):
            redactor.learn(f"secret-{n:05}")
            redactor.clean("some text")

    threads = [threading.Thread(target=learn, args=(start,)) for start in range(0, 800, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(redactor.clean(f"secret-{n:05}") == MASK for n in range(800))


def test_any_of_many_secrets_is_hidden_in_every_form() -> None:
    redactor, values = Redactor(), [f"{n:03}-{'of many secrets'[: n % 16]}-{n:03}" for n in range(300)]
    for value in values:
        redactor.learn(value)
    for value, write in product(values, FORMS.values()):
        assert redactor.clean(f"<é{write(value)}é>") == f"<é{MASK}é>"
        assert redactor.clean(f"<é{' '.join(write(value))}é>") == f"<é{MASK}é>"


@each_case("hostile", ["eyJ", "dapi", "bearer ", '"token":"', ".eyJ", "dapi0", "\\", "password="])
def test_hostile_text_is_cleaned_in_linear_time(hostile: str) -> None:
    started = time.perf_counter()
    Redactor().clean(hostile * 100_000)
    assert time.perf_counter() - started < 5


def test_a_secret_that_is_learned_twice_is_hidden() -> None:
    redactor = Redactor()
    for _ in range(2):
        redactor.learn("correct-horse")
    assert redactor.clean("it is correct-horse") == f"it is {MASK}"


def test_a_public_word_that_is_learned_stays_readable() -> None:
    redactor = Redactor()
    redactor.allow("databricks")
    redactor.learn("databricks")
    assert redactor.clean("EXEC databricks_workspace") == "EXEC databricks_workspace"
