"""Several probes of a host in one script: Probes in, sh text out; what the script wrote in, a ProbeResult for each probe out.

Each probe runs in a separate sh, with a timeout, a limit on its output, and an empty stdin: a probe that fails, hangs or never ends does
not affect the others. The mark around the results is a word that no result can contain. It knows no host and no queue.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pueue_skill.queues import script as sh
from pueue_skill.queues.scripts import REPLY
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

BACKTRACE = regex(r"RUST_BACKTRACE|Backtrace omitted|^Location:$|\.rs:\d+$|^ *at ")
CHAIN = regex(r"(?m)^Error:\s+0: (.*(?:\n\s*\d+: .*)*)")
"""An error of pueue and its causes, one on each line."""

SHARING = regex(r"^ControlSocket .* already exists, disabling multiplexing$|^mux_client_request_session: ")
ANSI = regex(r"\x1b\[[0-9;]*m")


class Probe(NamedTuple):
    """A question to a host: sh text, and the limits of its result."""

    name: str
    script: str
    timeout_s: int = 5
    max_bytes: int = 100_000


class ProbeResult(NamedTuple):
    """The stdout and stderr of a probe. `code` is None if they were cut off, by their size or by the timeout of the whole script."""

    data: bytes
    code: int | None

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


def probe_script(probes: Sequence[Probe], mark: str) -> str:
    """Return the script that runs `probes` in order; `mark` is a word that nobody can guess."""
    words = [
        word
        for probe in probes
        for word in (probe.name, str(probe.timeout_s), str(probe.max_bytes + 100), probe.script)
    ]
    return sh.script("queues/probes", *words, PQ_MARK=mark)


def timeout_s(probes: Sequence[Probe]) -> int:
    """Return how long all probes may take, in seconds."""
    return sum([probe.timeout_s for probe in probes])


def parse_results(output: bytes, mark: str) -> Mapping[str, ProbeResult]:
    """Return the results by the names of the probes, for as many as the script reached. Raises ValueError if it did not start."""
    _, started, body = output.partition(REPLY.encode())
    if not started:
        raise ValueError(f"no answer in {output[:200]!r}")
    results: dict[str, ProbeResult] = {}
    for section in body.split(f"\n{mark} part ".encode())[1:]:
        name, _, content = section.partition(b"\n")
        data, _, code = content.partition(f"\n{mark} code ".encode())
        results[name.decode()] = ProbeResult(data, int(code) if code.strip().isdigit() else None)
    return results


def problem(result: ProbeResult | None, probe: Probe) -> str:
    """Return why a probe has no usable result; empty if it has one."""
    if result is None:
        return "it was not reached in time"
    if result.code is None:
        return (
            f"its answer is longer than {probe.max_bytes} bytes"
            if len(result.data) >= probe.max_bytes
            else "it was cut off"
        )
    if result.code == 137:
        return f"it was killed, or did not answer within {probe.timeout_s} s"
    if result.code:
        last = error_lines(result.text)[-1:] or ["no error message"]
        return f"exit code {result.code}: {last[0][:200]}"
    return ""


def error_lines(text: str) -> list[str]:
    """Return the lines of an error, without colors, backtraces of pueue and ssh's messages about shared connections."""
    head = re.split(r"^.*━+ (?:SPAN|BACK)TRACE.*$", ANSI.sub("", text), flags=re.MULTILINE)[0]
    head = CHAIN.sub(lambda chain: re.sub(r"\.?\s*\n\s*\d+: ", ": ", chain[1]), head)
    lines = [line.strip() for line in head.splitlines()]
    return [line for line in lines if line and not BACKTRACE.search(line) and not SHARING.search(line)]
