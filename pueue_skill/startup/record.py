"""typing.NamedTuple, imported and created in a third of the time.

typing compiles every annotation when a class is created; nothing here reads annotations. The pipe's values are NamedTuples with about 200
fields, and the hook creates their classes for every command that a rule may flag.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
    from typing import NamedTuple as NamedTuple
else:
    from collections import namedtuple

    class Meta(type):
        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            fields = body.get("__annotations__", {})
            defaults = [body[field] for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            for key, value in body.items():
                if key not in fields and key not in ("__module__", "__qualname__", "__annotations__"):
                    setattr(made, key, value)
            return made

    NamedTuple = type.__new__(Meta, "NamedTuple", (), {})
