"""Replaces ssh by `pueue-skill ssh` where the text needs its output or exit status immediately.

In a pipe, redirect, `$(…)`, condition or chain over several hosts, and where the local shell has to expand something in
the remote command, the text stays and only the program changes: the stand-in queues the remote command, waits, and
returns its output and exit status. An ssh that reads a pipe or redirect gets --stdin; an ssh that would read the input
of a loop around it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from pueue_skill.plan.endless import TIME_LIMITERS, endless_input, endless_source, has_option, run_in
from pueue_skill.plan.independence import check_independent
from pueue_skill.plan.proposal import Proposal
from pueue_skill.plan.whole_line import check_queueable
from pueue_skill.shell.commands import commands as commands_of
from pueue_skill.shell.model import Command, Ssh
from pueue_skill.shell.nested import echoed_text, joined_words, reads_script
from pueue_skill.shell.parse import parse
from pueue_skill.shell.ssh_arguments import forks_to_background
from pueue_skill.shell.ssh_target import NotQueueable, final_destination
from pueue_skill.shell.syntax import Compound, Node, Pipeline, Redirect, Simple, Unparsed, Word
from pueue_skill.shell.walk import LOOPS, compounds, simple_nodes, statements
from pueue_skill.shell.wrappers import only_as_written

INPUT_OPERATORS = ("<", "<<", "<<-", "<<<", "<>")


def stand_in_text(proposal: Proposal) -> str | None:
    """The proposal's text with the stand-in for every ssh with a finding, or None without one. Raises NotQueueable."""
    text = proposal.script.text
    found = [command for command in replaceable(proposal) if is_flagged(proposal, command)]
    for command in sorted(found, key=lambda command: -command.words[0].start):
        if command.ssh:
            word = command.words[0]
            text = (
                text[: word.start]
                + f"{proposal.program} ssh"
                + stand_in_options(proposal, command, command.ssh)
                + text[word.end :]
            )
    return text if found else None


def replaceable(proposal: Proposal) -> list[Command]:
    """The ssh commands of this shell that the stand-in can replace."""
    return [c for c in proposal.commands if c.ssh and not c.via and not only_as_written(c)]


def is_flagged(proposal: Proposal, command: Command) -> bool:
    """Whether a finding, or a marker for the whole text, applies to this ssh."""
    if not proposal.flagged:  # a marker applies to the whole text
        return command.ssh is not None and command.ssh.payload is not None
    return any(start <= at < end for at, _ in proposal.flagged for start, end in command_spans(command))


def command_spans(command: Command) -> list[tuple[int, int]]:
    """The spans of a command and of the heredocs that it reads."""
    bodies = [redirect.body for redirect in command.redirects if redirect.body]
    return [(command.start, command.end), *[(body.start, body.end) for body in bodies]]


def only_over_ssh(proposal: Proposal) -> bool:
    """Whether all findings are about commands that ssh runs."""
    calls = replaceable(proposal)
    places = [span for c in calls for span in command_spans(c)]
    loops = [(loop.start, loop.end) for c in calls for loop in c.loops]
    return all(any(start <= at < end for start, end in places) or (at, stop) in loops for at, stop in proposal.flagged)


def stand_in_options(proposal: Proposal, command: Command, ssh: Ssh) -> str:
    """The options of the stand-in for one ssh. Raises NotQueueable."""
    if command.name == "autossh":
        raise NotQueueable(f"{command.words[0].value} restarts its connection, and a job needs none")
    if forks_to_background(ssh):
        raise NotQueueable("ssh -f runs the work in the background, and pueue-skill ssh would wait for it")
    final_destination(
        ssh._replace(destination=any_destination(ssh.destination), payload=ssh.payload if ssh.static else None),
        proposal.hosts,
    )
    path = list(nodes_around(proposal.script.nodes, command.words[0].start))
    own = path[-1]
    measured = time_limit_around(proposal, command, path)
    if measured:
        raise NotQueueable(f"{measured} would include the time in the queue: put the limit into the remote command")
    read = [redirect for redirect in getattr(own, "redirects", ()) if reads_stdin(redirect)]
    through_xargs = bool({"xargs", "parallel"} & {*command.wrappers})  # xargs and parallel read stdin themselves
    piped = len(path) > 1 and isinstance(path[-2], Pipeline) and path[-2].parts[0] is not own and not through_xargs
    nothing = any(name == "-n" for name, _ in ssh.options) or (
        bool(read) and read[-1].target is not None and read[-1].target.value == "/dev/null"
    )
    around = has_input_around(path[:-1], command.words[0].start) or any(
        reads_stdin(redirect) for redirect in command.around
    )
    if not read and not piped and not nothing and not through_xargs and around:
        raise NotQueueable("ssh would read the input of the loop or group around it: add -n")
    source = "" if nothing else endless_input(read) or (piped and endless_source(path[-2])) or ""
    if source:
        raise NotQueueable(f"{source} never ends, and a job's input must be complete before it starts")
    check_remote(proposal, ssh, path, bool(read or piped))
    stand_in = " --stdin" if (read or piped) and not nothing else ""
    stand_in += " --merge-output" if merges_stderr(getattr(own, "redirects", ())) else ""
    return stand_in + (" --detach" if may_detach(proposal, command, own) else "")


def time_limit_around(proposal: Proposal, command: Command, path: Sequence[Node]) -> str:
    """The command that limits the run time of ssh, or of a reader of its output; empty without one."""
    around = next((name for name in command.wrappers if name in TIME_LIMITERS), "")
    if around or any(c.name == "parallel" and has_option(c.args, "--timeout") for c in proposal.commands if not c.via):
        return around or "parallel --timeout"
    for outer, inner in pairwise(path):
        beside: tuple[Node, ...] = ()
        if isinstance(outer, Pipeline):
            beside = outer.parts[outer.parts.index(inner) + 1 :]
        elif isinstance(outer, Simple | Compound) and any(
            "<(" in w.text and w.start <= command.words[0].start < w.end for w in read_words(outer)
        ):
            beside = (outer,)
        for node, _ in simple_nodes(beside):
            run = run_in(node)
            if run and (run.limited or (run.name == "read" and has_option(run.args, "-t"))):
                return "read -t" if run.name == "read" else "timeout"
    return ""


def any_destination(word: Word) -> Word:
    """The destination, or a placeholder for one that only the shell knows: the options can be checked with any name."""
    return (
        word
        if word.static and not word.programs
        else word._replace(value="host", text="host", static=True, programs=())
    )


def check_remote(proposal: Proposal, ssh: Ssh, path: list[Node], fed: bool) -> None:
    """Raises NotQueueable if the command that ssh runs, or a script that it passes on, cannot be a job."""
    reader = None
    if ssh.remote:
        script = parse(joined_words(ssh.remote)[0])
        if isinstance(script, Unparsed):
            raise NotQueueable(f"the remote command cannot be parsed: {script.reason}")
        remote = commands_of(script)
        check_queueable(proposal._replace(script=script, commands=remote, shell="login", fed=fed, flagged=()))
        reader = remote[-1] if remote else None
    if not ssh.remote or (reader and reads_script(reader)):
        for text in input_texts(path):
            check_queueable(proposal.inner(text)._replace(fed=True))


def input_texts(path: list[Node]) -> Iterator[str]:
    """The texts that the command at the end of `path` reads: heredocs, here-strings, the output of an echo before it."""
    for redirect in getattr(path[-1], "redirects", ()):
        word = redirect.target if redirect.op == "<<<" else redirect.body
        if word is not None:
            yield word.value
    for outer, inner in pairwise(path):
        at = outer.parts.index(inner) if isinstance(outer, Pipeline) else 0
        printed = echoed_text(outer.parts[at - 1]) if isinstance(outer, Pipeline) and at else None
        if printed:
            yield printed[0]


def merges_stderr(redirects: Sequence[Redirect]) -> bool:
    """Whether stderr goes where stdout goes (POSIX 2.7: redirections apply from left to right)."""
    out, err = 1, 2  # stand-ins for the open files behind the descriptors
    for number, redirect in enumerate(redirects, 3):
        target = redirect.target.value if redirect.target else ""
        if redirect.op in ("&>", "&>>"):
            out = err = number
        elif redirect.op == ">&" and (redirect.fd, target) == ("2", "1"):
            err = out
        elif redirect.op == ">&" and redirect.fd in (None, "1") and target == "2":
            out = err
        elif redirect.op not in INPUT_OPERATORS and redirect.fd in (None, "1"):
            out = number
        elif redirect.op not in INPUT_OPERATORS and redirect.fd == "2":
            err = number
    return out == err


def reads_stdin(redirect: Redirect) -> bool:
    """Whether the redirect is for stdin."""
    return redirect.op in INPUT_OPERATORS and redirect.fd in (None, "0")


def nodes_around(nodes: tuple[Node, ...], at: int) -> Iterator[Node]:
    """The nodes around the position `at`, outermost first, including those in substitutions."""
    for node in nodes:
        if isinstance(node, Simple | Compound):
            carried = tuple([program for word in read_words(node) for program in word.programs])
            inner = (*carried, *(() if isinstance(node, Simple) else (*node.test, *node.body)))
        else:
            inner = node.parts
        below = list(nodes_around(inner, at))
        if below or (node.start <= at < node.end and isinstance(node, Simple)):
            yield node
            yield from below
            return


def read_words(node: Simple | Compound) -> list[Word]:
    """The words of a command, its redirects and its assignments."""
    words = [*node.words, *[w for r in node.redirects for w in (r.target, r.body) if w]]
    return [*words, *(node.assigns if isinstance(node, Simple) else ())]


def has_input_around(path: list[Node], at: int) -> bool:
    """Whether a loop, group or pipeline around a command connects its stdin."""
    for outer, inner in zip([None, *path], path, strict=False):
        fed = [r for r in inner.redirects if reads_stdin(r)] if isinstance(inner, Compound) else []
        if any(not (r.target and r.target.start <= at < r.target.end) for r in fed):
            return True
        if isinstance(outer, Pipeline) and outer.parts[0] is not inner:
            return True
    return False


def may_detach(proposal: Proposal, command: Command, own: Node) -> bool:
    """Whether the command is the body of a final loop with independent iterations: then no iteration waits for its
    job."""
    last = statements(proposal.script.nodes)[-1]
    return (
        isinstance(last.node, Compound)
        and last.node.kind in ("for", "while", "until")
        and not [redirect for redirect in last.node.redirects if not reads_stdin(redirect)]
        and last.node.start <= own.start < last.node.end
        and set(command.inside) <= {"for", "while", "until"}
        and is_single_statement(last.node)
        and command.pipe == (0, 1)
        and has_independent_iterations(proposal, last.node)
        and command.then in (";", "\n", "")
        and not command.wrappers
        and all(reads_stdin(redirect) or redirect.op == ">&" for redirect in command.redirects)
    )


def has_independent_iterations(proposal: Proposal, loop: Compound) -> bool:
    """Whether the iterations of a loop, and of a loop in it, are independent."""
    try:
        chain = [
            loop,
            *[node for inner in statements(loop.body) for node in compounds(inner.node) if node.kind in LOOPS],
        ]
        for inner_loop in chain:
            check_independent(proposal.script, inner_loop, {})
    except NotQueueable:
        return False
    return True


def is_single_statement(loop: Compound) -> bool:
    """Whether the body of a loop, and of a loop in it, is a single statement."""
    body = statements(loop.body)
    return len(body) == 1 and (not isinstance(body[0].node, Compound) or is_single_statement(body[0].node))
