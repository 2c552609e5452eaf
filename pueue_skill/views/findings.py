"""Findings below the command that they are about, as text."""

from __future__ import annotations

from pueue_skill.rules.model import Finding


def with_carets(command: str, findings: tuple[Finding, ...]) -> str:
    """Return each finding below its line of the command, with carets below its span; a span of several lines ends with its first line."""
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
