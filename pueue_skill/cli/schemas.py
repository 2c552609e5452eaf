"""The published JSON Schemas, generated from the types that the code uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter

from pueue_skill.batches import manifest
from pueue_skill.configuration.diagnostics import PublishedSchema
from pueue_skill.configuration.schema import Config
from pueue_skill.configuration.tools import ToolFile
from pueue_skill.hosts import reports as host_reports
from pueue_skill.lint import check
from pueue_skill.views import reports


def generator(name: str, kind: Any) -> Callable[[], dict[str, Any]]:
    """Return a function that returns the schema `name` of the type `kind`."""

    def generate() -> dict[str, Any]:
        head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"pueue-skill {name}"}
        return {**TypeAdapter(kind).json_schema(schema_generator=PublishedSchema), **head}

    return generate


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    name: generator(name, kind)
    for name, kind in {
        "acts": reports.ActsReport,
        "audit": host_reports.AuditReport,
        "batch": manifest.Manifest,
        "batch-acts": reports.BatchActsReport,
        "batch-check": reports.BatchCheckReport,
        "batch-status": reports.BatchReport,
        "changes": reports.ChangesReport,
        "check": check.LintReport,
        "config": Config,
        "doctor": host_reports.DoctorReport,
        "history": reports.HistoryReport,
        "jobs": reports.JobsReport,
        "notifications": reports.NotificationsReport,
        "outcome": reports.OutcomeReport,
        "rules": reports.RulesReport,
        "run": reports.RunReport,
        "setup": reports.SetupReport,
        "status": reports.StatusReport,
        "suggestion": reports.SuggestionReport,
        "timeline": reports.TimelineReport,
        "tool": ToolFile,
    }.items()
}
