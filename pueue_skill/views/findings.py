"""Findings drawn under their command: values in, text out."""

from __future__ import annotations

from pueue_skill.rules.model import Finding


def drawn(command: str, findings: tuple[Finding, ...]) -> str:
    """The findings, each under its line of the command with a caret span.

    A span of several lines is marked to the end of its first.
    """
    parts = []
    for finding in findings:
        start = command.rfind("\n", 0, finding.start) + 1
        end = command.find("\n", finding.start)
        end = len(command) if end < 0 else end
        line = "".join([char if char.isprintable() else " " for char in command[start:end]])
        carets = "^" * max(1, min(finding.end, end) - finding.start)
        parts.append(
            f"  {line}\n  {' ' * (finding.start - start)}{carets}\n"
            f"{finding.rule} {finding.name} ({finding.confidence}): {finding.message}\n"
        )
    return "\n".join(parts)
