"""What the readings of a shared query ask of the scans inside: together, since the query is evaluated once for all of them.

A CTE or view that two tables read has one set of rows, so that its scans fetch what either reading needs, and each reading's own
predicates pick its part. A parameter inside therefore takes what the query itself says of it (AND), narrowed by the union of what
the readings ask for. Until the scans are scheduled, each reading has two variables for a column: what its predicates ask for, and
the values that it gives to the predicates of other tables, which are those that the query has, narrowed by what is asked. One
reading's values can follow from another's. After the scheduling the variables are replaced by what they stand for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from tokensh._dataclasses import dataclass
from tokensh.plan.bound import Key, SharedQuery, is_own_key
from tokensh.plan.nodes import AllOf, AnyOf, Constants, SameAs, ValueSet
from tokensh.plan.values import all_of, any_of


class ReadingsDisagree(Exception):
    """Two readings give different values to a parameter that the reply has no column for: they cannot share a scan."""


@dataclass(frozen=True, slots=True)
class ReadingSets:
    """The sets of a statement's keys, with those of readings.

    Attributes:
        sets: the set of each parameter of a scan, and of each reading's column that it gives (the columns' own keys).
        asked: what each reading asks for.
    """

    sets: Mapping[Key, ValueSet]
    asked: Mapping[Key, ValueSet]
    _own: Mapping[Key, Sequence[ValueSet]]
    _readers: Mapping[Key, Sequence[Sequence[Key]]]

    @classmethod
    def combine(
        cls,
        own: Mapping[Key, Sequence[ValueSet]],
        readings: Sequence[SharedQuery],
        is_parameter: Callable[[Key], bool],
    ) -> ReadingSets:
        """Return the sets of all keys, from what predicates say (`own`) and the readings, those inside of others first."""
        readers: dict[Key, list[list[Key]]] = {}
        inside: dict[Key, ValueSet] = {}
        for reading in readings:
            by_key: dict[Key, list[Key]] = {}
            for position, column in enumerate(reading.columns):
                for key in column.bases:
                    by_key.setdefault(key, []).append(reading.own_key(position))
                if column.touches and is_parameter(reading.own_key(position)):
                    inside[reading.own_key(position)] = any_of([SameAs(*key) for key in sorted(column.touches)])
            for key, keys in by_key.items():
                readers.setdefault(key, []).append(keys)
        sets: dict[Key, ValueSet] = {}
        asked: dict[Key, ValueSet] = {}
        # From the outside inwards: what is said of a query's readings is known before what is read inside of it.
        outer = [reading.own_key(i) for reading in reversed(readings) for i in range(len(reading.columns))]
        for key in dict.fromkeys([*outer, *own, *readers]):
            asking = [
                [_make_request_key(reader) for reader in keys if _make_request_key(reader) in asked]
                for keys in readers.get(key, ())
            ]
            union = [any_of([all_of([SameAs(*k) for k in keys]) for keys in asking])] if asking and all(asking) else []
            said = [*own.get(key, ()), *union]
            if said and is_own_key(key):
                asked[_make_request_key(key)] = all_of(said)
            elif said:
                sets[key] = all_of(said)
            if key in inside:
                sets[key] = all_of([inside[key], *([SameAs(*_make_request_key(key))] if said else [])])
        return cls(sets, asked, own, readers)

    def constants(self, key: Key) -> ValueSet | None:
        """Return the constants that an optional parameter takes, in every reading; None if some may take others."""
        said: list[ValueSet] = [values for values in self._own.get(key, ()) if isinstance(values, Constants)]
        branches = list(self._branches(key))
        united = [branch for branch in branches if branch is not None]
        if branches and len(united) == len(branches):
            said.append(any_of(united))
        return all_of(said) if said else None

    def check_agreement(self, key: Key) -> None:
        """Raise ReadingsDisagree if the readings give an optional parameter different values."""
        if len(set(self._branches(key))) > 1:
            raise ReadingsDisagree

    def _branches(self, key: Key) -> Iterator[ValueSet | None]:
        """Yield the constants that each reading gives, None for one that gives none."""
        for keys in self._readers.get(key, ()):
            given = [constants for constants in map(self.constants, keys) if constants is not None]
            yield all_of(given) if given else None


def _make_request_key(key: Key) -> Key:
    """Return the key of what a reading asks of a column."""
    return key[0], f"{key[1]} asked"


def without_readings(values: ValueSet, known: Mapping[Key, ValueSet], done: dict[Key, ValueSet]) -> ValueSet:
    """Return a set without the keys of readings: each is replaced by its values in `known`; `done` collects the replaced ones."""
    match values:
        case SameAs():
            key = (values.scan, values.parameter)
            if not is_own_key(key):
                return values
            if key not in done:
                done[key] = without_readings(known[key], known, done)
            return done[key]
        case AnyOf():
            return any_of([without_readings(inner, known, done) for inner in values.sets])
        case AllOf():
            return all_of([without_readings(inner, known, done) for inner in values.sets])
        case _:
            return values
