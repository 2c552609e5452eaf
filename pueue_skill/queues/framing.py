"""Many questions to a host in one script: Parts in, sh text out; what the script wrote in, an Answer a part out.

Each part runs by a sh of its own, for so many seconds and so many bytes, with nothing on standard input: one that fails, hangs or
never ends takes no other with it. What is around the answers bears a mark that no answer can know. It knows no host and no queue.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pueue_skill.queues import script as sh
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

REPLY = "pueue-skill reply"

BACKTRACE = regex(r"RUST_BACKTRACE|Backtrace omitted|^Location:$|\.rs:\d+$|^ *at ")
CHAIN = regex(r"(?m)^Error:\s+0: (.*(?:\n\s*\d+: .*)*)")
"""An error of pueue and what it comes from, a line each."""

SHARING = regex(r"^ControlSocket .* already exists, disabling multiplexing$|^mux_client_request_session: ")
ANSI = regex(r"\x1b\[[0-9;]*m")


class Part(NamedTuple):
    """A question: sh text, and the bounds of its answer."""

    name: str
    script: str
    seconds: int = 5
    size: int = 100_000


class Answer(NamedTuple):
    """What a part wrote, its errors among it. `code` is None when it was cut off: by its size, or because all took too long."""

    data: bytes
    code: int | None

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


def script(parts: Sequence[Part], mark: str) -> str:
    """The script that asks `parts` in their order; `mark` is a word that nobody can guess."""
    words = [word for one in parts for word in (one.name, str(one.seconds), str(one.size + 100), one.script)]
    return sh.script("queues/probes", *words, PQ_MARK=mark)


def seconds(parts: Sequence[Part]) -> int:
    """How long all of them may take."""
    return sum([one.seconds for one in parts])


def answers(said: bytes, mark: str) -> Mapping[str, Answer]:
    """What each part answered, as far as the script came. Raises ValueError when it did not even begin."""
    _, began, rest = said.partition(REPLY.encode())
    if not began:
        raise ValueError(f"no answer in {said[:200]!r}")
    found: dict[str, Answer] = {}
    for piece in rest.split(f"\n{mark} part ".encode())[1:]:
        name, _, body = piece.partition(b"\n")
        data, _, code = body.partition(f"\n{mark} code ".encode())
        found[name.decode()] = Answer(data, int(code) if code.strip().isdigit() else None)
    return found


def lacking(answer: Answer | None, part: Part) -> str:
    """Why a part has no answer, in words; empty when it has one."""
    if answer is None:
        return "it was not reached in time"
    if answer.code is None:
        return f"its answer is longer than {part.size} bytes" if len(answer.data) >= part.size else "it was cut off"
    if answer.code == 137:
        return f"it was killed, or did not answer within {part.seconds} s"
    if answer.code:
        last = said(answer.text)[-1:] or ["no word"]
        return f"exit code {answer.code}: {last[0][:200]}"
    return ""


def said(text: str) -> list[str]:
    """The lines of an error, without colours and what pueue and ssh say of their own insides."""
    head = re.split(r"^.*━+ (?:SPAN|BACK)TRACE.*$", ANSI.sub("", text), flags=re.MULTILINE)[0]
    head = CHAIN.sub(lambda chain: re.sub(r"\.?\s*\n\s*\d+: ", ": ", chain[1]), head)
    lines = [line.strip() for line in head.splitlines()]
    return [line for line in lines if line and not BACKTRACE.search(line) and not SHARING.search(line)]
