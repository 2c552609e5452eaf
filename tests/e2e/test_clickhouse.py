"""Checks of batches with a real ClickHouse: chdb, behind a `clickhouse-client` on the PATH of jobs in real queues."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import get_chdb
import pytest
from batch import Batch, manifest
from real import REQUIRE_ALL, Daemon, Host, Lab, until

pytestmark = [pytest.mark.long, pytest.mark.timeout(180), pytest.mark.usefixtures("queues_as_before")]

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = (ROOT / "examples/rangebar.toml").read_text("utf-8")
CHDB = get_chdb.find()  # before a test has another HOME

CLIENT = f"""#!{sys.executable}
# clickhouse-client --query SQL. One process at a time has the data, until it ends.
import fcntl
import sys

sys.path.insert(0, "{CHDB}")
from chdb.session import Session

option, query = sys.argv[1:]
assert option == "--query"
folder = "FOLDER"
lock = open(folder + ".lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
try:
    print(Session(folder).query(query, "TabSeparated").bytes().decode(), end="")
except Exception as error:
    sys.exit(str(error))
"""

# Parts are merged when OPTIMIZE says so and not before, so that what a check finds does not depend on the moment.
TABLE = """
CREATE OR REPLACE TABLE rangebar.bars (
  symbol LowCardinality(String), threshold UInt32, close_time DateTime64(3, 'UTC'), volume Float64, vwap Nullable(Float64),
  written DateTime64(6) DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(written) ORDER BY (symbol, threshold, close_time) SETTINGS min_parts_to_merge_at_once = 1000
"""

# populate.sh SYMBOL THRESHOLD FIRST-DAY [VOLUME [VWAP]]: 24 bars, the last two for each from its `number`.
POPULATE = """#!/bin/sh
exec clickhouse-client --query "INSERT INTO rangebar.bars (symbol, threshold, close_time, volume, vwap)
  SELECT '$1', $2, toDateTime64('$3', 3, 'UTC') + 3600 * number, ${4:-1}, ${5:-1} FROM numbers(24)"
"""

Ask = Callable[[str], str]


@pytest.fixture(scope="module")
def programs(lab: Lab) -> Path:
    """Return a folder with `clickhouse-client` and `populate.sh`."""
    if CHDB is None:
        why = "chdb is missing: python tools/get_chdb.py"
        if REQUIRE_ALL:
            pytest.fail(why)
        pytest.skip(why)
    folder = lab.root / "clickhouse"
    (folder / "bin").mkdir(parents=True)
    for name, text in (("clickhouse-client", CLIENT.replace("FOLDER", f"{folder}/data")), ("populate.sh", POPULATE)):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    return folder / "bin"


@pytest.fixture
def ask(programs: Path) -> Ask:
    """Return a function that queries ClickHouse, which has an empty table."""

    def ask(query: str) -> str:
        command: list[str | Path] = [programs / "clickhouse-client", "--query", query]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    ask("CREATE DATABASE IF NOT EXISTS rangebar")
    ask(TABLE)
    return ask


@pytest.fixture(scope="module")
def warehouse(lab: Lab, programs: Path) -> Iterator[Host]:
    host = Host(lab, "warehouse", {"default": 4}, path=programs)
    yield host
    host.stop()


@pytest.fixture(params=["local", "warehouse"])
def on(request: pytest.FixtureRequest, pueued: Daemon, programs: Path, tmp_path: Path) -> Batch:
    env = pueued.env | {"PATH": f"{programs}:{pueued.env['PATH']}", "HOST": request.param}
    daemon: Daemon = pueued if request.param == "local" else request.getfixturevalue("warehouse")
    return Batch(tmp_path, daemon, env)


def log(batch: Batch, label: str) -> str:
    (name,) = [job["name"] for job in batch.report()["jobs"] if job["label"] == label]
    done = subprocess.run(["pueue-skill", "log", name], env=batch.env, capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


def settled(batch: Batch, seconds: float = 60) -> dict[str, str]:
    """Return the status of each job, once none is open."""

    def found() -> dict[str, str] | None:
        standings = batch.standings()
        return None if {"queued", "running", "stashed", "paused"} & set(standings.values()) else standings

    return until(found, f"the end of all jobs, not {batch.standings()}", seconds)


def check(name: str) -> dict[str, Any]:
    """Return a check of the example."""
    (found,) = [one for one in tomllib.loads(EXAMPLE)["phases"]["optimize"]["checks"] if one["name"] == name]
    return dict(found)


def test_duplicates_are_found_until_the_table_is_merged(on: Batch, ask: Ask) -> None:
    """A day's job is killed after its insert and started again: its rows exist twice until OPTIMIZE ... FINAL."""
    example = tomllib.loads(EXAMPLE)
    phases = f"""
    [phases.insert]
    command = "populate.sh BTCUSDT 100 {{day}} && if [ {{day}} = 2024-01-02 ] && mkdir killed; then kill -9 $BASHPID; fi"
    label = "{{day}}"
    vars.day = {{ dates = ["2024-01-01", "2024-01-03"], step = "day" }}
    [[phases.insert.checks]]
    name = "duplicates"
    sql = "{check("duplicates")["sql"]}"
    expect = "zero"
    [phases.validate]
    command = "touch validated"
    label = "validate"
    after = ["insert"]
    [phases.optimize]
    command = "{example["phases"]["optimize"]["command"]}"
    label = "optimize"
    """
    on.write(manifest(on, phases, sql=f'"{example["sql"]}"'))
    days = dict.fromkeys(["2024-01-01", "2024-01-02", "2024-01-03"], "success")
    assert on.run("submit", "validate").returncode == 0
    killed = {"2024-01-02": "failed", "insert:duplicates": "dependency", "validate": "dependency"}
    assert settled(on) == {**days, **killed, "optimize": "missing"}
    assert on.run("resume").returncode == 0
    assert settled(on) == {**days, "insert:duplicates": "failed", "validate": "dependency", "optimize": "missing"}
    assert ask("SELECT count() FROM rangebar.bars") == "96"
    assert "insert:duplicates: equals 0 was expected, found:\n24\n" in log(on, "insert:duplicates")
    host = on.env["HOST"]
    assert f"{host} insert:duplicates: failed, exit 1; it blocks validate" in on.run("status").stdout
    assert not (on.folder / "validated").exists()

    assert on.run("submit").stdout == f"{host}: 1 added, 5 already in the queue\n"
    until(lambda: on.standings()["optimize"] == "success", "the merge")
    assert on.standings()["insert:duplicates"] == "failed"  # no check runs again by itself
    done = on.run("resume")
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            f"{host} insert:duplicates: restart: it is a check",
            f"{host} validate: restart after its dependencies: its dependencies are restarted",
        ],
    )
    assert set(settled(on).values()) == {"success"}
    assert (on.folder / "validated").exists()
    assert ask("SELECT count() FROM rangebar.bars") == "72"


EXPECTATIONS = {
    "nothing-negative": ("SELECT close_time, volume FROM rangebar.bars WHERE volume < 0", '"empty"', "failed"),
    "nothing-beyond": ("SELECT * FROM rangebar.bars WHERE volume > 1e9", '"empty"', "success"),
    "coverage": ("SELECT countIf(vwap IS NULL) FROM rangebar.bars", '"zero"', "failed"),
    "coverage-of-volume": ("SELECT countIf(volume IS NULL) FROM rangebar.bars", '"zero"', "success"),
    "whole": ("SELECT count() FROM rangebar.bars", "{ equals = 24 }", "success"),
    "within": ("SELECT max(volume) FROM rangebar.bars", "{ min = 0.5, max = 1 }", "success"),
    "below": ("SELECT min(volume) FROM rangebar.bars", "{ min = 0 }", "failed"),
    "above": ("SELECT uniqExact(close_time) FROM rangebar.bars", "{ max = 23 }", "failed"),
    "text": ("SELECT DISTINCT symbol\nFROM rangebar.bars WHERE symbol != 'it''s'", '{ equals = "BTCUSDT" }', "success"),
    "null-is-no-number": ("SELECT maxIf(vwap, vwap IS NULL) FROM rangebar.bars", "{ min = -1e9 }", "failed"),
    "no-such-column": ("SELECT nosuch FROM rangebar.bars", '"empty"', "failed"),
    "no-such-table": ("SELECT count() FROM rangebar.nosuch", '"zero"', "failed"),
}


def test_every_expectation_of_a_check(on: Batch, ask: Ask) -> None:
    """The checks of a symbol with one negative volume and two bars without vwap."""
    phases = """
    [phases.insert]
    command = "populate.sh BTCUSDT 100 2024-01-01 'if(number = 7, -3, 1)' 'if(number < 2, NULL, 1)'"
    label = "insert"
    """
    for name, (sql, expect, _) in EXPECTATIONS.items():
        phases += f'[[phases.insert.checks]]\nname = "{name}"\nsql = """{sql}"""\nexpect = {expect}\n'
    on.write(manifest(on, phases, sql='"clickhouse-client --query {query}"'))
    on.run("submit")
    assert settled(on) == {
        "insert": "success",
        **{f"insert:{name}": standing for name, (_, _, standing) in EXPECTATIONS.items()},
    }
    assert "insert:nothing-negative: nothing was expected, found:\n2024-01-01 07:00:00.000\t-3\n" in log(
        on, "insert:nothing-negative"
    )
    assert "insert:coverage: equals 0 was expected, found:\n2\n" in log(on, "insert:coverage")
    assert "found:\n-3\n" in log(on, "insert:below")
    assert "found:\n\\N\n" in log(on, "insert:null-is-no-number")
    assert "UNKNOWN_IDENTIFIER" in log(on, "insert:no-such-column")
    assert "UNKNOWN_TABLE" in log(on, "insert:no-such-table")


# The first full year of SOLUSDT fails with a timeout after its rows are written, and records what its second run leaves.
UV = f"""#!/bin/sh
# uv run python scripts/NAME.py --symbol S --threshold T [--start-date D --end-date D]
echo "$(basename "$3") $5 $7 $9" >> "$HOME/ran"
case "$(basename "$3") $5 $7 $9" in
validate.py*) exit ;;
*BTCUSDT\\ 1000*) populate.sh "$5" "$7" 2024-01-01 'if(number = 7, -3, 1)' ;;
*ETHUSDT\\ 250*) populate.sh "$5" "$7" 2024-01-01 1 'if(number < 2, NULL, 1)' ;;
*2021-01-01)
  populate.sh "$5" "$7" "$9"
  mkdir "$HOME/again" && exit 75
  clickhouse-client --query "{check("duplicates")["sql"]}" > "$HOME/duplicates"
  ;;
*) populate.sh "$5" "$7" "${{9:-2024-01-01}}" ;;
esac
"""


def test_the_rangebar_example(warehouse: Host, pueued: Daemon, programs: Path, ask: Ask, tmp_path: Path) -> None:
    """The example's own commands and queries: wrong data block the validation until the data are corrected."""
    (programs / "uv").write_text(UV)
    (programs / "uv").chmod(0o755)
    for left in ("rangebar-py", "again", "ran"):
        subprocess.run(["rm", "-rf", warehouse.home / left], check=True)
    (warehouse.home / "rangebar-py").mkdir()
    batch = Batch(tmp_path, warehouse, pueued.env)
    own = EXAMPLE.replace('name = "rangebar"', f'name = "rangebar-{os.urandom(3).hex()}"', 1)
    batch.write(own.replace('hosts = ["bigblack"]', 'hosts = ["warehouse"]').replace("wait = 60", "wait = 0"))
    assert batch.run("submit").stdout == "warehouse: 26 added\n"
    first = settled(batch, 120)
    assert {label: standing for label, standing in first.items() if standing != "success"} == {
        "optimize:negative-volumes": "failed",
        "optimize:coverage": "failed",
        "validate": "dependency",
    }
    # It was there twice, and no longer is.
    assert (warehouse.home / "duplicates").read_text() == "24\n"
    assert ask("SELECT count() FROM rangebar.bars") == str(24 * (3 + 3 + 6 + 2 + 7))
    status = batch.run("status").stdout
    for name in ("negative-volumes", "coverage"):
        assert f"warehouse optimize:{name}: failed, exit 1; it blocks validate" in status
    assert "found:\nBTCUSDT\t1000\t1\n" in log(batch, "optimize:negative-volumes")
    assert "found:\n2\n" in log(batch, "optimize:coverage")

    ask("ALTER TABLE rangebar.bars UPDATE volume = -volume WHERE volume < 0 SETTINGS mutations_sync = 1")
    assert batch.run("resume").returncode == 0
    assert {label for label, standing in settled(batch).items() if standing != "success"} == {
        "optimize:coverage",
        "validate",
    }
    ask("ALTER TABLE rangebar.bars UPDATE vwap = 1 WHERE vwap IS NULL SETTINGS mutations_sync = 1")
    assert batch.run("resume").returncode == 0
    assert set(settled(batch).values()) == {"success"}
    assert batch.run("watch", "--events", "--every", "0.1").returncode == 0
    ran = (warehouse.home / "ran").read_text().split("\n")
    assert len(ran) == 3 + 3 + 6 + 2 + 7 + 1 + 1 + 1  # one again, validate, the end of the last line
    assert ran[-2].startswith("validate.py")


def test_the_stand_in_for_clickhouse_client(on: Batch) -> None:
    """Load, memory and disk as the document queries them: with limits that hold on any machine, and with limits that hold on none."""
    _, _, text = (ROOT / "references/batches.md").read_text("utf-8").partition("## Checks")
    block = tomllib.loads(text.partition("```toml\n")[2].partition("```")[0])
    checks = {one["name"]: one for one in block["phases"]["populate"]["checks"] if "run" in one}
    assert set(checks) == {"load", "free-memory", "free-disk"}
    phases = "[phases.a]\ncommand = 'true'\nlabel = 'a'\n"
    for name, one in checks.items():
        (bound,) = one["expect"]
        for what, value in (("held", "1e9" if bound == "max" else "0"), ("broken", "-1" if bound == "max" else "1e9")):
            phases += f'[[phases.a.checks]]\nname = \'{name}-{what}\'\nrun = """{one["run"]}"""\nexpect = {{ {bound} = {value} }}\n'
    on.write(manifest(on, phases))
    on.run("submit")
    assert settled(on) == {
        "a": "success",
        **{f"a:{name}-held": "success" for name in checks},
        **{f"a:{name}-broken": "failed" for name in checks},
    }
    for name in checks:
        assert float(log(on, f"a:{name}-broken").partition("found:\n")[2].split("\n")[0]) >= 0
