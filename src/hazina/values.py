"""Values of the hot path: immutable to the type checker, cheap at run time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform
from uuid import UUID, SafeUUID

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Make a slotted dataclass that nobody may change after it was made.

    `mypy --strict` enforces that. Python does not, since a frozen dataclass sets each field through
    `object.__setattr__` and takes several times as long to make; a payment makes over a hundred.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


_NEW = object.__new__
_SET_INT = UUID.__dict__["int"].__set__
_SET_IS_SAFE = UUID.__dict__["is_safe"].__set__
_UNKNOWN = SafeUUID.unknown


def quick_uuid(number: int) -> UUID:
    """Return the UUID of a number below 2**128, without the checks of its constructor."""
    made = _NEW(UUID)
    _SET_INT(made, number)
    _SET_IS_SAFE(made, _UNKNOWN)
    return made


if TYPE_CHECKING:
    from dataclasses import replace as replace
else:
    _SHAPES: dict[type, tuple[Callable[[Any], tuple[Any, ...]], dict[str, int]]] = {}

    def replace(old: T, /, **changes: Any) -> T:
        """Return a copy with other values in some fields, as `dataclasses.replace` does, sooner."""
        cls = old.__class__
        shape = _SHAPES.get(cls)
        if shape is None:
            names = [f.name for f in fields(cls)]
            # Named twice, a single field is returned in a tuple too.
            read = attrgetter(*names, names[0])
            shape = _SHAPES[cls] = read, {name: place for place, name in enumerate(names)}
        read, places = shape
        values = list(read(old))
        values.pop()
        for name, after in changes.items():
            if name not in places:
                raise TypeError(f"{cls.__name__} has no field {name}")
            values[places[name]] = after
        return cls(*values)
