"""Commands in the form of the tables of cases."""

from __future__ import annotations

from pueue_skill.shell.model import Command


def written(command: Command) -> str:
    """Return a command in the form of the table."""
    place = list(command.wrappers)
    loops = [loop.kind for loop in command.loops]
    place += [kind for kind in loops if kind not in place]
    if command.pipe[1] > 1:
        place.append(f"|{command.pipe[0]}/{command.pipe[1]}")
    holds = [kind.split()[0] for kind in command.inside if kind not in loops]
    if loops:
        place += [kind for kind in holds if kind == "subshell"]
    else:
        outer = [kind for kind in holds if kind != "group"]
        place += [f"in:{outer[0]}"] if outer else []
    place += [via for via in command.via if via not in place or via == "ssh"]
    if command.cwd:
        place.append(f"after:{command.cwd}")
    if command.background:
        place.append("&")
    host = " ".join(command.hosts) + ":" if command.hosts else ""
    words = " ".join([word.value for word in command.words])
    return f"{host}{words}" + (f" {{{' '.join(place)}}}" if place else "")
