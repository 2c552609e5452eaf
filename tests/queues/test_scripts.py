"""The shell scripts, run by every shell of a host against a stub of pueue; and the module that loads them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path

import get_pueue
import pytest
from real import SYSTEM_PATH, real
from stubbed import SHELLS, Stubbed

import pueue_skill
from pueue_skill.plan.model import Job
from pueue_skill.queues import script as loader
from pueue_skill.queues.protocol import BatchRequest, Pack, RestartRequest, Units
from pueue_skill.queues.pueue import health as pueue_health
from pueue_skill.queues.pueue.batch import batch_script, read_batch, read_capacity, read_restart, restart_script
from pueue_skill.queues.pueue.batch import submit_script as submit_batch
from pueue_skill.queues.pueue.provision import (
    HostFacts,
    SetupStep,
    do_script,
    look_script,
    proved_script,
    read_look,
    undo_script,
)
from pueue_skill.queues.pueue.state import read_status
from pueue_skill.queues.pueue.units import runner_name
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import REPLY, encoded_files, read_tails, reply, whole_reply
from pueue_skill.shell.model import Host
from pueue_skill.shell.ssh_target import REMOTE_PUEUE

PACKAGE = Path(pueue_skill.__file__).parent
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.glob("**/sh/**/*.*sh"))


@pytest.fixture(params=SHELLS)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Stubbed:
    return Stubbed(request.param, tmp_path)


def test_assignments_of_the_inputs_precede_a_script() -> None:
    text = script("queues/pueue/cancel", PQ_PUEUE="~/b in/pueue", PQ_IDS="1 2")
    assert text.startswith("PQ_PUEUE='~/b in/pueue'\nPQ_IDS='1 2'\n: ")
    assert "\n. " not in text
    file = (PACKAGE / "queues/pueue/sh/cancel.sh").read_text().rpartition("lib/client.sh\n")[2]
    assert text.endswith(re.sub("(?m)^ *#.*\n", "", file))


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        ({"PQ_PUEUE": ""}, TypeError),
        ({"PQ_PUEUE": "", "PQ_IDS": "1", "PQ_ID": "1"}, TypeError),
        ({"PQ_PUEUE": "", "PQ_IDS": ""}, ValueError),
        ({"PQ_PUEUE": "\0", "PQ_IDS": "1"}, ValueError),
    ],
)
def test_wrong_inputs_are_errors(inputs: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        script("queues/pueue/cancel", **inputs)


def test_arguments_become_those_of_the_script(run: Stubbed) -> None:
    text = script("queues/probes", "a", "1", "100", "echo one", PQ_MARK="m")
    assert run(text).stdout == "pueue-skill reply\nm part a\none\n\nm code 0"


def test_shared_functions_are_included_once() -> None:
    text = loader.load("queues/pueue/sh/follow.sh").text
    assert text.count("\nask() {") == 1


@pytest.mark.parametrize("file", FILES)
def test_a_script_without_its_comments_is_the_same_program(file: str) -> None:
    text = loader.included(file, set())
    assert minified(file, loader.load(file).text) == minified(file, text) != ""


def minified(file: str, text: str) -> str:
    dialect = "bash" if file.endswith(".bash") else "posix"
    command = [Path(sys.executable).parent / "shfmt", "-mn", "-ln", dialect]
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout


@pytest.mark.parametrize("file", FILES)
def test_a_file_begins_with_a_comment_and_reads_only_declared_inputs(file: str) -> None:
    text = (PACKAGE / file).read_text()
    head, body = re.match(r"((?:#.*\n)*)((?:.*\n)*)", text).groups()
    assert re.match(r"# \S", head)
    body = re.sub(r'\A(: "\$\{PQ_.*\n)*\n(\. \S+\n)*', "", body)
    assert not re.search(r'(?m)^: "\$\{PQ_|^\. ', body), "declarations, a blank line, includes"
    whole = loader.load(file)
    assert set(re.findall(r"\bPQ_[A-Z0-9_]+", whole.text)) == whole.inputs.keys()


@pytest.mark.parametrize("file", [file for file in FILES if loader.load(file).inputs])
def test_a_script_without_its_inputs_stops(file: str, run: Stubbed) -> None:
    done = run(loader.load(file).text)
    assert done.returncode != 0
    assert "PQ_" in done.stderr
    assert run.calls == []


def test_pueue_is_found_in_the_folders_of_installers(run: Stubbed) -> None:
    find = script("queues/pueue/versions", PQ_PUEUE="~/own folder/pueue")
    (run.bin / "pueue").unlink()
    done = run(find)
    assert done.returncode == 127
    assert done.stderr.startswith(
        f"no pueue on this host: looked for {run.home}/own folder/pueue, pueue, {run.home}/.local/bin/pueue, "
    )
    for folder, version in ((".cargo/bin", "4.0.1"), (".local/bin", "4.0.2"), ("own folder", "4.0.3")):
        (run.home / folder).mkdir(parents=True)
        for name in ("pueue", "pueued"):
            (run.home / folder / name).write_text(f"#!/bin/sh\necho {name} {version}\n")
            (run.home / folder / name).chmod(0o755)
        assert run(find).stdout == f"pueue {version}\npueued {version}\n"


def test_the_folders_of_installers_are_those_of_the_default_client_and_the_tools(
    run: Stubbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = loader.load("queues/sh/lib/folders.sh").text + 'printf "%s\\n" "$pq_bin" "$pq_folders"\n'
    folder, folders = run(text).stdout.splitlines()
    assert REMOTE_PUEUE.replace("~", str(run.home)) == f"{folder}/pueue"
    assert folders.split(":")[0] == folder
    monkeypatch.setenv("HOME", str(run.home))
    monkeypatch.setenv("PATH", "")
    assert [str(path) for path in get_pueue.candidates()][:-1] == folders.split(":")


def tasks_file(*ids: int) -> str:
    """The stub of `pueue status` for a queue with these tasks, each line a task; `remove` and `kill` change it."""
    lines = "\n".join([f'{{"id":{id},"created_at":"at-{id}","status":{{}}}}' for id in ids])
    return f'[ -e "$STUB/tasks" ] || echo \'{lines}\' >"$STUB/tasks"\ncat "$STUB/tasks"\n'


def without(*ids: int) -> str:
    """The stub of a command after which the queue no longer has these tasks."""
    return "".join([f'sed -i \'/"id":{id},/d\' "$STUB/tasks"\n' for id in ids])


def test_cancel(run: Stubbed) -> None:
    text = script("queues/pueue/cancel", PQ_PUEUE="", PQ_IDS="3 5 9")
    done = run(text, status=tasks_file(2, 3, 5, 30), remove=without(3, 5))
    assert done.stdout == "pueue-skill reply\n0\n"
    assert run.calls == ["status --json", "remove 3 5", "status --json"]


def test_cancel_kills_running_tasks_and_waits_for_their_end(run: Stubbed) -> None:
    """pueue exits with 0 although it has removed only some tasks. A task that starts meanwhile is killed as well."""
    text = script("queues/pueue/cancel", PQ_PUEUE="", PQ_IDS="3 5")
    remove = without(5) + 'if [ "$(grep -c remove "$STUB/calls")" = 3 ]; then ' + without(3).strip() + "; fi"
    done = run(text, status=tasks_file(3, 5), remove=remove)
    assert done.stdout == "pueue-skill reply\n2\n"
    changes = [call for call in run.calls if call != "status --json"]
    assert changes == ["remove 3 5", "kill 3", "remove 3", "kill 3", "remove 3"]


def test_cancel_spares_a_task_that_gets_the_id_of_a_removed_one(run: Stubbed) -> None:
    text = script("queues/pueue/cancel", PQ_PUEUE="", PQ_IDS="3")
    done = run(text, status=tasks_file(3), remove="""sed -i 's/"at-3"/"later"/' "$STUB/tasks"\n""")
    assert (done.stdout, run.calls) == ("pueue-skill reply\n0\n", ["status --json", "remove 3", "status --json"])


def test_cancel_fails_without_a_daemon(run: Stubbed) -> None:
    done = run(script("queues/pueue/cancel", PQ_PUEUE="", PQ_IDS="3"), status="exit 1")
    assert (done.returncode, done.stdout) == (69, "")


def with_functions(*names: str) -> str:
    """Return the text of shared functions."""
    return "".join([loader.load(f"queues/sh/lib/{name}.sh").text for name in names])


def test_a_frame_has_only_new_output(run: Stubbed, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("0123456789")
    text = (
        with_functions("frames")
        + f"frame output {tmp_path}/log 4; frame output {tmp_path}/log $pq_size; echo $pq_size\n"
    )
    assert run(text).stdout == "output 4 6\n45678910\n"
    assert run(text.replace("log 4", "log 400")).stdout == "output 0 10\n012345678910\n", "the file was truncated"
    assert run(text.replace("/log", "/none")).stdout == "0\n"


def test_tails(run: Stubbed, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("0123456789")
    (tmp_path / "err").write_text("error")
    text = with_functions("tails") + f"tails 1 {tmp_path}/out ''; tails 2 {tmp_path}/none {tmp_path}/err\n"
    answer = run(f"PQ_COUNT=4\necho '{REPLY}'\n{text}").stdout
    assert read_tails(answer.encode()) == {"1": b"6789", "2": b"rror"}


def test_the_load_is_read_from_any_uptime(run: Stubbed) -> None:
    for said in (" 10:00 up 1 day, 2 users, load average: 0.52, 1, 1", "10:00 up 1, load averages: 0.52 1.0 1.0"):
        run.put("uptime", f"#!/bin/sh\necho '{said}'\n")
        assert run(with_functions("load") + "load").stdout == "0.52\n"


def test_folders_before_path(run: Stubbed) -> None:
    text = loader.load("queues/sh/lib/path.sh").text + 'printf "%s\\n" "$pq_first" "$PATH"\n'
    assert run(f"PQ_PATH='~/b in:/opt/~/x'\n{text}").stdout.split("\n")[:2] == [
        f"{run.home}/b in:/opt/~/x:",
        f"{run.home}/b in:/opt/~/x:{run.env['PATH']}",
    ]
    assert run(f"PQ_PATH=\n{text}").stdout == f"\n{run.env['PATH']}\n"


def test_stdin_is_stored_completely_or_not_at_all(run: Stubbed, tmp_path: Path) -> None:
    text = "PQ_KEY=k\n" + with_functions("take") + f"pq_part={tmp_path}/in\n"
    ends = f'take "$pq_part" <{tmp_path}/sent || exit; cat "$pq_part"\n'
    (tmp_path / "sent").write_text("a\nb\npueue-skill end k\n")
    assert run(text + ends).stdout == "a\nb\n"
    assert not (tmp_path / "in").exists(), "what is not taken further goes with the script"
    (tmp_path / "sent").write_text("a\nb\npueue-skill end")
    done = run(text + ends)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "stdin was cut off\n")
    run.put("df", "#!/bin/sh\necho; echo - - - 1 -\n")
    (tmp_path / "sent").write_text("a" * 2000)
    assert "longer than 1 KiB" in run(text + ends).stderr


def test_the_environment_is_printed(run: Stubbed) -> None:
    text = with_functions("environment") + 'env -i A="1\n2" E= "$(command -v awk)" "$pq_print_environment" </dev/null\n'
    assert {"A=1 2", "E="} <= set(run(text).stdout.splitlines())


def test_the_lock_is_held_until_it_is_released(run: Stubbed, tmp_path: Path) -> None:
    text = f"pq_data={tmp_path}\n" + with_functions("lock") + "lock\n"
    busy = 'if flock -n "$pq_data/pueue-skill.lock" true; then echo free; else echo held; fi\n'
    assert run(text + busy + "exec 9>&-\n" + busy).stdout == "held\nfree\n"
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert run(f"pq_data={tmp_path}/none\n" + text.partition("\n")[2] + "echo done\n").stdout == "done\n"


def test_a_process_that_waits_for_the_lock_reports_it(run: Stubbed, tmp_path: Path) -> None:
    run.put("sleep", "#!/bin/sh\n")  # the pauses of the wait
    text = f"pq_data={tmp_path}\n" + with_functions("lock")
    hold = f'{{ flock 8; until [ -s "{tmp_path}/printed" ]; do :; done; }} 8>"$pq_data/pueue-skill.lock" &\n'
    held = 'until ! flock -n "$pq_data/pueue-skill.lock" true; do :; done\n'
    run(text + hold + held + f'lock >"{tmp_path}/printed"\n')
    assert re.match(r"pueue-skill waits \d+\n", (tmp_path / "printed").read_text())


def test_bare_restores_the_environment_of_sshd(run: Stubbed, tmp_path: Path) -> None:
    """The parent is the login shell: variables of its start-up files are not passed to the command, variables of the call are."""
    inner = loader.functions("queues/bare") + "READ=1; export READ; bare NAMED=1 env\n"
    with_path = loader.functions("queues/bare_path") + "pq_first=/first:; PATH=/first:$PATH; bare env\n"
    sh = real("dash")  # as the login shell: it is no bash, which would have to be a child of sshd
    for text, holds, lacks in (
        (inner, {"NAMED=1", "GIVEN=1"}, {"READ=1"}),
        (with_path, {f"PATH=/first:{run.env['PATH']}"}, set[str]()),
    ):
        (tmp_path / "text").write_text(text)
        command = " ".join([*run.shell, str(tmp_path / "text")])
        env = {**run.env, "SHELL": sh, "GIVEN": "1"}
        done = subprocess.run([sh, "-c", f"{command}; :"], env=env, capture_output=True, text=True, timeout=20)
        assert holds <= set(done.stdout.splitlines()), done
        assert not lacks & set(done.stdout.splitlines())
        other = subprocess.run(
            [sh, "-c", f"{command}; :"], env={**env, "SHELL": "/bin/false"}, capture_output=True, text=True, timeout=20
        )
        assert holds | lacks <= set(other.stdout.splitlines())


# The state of tasks in the JSON of pueue.
EMPTY = '{"tasks":{},"groups":{"default":{"status":"Running","parallel_tasks":1}}}'


def queue(*tasks: str) -> str:
    """Return a queue in pueue's JSON. A task is `ID KEY STATUS`; its creation time is derived from its id."""
    entries = []
    for task in tasks:
        id, key, status = task.split()
        result = ',"result":"Success"' if status == "Done" else ""
        entries.append(
            f'"{id}":{{"id":{id},"created_at":"2026-01-01T00:00:0{id}Z","original_command":"env PUEUE_SKILL_KEY={key} bash -c x </dev/null; exit"'
            f',"status":{{"{status}":{{"enqueued_at":"x"{result}}}}}}}'
        )
    return EMPTY.replace("{}", f"{{{','.join(entries)}}}", 1)


def says(text: str) -> str:
    """Return sh text for a stub that prints a text."""
    return f"printf '%s\\n' '{text}'"


def then(first: str, later: str) -> str:
    """Return sh text for a stub that prints one text at the first call, and another later."""
    return f'if [ "$(grep -c "^$1 " "$STUB/calls")" = 1 ]; then {says(first)}; else {says(later)}; fi'


def submit(**changes: str) -> str:
    inputs = {
        "PQ_PUEUE": "", "PQ_PATH": "", "PQ_KEY": "k", "PQ_ADD": "add --print-task-id --label='a b' -- 'echo it'", "PQ_CWD": "",
        "PQ_SHELL": "inherited", "PQ_FILES": "", "PQ_GROUPS": "", "PQ_STDIN": "", "PQ_APART": "",
    }  # fmt: skip
    return script("queues/pueue/submit", **(inputs | changes))


def jobs_folder(run: Stubbed) -> Path:
    return run.home / ".local/share/pueue-skill/jobs"


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


def facts(answer: str) -> dict[str, str]:
    return dict([line.partition(" ")[::2] for line in answer.splitlines()])


def test_health_finds_a_client_in_unusual_folders(run: Stubbed) -> None:
    text = script("queues/pueue/health", PQ_PUEUE="~/gone/pueue")
    (run.bin / "pueue").unlink()
    found = facts(run(text).stdout)
    assert (found["home"], found["client"], "wanted" in found) == (str(run.home), "", False)
    (run.home / ".mine/bin").mkdir(parents=True)
    for name in ("pueue", "pueued"):
        (run.home / ".mine/bin" / name).write_text(f"#!/bin/sh\necho {name} 4.0.1\n")
        (run.home / ".mine/bin" / name).chmod(0o755)
    found = facts(run(text).stdout)
    assert (found["client"], found["version"], "known" in found) == (
        f"{run.home}/.mine/bin/pueue",
        "pueue 4.0.1",
        False,
    )
    assert found["start"].endswith(f"{run.home}/.mine/bin/pueued -d >/dev/null 2>&1 </dev/null")
    run.put("pueue", "#!/bin/sh\necho pueue 4.0.4\n")
    assert facts(run(text).stdout)["known"] == str(run.bin / "pueue")
    assert facts(run(script("queues/pueue/health", PQ_PUEUE="")).stdout)["wanted"] == str(run.bin / "pueue")


def test_health_reports_the_paths_of_the_daemons_files(run: Stubbed) -> None:
    text = script("queues/pueue/health", PQ_PUEUE="")
    data = run.home / ".local/share/pueue"
    found = pueue_health.read(run(text).stdout)
    assert (found.config, found.data, found.has_socket, found.state_bytes) == ("", str(data), False, 0)
    assert found.socket.startswith(f"{run.home}/pueue_")
    (run.home / ".config/pueue").mkdir(parents=True)
    (run.home / ".config/pueue/pueue.yml").write_text(
        'shared:\n  pueue_directory: "~/queue"\n  unix_socket_path: ~/s\n'
    )
    (run.home / "queue").mkdir()
    (run.home / "queue/state.json").write_text("12345")
    found = pueue_health.read(run(text).stdout)
    assert (found.data, found.socket, found.state_bytes) == (f"{run.home}/queue", f"{run.home}/s", 5)


def provisioned(run: Stubbed) -> Path:
    """Return the file with the record of a setup."""
    return run.home / ".local/share/pueue-skill/setup"


def look_at(run: Stubbed, **answers: str) -> HostFacts:
    return read_look(run(look_script(Host("local"), "http://127.0.0.1:9", False), **answers).stdout)


GROUPS = '{"default":{"status":"Running","parallel_tasks":1}}'


def test_a_host_is_examined_before_setup(run: Stubbed) -> None:
    found = look_at(
        run, group=says(GROUPS), status=says(queue("1 a Running", "2 b Done")), **{"--version": says("pueue 4.0.4")}
    )
    assert (found.home, found.pueue, found.version) == (str(run.home), str(run.bin / "pueue"), "4.0.4")
    assert (found.place, found.groups, found.unfinished) == (str(run.home), {"default": (1, "running")}, 1)
    assert found.record == ""


def do(
    run: Stubbed, mark: str, *steps: SetupStep, files: dict[str, bytes] | None = None
) -> subprocess.CompletedProcess[str]:
    return run(do_script(Host("local"), "http://127.0.0.1:9", mark, steps, files or {}))


def test_steps_run_only_on_an_unchanged_host(run: Stubbed) -> None:
    (run.home / ".cargo/bin").mkdir(parents=True)
    (run.bin / "pueue").rename(run.home / ".cargo/bin/pueue")  # so that what is looked for first is not there
    mark = look_at(run, group=says(GROUPS)).mark
    assert do(run, "another mark").returncode == 75
    steps = [
        SetupStep(
            "config",
            "",
            "",
            f"write {run.home}/.config/pueue/pueue.yml {b64encode(b'client: {}').decode()}",
        ),
        SetupStep("data", "", "", f"send pueue >{run.home}/sent\nfind_pueue"),
        SetupStep("daemon", "", "", "echo it fails >&2; false\necho never\n"),
        SetupStep("never", "", "", "echo never\n"),
    ]
    done = do(run, mark, *steps, files={"pueue": bytes(range(256))})
    assert done.returncode == 1
    assert reply(done.stdout) == "step config\nend config 0\nstep data\nend data 0\nstep daemon\nend daemon 1\n"
    assert done.stderr == "it fails\n"
    assert (run.home / "sent").read_bytes() == bytes(range(256))
    assert (run.home / ".config/pueue/pueue.yml").read_text() == "client: {}"
    kinds = [line.split("\t")[0] for line in provisioned(run).read_text().splitlines()]
    assert kinds == ["folder", "folder", "folder", "folder", "folder", "file"]


def test_a_setup_is_undone(run: Stubbed) -> None:
    text = undo_script(Host("local"))
    assert reply(run(text).stdout) == "nothing\n"
    mark = look_at(run, group=says(GROUPS)).mark
    step = SetupStep(
        "config",
        "",
        "",
        f"limits few 2\nwrite {run.home}/.config/pueue/pueue.yml {b64encode(b'x').decode()}",
    )
    assert reply(do(run, mark, step).stdout) == "step config\nend config 0\nwhole\n"
    assert "group add --parallel 2 few" in run.calls
    lines = reply(run(text).stdout).splitlines()
    assert lines[:2] == ["undone removed ~/.config/pueue/pueue.yml", "undone removed the group few"]
    assert lines[-1] == "whole"
    assert list(run.home.iterdir()) == []


def test_the_test_job_of_a_setup_is_removed(run: Stubbed) -> None:
    provisioned(run).parent.mkdir(parents=True)
    done = run(proved_script(Host("local"), "3", True), group=says(GROUPS))
    assert (done.stdout, run.calls[-2:]) == ("pueue-skill reply\n", ["kill 3", "remove 3"])
    assert provisioned(run).read_text() == "proved\n"
    assert run(proved_script(Host("local"), "3", False), remove="exit 1").returncode == 69
