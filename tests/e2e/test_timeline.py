"""`timeline` of real hosts: as text, SVG, HTML and JSON."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from batch import begun_together
from real import Daemon, Host

MANIFEST = f"""
name = "pictured"
hosts = ["bigblack"]
cwd = "FOLDER"
[groups]
pictured = 2
[vars]
nap = [1, 2, 3]
[phases.nap]
command = '''{begun_together(2)}; sleep 0.{{nap}}; [ {{nap}} != 2 ]'''
group = "pictured"
label = "nap-{{nap}}"
"""


@pytest.mark.long
def test_a_batch_and_a_day_of_real_hosts(pueued: Daemon, bigblack: Host, tmp_path: Path) -> None:
    (tmp_path / "pueue-skill").mkdir()
    config = tmp_path / "pueue-skill/config.toml"
    config.write_text("[hosts.bigblack]\n")
    env = pueued.env | {"XDG_CONFIG_HOME": str(tmp_path), "COLUMNS": "80", "TZ": "UTC"}

    def call(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["pueue-skill", *words], env=env, capture_output=True, text=True, cwd=tmp_path, timeout=60
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        return done

    # A new batch for a rerun: in the journal of the first, every job has ended.
    text = MANIFEST.replace("pictured", f"pictured-{tmp_path.name[-1]}", 1).replace("FOLDER", str(tmp_path))
    (tmp_path / "batch.toml").write_text(text)
    bigblack.pueue("group", "add", "--parallel", "1", "other")
    other = bigblack.pueue("add", "-p", "-g", "other", "-l", "other", "--", "sleep 0.2")
    call("batch", "submit", "batch.toml")
    call("batch", "watch", "batch.toml", "--every", "0.2", code=1)
    bigblack.result(other)
    try:
        shown = call("timeline", "batch.toml").stdout
        assert shown.startswith("bigblack pictured 1 ")
        assert "✗" in shown
        assert "other" not in shown
        today = call("timeline", "--host", "bigblack", "--svg", "day.svg", "--html", "day.html")
        assert (today.stdout, today.stderr) == ("", "pueue-skill: wrote day.svg\npueue-skill: wrote day.html\n")
        assert ET.parse(tmp_path / "day.svg").getroot().tag.endswith("svg")  # noqa: S314
        page = (tmp_path / "day.html").read_text()
        assert "nap-2: bigblack:" in page
        assert "<h2>Failed</h2>" in page
        assert ">other: bigblack:" in page
        document = json.loads(call("timeline", "batch.toml", "--json").stdout)
        (slots,) = {tuple([slot["number"] for slot in document["slots"]])}
        assert (slots, document["unreachable"]) == ((1, 2), {})
        labels = sorted([job["label"] for slot in document["slots"] for job in slot["jobs"]])
        assert labels == ["nap-1", "nap-2", "nap-3"]
        assert json.loads(call("timeline", "--day", "2001-01-01", "--json").stdout)["slots"] == []
        assert "no job in the queues ran on 2001-01-01" in call("timeline", "--day", "2001-01-01").stderr
        assert "cannot be written: No such file" in call("timeline", "--svg", "no/where.svg", code=2).stderr
        assert "nothing.toml" in call("timeline", "nothing.toml", code=2).stderr
        assert "not allowed with" in call("timeline", "batch.toml", "--day", "2001-01-01", code=2).stderr
        config.write_text('[hosts.bigblack]\n[hosts.nowhere]\nssh = "-p 1 -o ConnectTimeout=2 nobody@127.0.0.1"\n')
        down = call("timeline", code=4)
        assert "nowhere cannot be reached" in down.stderr
        assert "bigblack other 1 " in down.stdout
    finally:
        bigblack.remove_group("pictured")
        bigblack.remove_group("other")
