"""`--json`: each document has a version and fits the schema named in the help of the option."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from commands import PARSERS

from pueue_skill.cli import main
from pueue_skill.cli.schemas import SCHEMAS
from pueue_skill.state.sessions import Submitted
from pueue_skill.views import documents

WITHOUT = {
    "pueue-skill ssh",  # prints what ssh prints
    "pueue-skill top", "pueue-skill batch", "pueue-skill schema", "pueue-skill completion", "pueue-skill hook",
}  # fmt: skip
"""The commands without --json."""


def test_commands_that_print_json_name_their_schema() -> None:
    schemas = {}
    for prog, parser in PARSERS.items():
        for action in parser._actions:
            if "--json" in action.option_strings:
                named = re.search(r"\(pueue-skill schema ([a-z-]+)\)$", action.help or "")
                assert named, prog
                schemas[prog] = named[1]
    assert set(schemas.values()) <= set(SCHEMAS)
    assert PARSERS.keys() - schemas.keys() == WITHOUT


@pytest.mark.parametrize(
    ("line", "schema", "code"),
    [
        ("rules --json", "rules", 0),
        ("rule --json PQ101", "rules", 0),
        ("history --json", "history", 0),
        ("history --json --forget all", "history", 1),
        ("install claude --json --dry-run", "changes", 0),
        ("install codex --json --mode rewrite", "changes", 0),
        ("uninstall claude --json", "changes", 0),
        ("suggest --json python train.py", "suggestion", 0),
        ("check --json FILE", "check", 1),
    ],
)
def test_documents_fit_their_schemas(
    line: str, schema: str, code: int, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    (tmp_path / "a.sh").write_text("nohup python train.py &\n")
    assert main.main(line.replace("FILE", str(tmp_path / "a.sh")).split()) == code
    document = json.loads(capsys.readouterr().out)
    assert document["version"] == 1
    jsonschema.validate(document, SCHEMAS[schema]())


def test_the_document_of_install_has_its_changes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["install", "claude", "--json", "--dry-run"]) == 0
    (planned,) = json.loads(capsys.readouterr().out)["changes"]
    assert (planned["did"], planned["backup"], Path(planned["file"]).exists()) == ("planned", None, False)
    assert main.main(["install", "claude", "--json"]) == 0
    (made,) = json.loads(capsys.readouterr().out)["changes"]
    assert (made["did"], made["diff"], Path(made["file"]).exists()) == ("wrote", planned["diff"], True)
    assert main.main(["install", "claude", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of apprise's imports
def test_the_document_of_notify_has_unsent_messages(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It does not have the secrets of the target's URL."""
    folder = home / "config/pueue-skill"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[[notify]]\nurl = "json://user:hunter2hunter2@127.0.0.1:9/"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    assert main.main(["notify", "--test", "--json"]) == 1
    out = capsys.readouterr().out
    (message,) = json.loads(out)["messages"]
    jsonschema.validate(json.loads(out), SCHEMAS["notifications"]())
    assert (message["sent"], message["kept"], bool(message["reason"])) == (False, False, True)
    assert "hunter2" not in out


def test_an_outcome_fits_its_schema() -> None:
    job = Submitted("h", "key", "h", "", "pueue", "session", "/project", "make data", 0.0)
    ended = job._replace(
        id="3", label="data", group="default", state="failed", exit_code=2, seconds=1.5, tail="last line", ended="2026-11-24T10:00:00+00:00"
    )  # fmt: skip
    for submitted in (ended, job._replace(state="lost")):
        document = json.loads(json.dumps(documents.outcome(submitted)))
        jsonschema.validate(document, SCHEMAS["outcome"]())
        assert document["result"] == submitted.state
    assert documents.outcome(job._replace(state="lost"))["id"] is None
