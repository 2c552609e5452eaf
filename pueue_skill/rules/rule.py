"""What a rule is: data, one function, and its own good and bad examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pueue_skill.rules.cost import Weight
from pueue_skill.rules.model import Finding, Preferences
from pueue_skill.shell.model import Command, Host, Loop
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.rules.literals import Confidence


class Hit(NamedTuple):
    """What a check answers: what to say, and the span that it is about."""

    message: str
    start: int
    end: int


class RuleContext(NamedTuple):
    """What a check may look at beside its command: its weight, all commands of the text, and the configured hosts."""

    commands: tuple[Command, ...]
    place: int
    hosts: Mapping[str, Host]
    weight: Weight
    preferences: Preferences

    @property
    def after(self) -> tuple[Command, ...]:
        return self.commands[self.place + 1 :]

    @property
    def before(self) -> tuple[Command, ...]:
        return self.commands[: self.place]


Check = Callable[[Command, RuleContext], "Hit | None"]
"""(a command, what is around it) -> what there is to say of it."""


class Rule(NamedTuple):
    """One thing that can be wrong with a command.

    `name` reads on from "allow". `anchors`: one of these stands, as a word or as a part of a name, in every text that
    the rule can flag, or the rule cannot match; the gate is made from them. A blank in an anchor stands between a word and a text
    that must be there beside it. `rewrite`: whether the plan may act on it, or only advise. `bad` and `good` are
    examples; one test proves them all.
    """

    id: str
    name: str
    what: str
    why: str
    instead: str
    anchors: tuple[str, ...] | Callable[[], set[str]]
    confidence: Confidence
    rewrite: bool
    check: Check
    bad: tuple[str, ...]
    good: tuple[str, ...]

    def find(self, command: Command, around: RuleContext) -> Finding | None:
        hit = self.check(command, around)
        if hit is None:
            return None
        return Finding(self.id, self.name, hit.message, self.confidence, hit.start, hit.end, self.rewrite)

    def page(self) -> str:
        """The rule's entry in the reference, as Markdown."""
        bad = "\n".join([f"```bash\n{example.rstrip()}\n```" for example in self.bad[:2]])
        follows = "a rewrite" if self.rewrite else "advice only"
        return (
            f"## {self.id} {self.name}\n\n{self.confidence} confidence, {follows}\n\n"
            f"### What it does\n{self.what}\n\n### Why\n{self.why}\n\n### Example\n{bad}\n\n### Instead\n{self.instead}\n"
        )


def hit_at(span: Command | Loop, message: str) -> Hit:
    return Hit(message, span.start, span.end)
