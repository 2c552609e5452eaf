"""The scripts for batches on pueue, run by every shell of a host against a stub of pueue."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from real import SYSTEM_PATH
from stubbed import EMPTY, Stubbed, jobs_folder, queue, says

from pueue_skill.plan.model import Job
from pueue_skill.queues.protocol import BatchRequest, Pack, RestartRequest, Units
from pueue_skill.queues.pueue.batch import batch_script, read_batch, read_capacity, read_restart, restart_script
from pueue_skill.queues.pueue.batch import submit_script as submit_batch
from pueue_skill.queues.pueue.units import runner_name
from pueue_skill.queues.script import script
from pueue_skill.shell.model import Host


def batch(**changes: str) -> str:
    inputs = {
        "PQ_PUEUE": "", "PQ_PATH": "", "PQ_BATCH": "b", "PQ_KEYS": "0 b:p:x:0\n1 b:p:y:0",
        "PQ_JOBS": "job 0 b:p:x:0 '' --label=x -- 'echo x'\njob 1 b:p:y:0 '0' -- 'echo y'",
        "PQ_GROUPS": "2 few", "PQ_KEEP": "PATH HOME STUB XDG_*", "PQ_FILES": "", "PQ_ITEMS": "", "PQ_SHARES": "", "PQ_REPLACE": "",
        "PQ_MANY": "3", "PQ_LIMIT": "20",
    }  # fmt: skip
    return script("queues/pueue/batch_submit", **(inputs | changes))


COUNT = 'echo "$(($(grep -c "^add" "$STUB/calls") + 6))"'


def batches_folder(run: Stubbed) -> Path:
    (run.home / ".local/share/pueue-skill/batches").mkdir(parents=True, exist_ok=True)
    return run.home / ".local/share/pueue-skill/batches"


def test_a_batch_is_added_dependencies_first(run: Stubbed) -> None:
    done = run(batch(), status=says(EMPTY), add=COUNT)
    assert done.stdout == "pueue-skill reply\nnew 0 7\nnew 1 8\nend\n"
    assert run.calls == [
        "status --json",
        "group add --parallel 2 -- few",
        "add --print-task-id --label=x -- echo x",
        "add --print-task-id --after 7 -- echo y",
    ]
    assert [path.name for path in batches_folder(run).iterdir()] == ["b"]


def test_missing_jobs_of_a_batch_are_added(run: Stubbed) -> None:
    there = queue("4 b:p:x:0 Running", "5 b:p:z:1 Queued").replace(
        '"groups":{', '"groups":{"few":{"status":"Running"},'
    )
    (batches_folder(run) / "b").write_text("ended b:p:y:0 0 1 1\n")
    keys = {"PQ_KEYS": "0 b:p:x:0\n1 b:p:y:0\n2 b:p:z:0\n3 b:p:w:0"}
    jobs = "\n".join([f"job {i} b:p:{name}:0 '' -- {name}" for i, name in enumerate("xyzw")])
    done = run(batch(**keys, PQ_JOBS=jobs), status=says(there), add=COUNT)
    assert done.stdout == "pueue-skill reply\nold 0 4\nended 1 0\nchanged 2 5\nnew 3 7\nend\n"
    assert run.calls == ["status --json", "add --print-task-id -- w"]
    done = run(batch(**keys, PQ_JOBS=jobs, PQ_REPLACE="1"))
    assert "remove 5" in run.calls
    assert "changed" not in done.stdout


def test_jobs_that_depend_on_a_failed_job_are_held(run: Stubbed) -> None:
    (batches_folder(run) / "b").write_text("ended b:p:x:0 1 1 1\n")
    assert run(batch(), status=says(EMPTY)).stdout == "pueue-skill reply\nended 0 1\nheld 1 0\nend\n"
    (batches_folder(run) / "b").unlink()
    assert run(batch(), add="echo no such group >&2; exit 1").stdout == (
        "pueue-skill reply\nfailed 0 no such group\nheld 1 0\nend\n"
    )


def test_jobs_of_a_batch_get_only_the_listed_variables(run: Stubbed) -> None:
    text = "export XDG_X=1 OTHER=1\n" + batch(PQ_PATH="/first")
    run(text, status=says(EMPTY), add=f'env >"$STUB/env"\n{COUNT}')
    names = {line.partition("=")[0] for line in (run.stub / "env").read_text().splitlines()}
    assert "XDG_X" in names
    assert names <= {"PATH", "HOME", "STUB", "XDG_X", "XDG_RUNTIME_DIR", "_", "PWD", "SHLVL", "OLDPWD"}
    assert "PATH=/first:" in (run.stub / "env").read_text()


def test_many_succeeded_jobs_of_a_batch_are_removed(run: Stubbed) -> None:
    there = queue(*[f"{i} b:p:x{i}:0 Done" for i in range(1, 5)])
    (batches_folder(run) / "b").write_text("".join([f"ended b:p:x{i}:0 0 1 1\n" for i in range(1, 5)]))
    run(batch(), status=says(there), add=COUNT)
    (removal,) = [call for call in run.calls if call.startswith("remove")]
    assert sorted(removal.split()[1:]) == ["1", "2", "3", "4"]


def test_items_of_a_batch_are_packed_into_units(run: Stubbed) -> None:
    job = Job("b:p:p:0", "local", "pueue", None, "label", None, "")
    pack = Pack(job, tuple([(f"b:p:i{i}:0", f"echo {i}\necho more") for i in range(3)]), 2, 2)
    text = submit_batch(BatchRequest([pack], Host("local"), "b", {}, ("STUB",), False, 20))
    (batches_folder(run) / "b").write_text("ended b:p:i0:0 0 1 1\n")
    done = run(text, status=says(EMPTY), add=COUNT)
    assert done.stdout == "pueue-skill reply\npack 0 2 0 1 0\nnew 0 7\nend\n", done
    (unit,) = (batches_folder(run) / "b.units").iterdir()
    assert unit.read_text() == "b:p:i1:0 echo 1\\necho more\nb:p:i2:0 echo 2\\necho more\n"
    (call,) = [call for call in run.calls if call.startswith("add")]
    assert f"--label=label:{unit.name.removeprefix('unit-')} -- env PUEUE_SKILL_KEY=b:p:{unit.name}:0 bash -c " in call
    assert (jobs_folder(run) / runner_name()).exists()
    there = queue(f"7 b:p:{unit.name}:0 Running")
    assert run(text, status=says(there)).stdout == "pueue-skill reply\npack 0 0 2 1 0\nend\n"


def test_the_state_of_a_batch(run: Stubbed) -> None:
    (batches_folder(run) / "b").write_text("ended b:p:x:0 0 1 1\n")
    done = run(batch_script(Host("local"), "b", False), status=says(EMPTY))
    assert done.stdout == f"pueue-skill reply\n{EMPTY}\nended b:p:x:0 0 1 1\n\npueue-skill end\n"
    units = batches_folder(run) / "b.units"
    units.mkdir()
    (units / "unit-1").write_text("b:p:i1:0 echo\nb:p:i2:0 echo\n")
    (units / "at-unit-1-0").write_text("b:p:i2:0 123\n")
    _, ended, _, found = read_batch(run(batch_script(Host("local"), "b", True)).stdout, True)[:4]
    assert ended == {"b:p:x:0": [0]}
    assert found == Units({"b:p:i1:0": "unit-1", "b:p:i2:0": "unit-1"}, {"b:p:i2:0"})
    assert run(batch_script(Host("local"), "b", False), status="exit 1").returncode == 69


def test_a_batch_is_restarted_with_one_command(run: Stubbed) -> None:
    folder = batches_folder(run)
    key = f"b:p:{os.urandom(4).hex()}:0"  # survivors are looked for among all processes, those of other tests too
    text = restart_script(RestartRequest(Host("local"), "b", [("1", "b:p:x:0"), ("2", key)], ["b:p:x:0"], ["b:p:i:0"]))
    assert read_restart(run(text).stdout) == ({}, True)
    assert run.calls == ["restart --in-place 1 2"]
    assert (folder / "b").read_text() == "again b:p:i:0\n"
    assert (folder / "b.refresh").read_text() == "b:p:x:0\n"
    assert read_restart(run(text, restart="exit 1").stdout) == ({}, False)
    survivor = subprocess.Popen(["sleep", "20"], env={"PUEUE_SKILL_KEY": key, "PATH": SYSTEM_PATH})
    try:
        assert read_restart(run(text, restart="").stdout) == ({key: str(survivor.pid)}, True)
    finally:
        survivor.kill()
        survivor.wait()
    assert run.calls[-1] == "restart --in-place 1"


def test_the_memory_of_a_host(run: Stubbed) -> None:
    assert read_capacity(run(script("queues/pueue/capacity")).stdout).memory > 1 << 20
