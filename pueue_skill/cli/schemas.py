"""The JSON Schemas that are published: made from the types that the code itself uses, so that they cannot differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter

from pueue_skill.batches import manifest
from pueue_skill.configuration.diagnostics import PublishedSchema
from pueue_skill.configuration.schema import Config
from pueue_skill.hosts import reports as host_reports
from pueue_skill.lint import check
from pueue_skill.views import reports


def of(name: str, kind: Any) -> Callable[[], dict[str, Any]]:
    def made() -> dict[str, Any]:
        head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"pueue-skill {name}"}
        return {**TypeAdapter(kind).json_schema(schema_generator=PublishedSchema), **head}

    return made


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "acts": of("acts", reports.ActsReport),
    "audit": of("audit", host_reports.AuditReport),
    "batch": of("batch", manifest.Manifest),
    "batch-status": of("batch-status", reports.BatchReport),
    "changes": of("changes", reports.ChangesReport),
    "check": of("check", check.CheckReport),
    "config": of("config", Config),
    "doctor": of("doctor", host_reports.DoctorReport),
    "history": of("history", reports.HistoryReport),
    "jobs": of("jobs", reports.JobsReport),
    "notifications": of("notifications", reports.NotificationsReport),
    "rules": of("rules", reports.RulesReport),
    "setup": of("setup", reports.SetupReport),
    "status": of("status", reports.StatusReport),
    "suggestion": of("suggestion", reports.SuggestionReport),
}
