"""typing.NamedTuple, without the import of typing and in a third of the time.

typing compiles every annotation and collections.namedtuple compiles a constructor when a class is created. The packages pass on
values of 50 NamedTuples, whose classes the hook creates for every command that a rule may flag. Here classes share their methods, and
classes with the same number of fields share the code of their constructor.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    from collections import _tuplegetter as field_getter
    from functools import cache
    from types import CodeType, FunctionType

    class Record(tuple):
        """What every NamedTuple inherits."""

        __slots__ = ()

        @classmethod
        def _make(cls, values):
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
            return made

        def _replace(self, /, **values):
            made = self._make(map(values.pop, self._fields, self))
            if values:
                raise ValueError(f"Got unexpected field names: {list(values)!r}")
            return made

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            return (
                f"{type(self).__name__}({', '.join([f'{name}={value!r}' for name, value in self._asdict().items()])})"
            )

        def __getnewargs__(self):
            return tuple(self)

    @cache
    def constructor(count: int) -> CodeType:
        """The code of a `__new__` with `count` parameters."""
        names = ", ".join([f"_{i}" for i in range(count)])
        return eval(f"lambda cls, {names}: new(cls, ({names},))").__code__  # noqa: S307 - the text contains nothing but digits and names

    class Meta(type):
        def __new__(cls, name, bases, body):
            fields = tuple(body.pop("__annotations__", ()))
            defaults = {field: body.pop(field) for field in fields if field in body}
            code = constructor(len(fields)).replace(co_varnames=("cls", *fields), co_name="__new__")
            new = body["__new__"] = FunctionType(code, {"new": tuple.__new__}, "__new__", tuple(defaults.values()))
            new.__qualname__ = f"{body['__qualname__']}.__new__"
            body |= {field: field_getter(i, "") for i, field in enumerate(fields)}
            body |= {"__slots__": (), "_fields": fields, "_field_defaults": defaults, "__match_args__": fields}
            return type(name, (Record,), body)

    NamedTuple = type.__new__(Meta, "NamedTuple", (), {})
