"""The scripts that submit, follow and change jobs of pueue, run by every shell of a host against a stub of pueue."""

from __future__ import annotations

import os
import time
from base64 import b64encode

from stubbed import EMPTY, Stubbed, jobs_folder, queue, says, then

from pueue_skill.queues.pueue.state import read_status
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import encoded_files, read_tails, reply, whole_reply


def submit(**changes: str) -> str:
    inputs = {
        "PQ_PUEUE": "", "PQ_PATH": "", "PQ_KEY": "k", "PQ_ADD": "add --print-task-id --label='a b' -- 'echo it'", "PQ_CWD": "",
        "PQ_SHELL": "inherited", "PQ_FILES": "", "PQ_GROUPS": "", "PQ_STDIN": "", "PQ_APART": "",
    }  # fmt: skip
    return script("queues/pueue/submit", **(inputs | changes))


def test_submit_adds_a_missing_job(run: Stubbed) -> None:
    after = queue("1 k Queued")
    done = run(submit(PQ_PATH="~/bin"), status=then(EMPTY, after), add='echo "$PATH" >"$STUB/path"; echo 1')
    assert done.stdout == f"pueue-skill adds\npueue-skill reply\n0\n{EMPTY}\n{after}\n\n\npueue-skill end\n"
    known = "status --json command%=env PUEUE_SKILL_KEY=k "
    assert run.calls == [known, "add --print-task-id --label=a b -- echo it", known]
    assert (run.stub / "path").read_text().startswith(f"{run.home}/bin:")


def test_submit_creates_a_missing_group(run: Stubbed) -> None:
    state = EMPTY.replace("}}}", '},"big one":{"status":"Paused","parallel_tasks":1}}}')
    run(submit(PQ_GROUPS="3 new"), status=says(state), add="echo 1")
    assert run.calls[1] == "group add --parallel 3 -- new"
    (run.stub / "calls").unlink()
    run(submit(PQ_GROUPS="3 big one"), status=says(state), add="echo 1")
    assert run.calls[1].startswith("add ")


def test_submit_prints_folder_and_environment_for_a_queued_job(run: Stubbed) -> None:
    there = queue("1 k Queued")
    (run.home / "work").mkdir()
    done = run(submit(PQ_CWD="~/work"), status=says(there))
    lines = reply(done.stdout).split("\n")
    assert lines[:4] == ["0", there, there, b64encode(f"{run.home}/work".encode()).decode()]
    assert f"STUB={run.stub}" in lines[4:]
    assert len(run.calls) == 1


def test_submit_writes_files_first(run: Stubbed) -> None:
    big = bytes(range(256)) * 999
    files = encoded_files({"f1": b"one", "f2": big})
    add = 'ls "$HOME/.local/share/pueue-skill/jobs"; echo 1'
    (run.home / ".local/share/pueue-skill/jobs").mkdir(parents=True)
    (jobs_folder(run) / "k.err").touch()
    done = run(submit(PQ_FILES=files, PQ_APART="1"), status=says(EMPTY), add=f"{{ {add}; }} >&2")
    assert done.stderr == "f1\nf2\n1\n"
    assert (jobs_folder(run) / "f2").read_bytes() == big


def test_submit_fails_if_a_file_cannot_be_written(run: Stubbed) -> None:
    (run.home / ".local").write_text("a file")
    done = run(submit(PQ_FILES=encoded_files({"f1": b"one"})), status=says(EMPTY))
    assert reply(done.stdout).startswith(f"74\n{EMPTY}\n")
    assert not [call for call in run.calls if call.startswith("add")]


def test_submit_stores_stdin(run: Stubbed) -> None:
    sent = run.home / "sent"
    sent.write_text("its input\npueue-skill end k\n")
    text = f"exec <{sent}\n" + submit(PQ_STDIN="1")
    (run.home / "script").write_text(text)
    again = f'. "{run.home}/script"\n'
    done = run(again, status=says(EMPTY), add=f'cat "{jobs_folder(run)}/k.in" >&2')
    assert (done.stdout.split("\n")[:3], done.stderr) == (["pueue-skill adds", "pueue-skill reply", "0"], "its input\n")
    assert reply(run(again, status=says(queue("1 k Running"))).stdout).startswith("0\n")
    sent.write_text("another\npueue-skill end k\n")
    assert reply(run(again).stdout).startswith("other\n")
    assert [path.name for path in jobs_folder(run).iterdir()] == ["k.in"]


def test_submit_reports_that_pueue_does_not_answer_or_add(run: Stubbed) -> None:
    done = run(submit(), status="echo no daemon >&2; exit 1")
    assert (done.returncode, done.stdout, done.stderr) == (69, "", "no daemon\n")
    done = run(submit(), status=says(EMPTY), add="exit 3")
    assert reply(done.stdout).startswith("3\n")


def test_status(run: Stubbed) -> None:
    run.put("uptime", "#!/bin/sh\necho load average: 0.52, 1, 1\n")
    assert (
        run(script("queues/pueue/status", PQ_PUEUE=""), status=says(EMPTY)).stdout
        == f"pueue-skill reply\n{EMPTY}\n0.52\npueue-skill end\n"
    )
    assert run(script("queues/pueue/status", PQ_PUEUE=""), status="exit 1").returncode == 69
    run.put("uptime", "#!/bin/sh\nexit 1\n")  # a host without it has a queue all the same
    answer = run(script("queues/pueue/status", PQ_PUEUE=""), status=says(EMPTY)).stdout
    assert read_status(answer).load == ""


def logs(run: Stubbed, **texts: str) -> None:
    folder = run.home / ".local/share/pueue/task_logs"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name.strip('_')}.log").write_text(text)


def test_follow_writes_output_and_states_until_the_end(run: Stubbed) -> None:
    logs(run, _1="0123456789")
    (run.home / "k.err").write_text("error")
    text = script("queues/pueue/follow", PQ_PUEUE="", PQ_ID="1", PQ_OFFSET="4", PQ_ERRORS="k.err", PQ_ERRORS_OFFSET="0")
    done = run(
        text,
        log=then('{"Running":0}', '{"Done":0}')
        + f'\n[ "$(wc -l <"$STUB/calls")" = 1 ] || printf more >>"{run.home}/k.err"',
    )
    assert done.stdout == (
        'pueue-skill reply\noutput 4 6\n456789error 0 5\nerrorstate {"Running":0}\nerror 5 4\nmorestate {"Done":0}\n'
    )
    assert run(text, log="exit 1").returncode == 69


def test_tails_of_jobs(run: Stubbed) -> None:
    logs(run, _1="first", _2="second")
    (run.home / "k.err").write_text("error")
    text = script("queues/pueue/tails", PQ_PUEUE="", PQ_JOBS="1 \n2 k.err\n3", PQ_COUNT="3")
    assert read_tails(run(text).stdout.encode()) == {"1": b"rst", "2": b"ondror", "3": b""}


def test_tails_of_failed_jobs(run: Stubbed) -> None:
    logs(run, _1="first", _2="second", _3="third")
    jobs_folder(run).mkdir(parents=True)
    (jobs_folder(run) / "k:3.err").write_text("error")
    apart = queue("1 k:1 Done", "2 k:2 Done", "3 k:3 Done").replace(
        "env PUEUE_SKILL_KEY=k:3", "exec 2>/dev/null; (env PUEUE_SKILL_KEY=k:3"
    )
    text = script("queues/pueue/failures", PQ_PUEUE="", PQ_LAST="2", PQ_COUNT="9")
    assert read_tails(run(text, status=says(apart)).stdout.encode()) == {"2": b"second", "3": b"thirderror"}
    assert run.calls == ["status --json status=failed"]


def act(*wanted: str, calls: str = "", group: str = "", verb: str = "") -> str:
    return script(
        "queues/pueue/act", PQ_PUEUE="", PQ_WANTED="\n".join(wanted), PQ_CALLS=calls, PQ_GROUP=group, PQ_VERB=verb
    )


def test_act_skips_tasks_that_have_changed(run: Stubbed) -> None:
    before = queue("1 a Running", "2 b Running", "3 c Queued")
    wanted = (
        "want kill 1 2026-01-01T00:00:01Z Running a ",
        "want kill 2 2026-01-01T00:00:09Z Running b ",  # another task of that id
        "want kill 3 2026-01-01T00:00:03Z Running c ",  # no longer so
    )
    done = run(act(*wanted, calls="kill"), status=then(before, queue("1 a Done")))
    assert run.calls == ["status --json", "kill 1", "status --json"]
    assert whole_reply(done.stdout) == f"files 0\n{before}\n{queue('1 a Done')}\n"


def test_act_skips_tasks_without_their_dependency(run: Stubbed) -> None:
    before = queue("2 b Done", "3 c Done", "4 d Done")
    wanted = (
        "want restart 2 2026-01-01T00:00:02Z Done b 1",
        "want restart 3 2026-01-01T00:00:03Z Done c 2",
        "want restart 4 2026-01-01T00:00:04Z Done d ",
    )
    run(act(*wanted, calls="restart"), status=says(before))
    assert run.calls[1] == "restart --in-place 4"


def test_act_waits_until_killed_tasks_have_ended(run: Stubbed) -> None:
    run.put("sleep", "#!/bin/sh\n")
    running, ended = queue("1 a Running"), queue("1 a Done")
    text = act("want kill 1 2026-01-01T00:00:01Z Running a ", calls="kill")
    status = f'if [ "$(grep -c "^status" "$STUB/calls")" -lt 5 ]; then {says(running)}; else {says(ended)}; fi'
    assert whole_reply(run(text, status=status).stdout).endswith(f"\n{ended}\n")


def test_act_on_a_group(run: Stubbed) -> None:
    run(act(group="few slots", verb="pause"), status=says(EMPTY))
    assert run.calls == ["status --json", "pause --group=few slots", "status --json"]


def test_act_removes_the_files_of_removed_jobs(run: Stubbed) -> None:
    names = {"a.err": 0, "b.err": 0, "used": 7200, "old": 7200, "new": 0}
    jobs_folder(run).mkdir(parents=True)
    for name, age in names.items():
        (jobs_folder(run) / name).touch()
        os.utime(jobs_folder(run) / name, (time.time() - age,) * 2)
    path = "$HOME/.local/share/pueue-skill/jobs"
    files = f"{path}/a.err {path}/b.err"
    before = queue("1 a Done", "2 b Done").replace("bash -c x", f"bash {path}/used {files}")
    after = queue("2 b Done").replace("bash -c x", f"bash {path}/used {path}/b.err")
    done = run(act("want remove 1 2026-01-01T00:00:01Z Done a ", calls="remove"), status=then(before, after))
    assert reply(done.stdout).startswith("files 2\n")
    assert {path.name for path in jobs_folder(run).iterdir()} == {"b.err", "used", "new"}
