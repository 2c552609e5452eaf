"""A rule: data, one function, and its own good and bad examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pueue_skill.rules.model import Finding, Preferences, Weight
from pueue_skill.shell.model import Command, Host, Loop
from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.rules.history import Estimate
    from pueue_skill.rules.literals import Confidence


class Hit(NamedTuple):
    """The result of a check: the message and its span."""

    message: str
    start: int
    end: int


class Slow(NamedTuple):
    """What ran long before, for a message, and its earlier runs."""

    subject: str
    runs: Estimate


class RuleContext(NamedTuple):
    """The context of a check: all commands of the text and the index of the checked one, its weight, the configured
    hosts, the user's preferences, and what ran long before, if it did."""

    commands: tuple[Command, ...]
    position: int
    hosts: Mapping[str, Host]
    weight: Weight
    preferences: Preferences
    slow: Slow | None = None

    @property
    def after(self) -> tuple[Command, ...]:
        """The commands after the checked one."""
        return self.commands[self.position + 1 :]

    @property
    def before(self) -> tuple[Command, ...]:
        """The commands before the checked one."""
        return self.commands[: self.position]


Check = Callable[[Command, RuleContext], "Hit | None"]
"""A function from a command and its context to a Hit, or None."""


class Rule(NamedTuple):
    """A problem that a command can have.

    `name` completes "allow …". `anchors`: every text that the rule can flag contains one of these as a word or part of
    a name; the gate is generated from them. A blank in an anchor separates a word from a text that must also occur.
    `rewrite`: the plan may act on a finding, not only advise. `bad` and `good` are examples; one test checks them all.
    `attended`: it is about commands that a session starts and ends with; `check` does not apply it to batch scripts and CI.
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
    attended: bool = False

    def find(self, command: Command, context: RuleContext) -> Finding | None:
        """The finding for the command, or None."""
        hit = self.check(command, context)
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
    """A Hit with the span of a command or loop."""
    return Hit(message, span.start, span.end)


def claim(weight: Weight, subject: str, predicate: str) -> str:
    """A sentence about long work; one about work of which that is not certain says so."""
    certain = weight.sure and weight.confidence == "high"
    return f"{subject} {predicate}" if certain else f"{subject} may take long, and {predicate}"
