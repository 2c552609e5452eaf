"""The shell scripts, run by every shell of a host against a stub of pueue; and the module that loads them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import get_pueue
import pytest
from real import real
from stubbed import Stubbed

import pueue_skill
from pueue_skill.queues import script as loader
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import REPLY, read_tails
from pueue_skill.shell.ssh_target import REMOTE_PUEUE

PACKAGE = Path(pueue_skill.__file__).parent
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.glob("**/sh/**/*.*sh"))


def test_assignments_of_the_inputs_precede_a_script() -> None:
    text = script("queues/pueue/cancel", PQ_PUEUE="~/b in/pueue", PQ_IDS="1 2")
    assert text.startswith("PQ_PUEUE='~/b in/pueue'\nPQ_IDS='1 2'\n: ")
    assert "\n. " not in text
    file = (PACKAGE / "queues/pueue/sh/cancel.sh").read_text().rpartition("lib/lock.sh\n")[2]
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


def test_scripts_that_change_the_queue_hold_its_lock(run: Stubbed) -> None:
    folder = run.home / ".local/share/pueue"
    folder.mkdir(parents=True)
    held = f'flock -n "{folder}/pueue-skill.lock" true && echo free >>"$STUB/calls"\n'
    for text in (
        script("queues/pueue/cancel", PQ_PUEUE="", PQ_IDS="3"),
        script("queues/pueue/batch_restart", PQ_PUEUE="", PQ_BATCH="b", PQ_TASKS="3=k", PQ_REFRESH="", PQ_AGAIN="k"),
    ):
        run.home.joinpath(".local/share/pueue-skill/batches").mkdir(parents=True, exist_ok=True)
        run(text, status=tasks_file(3), remove=held + without(3), restart=held)
    assert {"remove 3", "restart --in-place 3"} <= set(run.calls)
    assert "free" not in run.calls


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
