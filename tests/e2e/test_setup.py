"""`setup`: from a host without pueue to a queue with a test job, the same again without a change, and back to the host as it was.

Whatever goes wrong, existing files are left as is, and no queue gets a second daemon. Commands that setup prints for the user are run too.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from doctor import examined, typed
from provision import Text, configured, daemons, setup, tree, well
from real import Host, Lab, real, until

from pueue_skill.hosts.provision import steps as provision_steps
from pueue_skill.queues.pueue import provision as pueue_provision
from pueue_skill.queues.pueue.provision import SetupStep
from pueue_skill.queues.pueue.site import callback
from pueue_skill.shell import model

pytestmark = pytest.mark.timeout(240)


@pytest.mark.long
def test_from_nothing_to_a_queue_and_back(bare: Host, tmp_path: Path) -> None:
    bare.home.joinpath("mine").write_text("mine")
    before = tree(bare.home)
    env = configured(bare.env, tmp_path, f"[hosts.{bare.name}]\ngroups = {{ default = 3, p1 = 4 }}\n")

    planned = well(bare.name, "--dry-run", env=env)
    assert "no pueue, no daemon" in planned
    assert [line.split()[1] for line in planned.splitlines()[1:]] == ["pueue:", "config:", "daemon:", "groups:"]
    assert tree(bare.home) == before

    assert "a test job succeeded" in well(bare.name, env=env)
    assert json.loads(bare.pueue("group", "--json")) == {
        "default": {"status": "Running", "parallel_tasks": 3},
        "p1": {"status": "Running", "parallel_tasks": 4},
    }
    assert bare.tasks() == {}
    ran = ["pueue-skill", "run", "--host", bare.name, "--group", "p1", "--follow", "--", "echo out; exit 3"]
    done = subprocess.run(ran, env=env, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (3, "out\n")
    audit = ["pueue-skill", "audit", bare.name, "--json"]
    looked = subprocess.run(
        audit, env=env | {"XDG_DATA_HOME": str(tmp_path)}, capture_output=True, text=True, timeout=60
    )
    assert looked.returncode == 0, looked.stderr
    (failure,) = json.loads(looked.stdout)["failures"]
    assert (failure["group"], failure["why"], failure["tail"]) == ("p1", "exit code 3", "out\n")

    after = tree(bare.home)
    again = well(bare.name, env=env)
    assert "nothing was changed" in again
    assert len(again.splitlines()) == 2
    assert tree(bare.home) == after
    assert len(daemons(bare)) == 1

    assert "removed ~/.local/bin/pueued" in well(bare.name, "--remove", env=env)
    until(lambda: not daemons(bare), "the end of the daemon")
    assert tree(bare.home) == before | {".local": "folder", ".local/share": "folder", ".local/share/pueue": "folder"}
    assert "nothing" in well(bare.name, "--remove", env=env)


@pytest.mark.long
def test_with_the_shell_and_tools_of_a_small_system(make: Callable[..., Host], tmp_path: Path) -> None:
    """As on Alpine."""
    subprocess.run([real("busybox"), "--install", "-s", tmp_path], check=True)
    host = make(path=tmp_path)
    before = tree(host.home)
    assert "a test job succeeded" in well(host.name, env=host.env)
    assert "nothing was changed" in well(host.name, env=host.env)
    well(host.name, "--remove", env=host.env)
    assert set(tree(host.home)) - set(before) == {".local", ".local/share", ".local/share/pueue"}


@pytest.mark.long
def test_two_setups_at_once_make_one_queue(bare: Host) -> None:
    command = ["pueue-skill", "setup", bare.name]
    both = [
        subprocess.Popen(command, env=bare.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in "ab"
    ]
    said = [one.communicate(timeout=120)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert len(daemons(bare)) == 1
    record = (bare.home / ".local/share/pueue-skill/setup").read_text().splitlines()
    assert len([line for line in record if line == "detached"]) == 1
    assert "nothing was changed" in well(bare.name, env=bare.env)


def test_a_host_that_has_changed_since_its_examination_is_left_as_is(bare: Host) -> None:
    where = model.Host(bare.name)

    def answer(script: str) -> Text:
        return bare.ssh("sh -s", stdin=None, input=script)

    found = pueue_provision.read_look(answer(pueue_provision.look_script(where, "http://[", False)).stdout)
    script = pueue_provision.do_script(where, "", found.mark, [SetupStep("one", "", "", 'touch "$HOME/made"\n')], {})
    (bare.home / ".config/pueue").mkdir(parents=True)
    (bare.home / ".config/pueue/pueue.yml").write_text("client: {}\n")
    done = answer(script)
    assert (done.returncode, (bare.home / "made").exists()) == (pueue_provision.CHANGED, False)
    (bare.home / ".config/pueue/pueue.yml").unlink()
    done = answer(script)
    assert (pueue_provision.read_do(done.stdout), (bare.home / "made").exists()) == (("one", 0, True), True)


@pytest.mark.parametrize(
    ("mount", "says"),
    [
        ("mount -t tmpfs -o size=1m none", "No space left on device"),
        ("mount -t tmpfs -o ro none", "Read-only file system"),
    ],
    ids=["full", "read-only"],
)
@pytest.mark.long
def test_a_full_or_read_only_disk(make: Callable[..., Host], mount: str, says: str) -> None:
    """Each login mounts a separate file system over ~/.local/bin."""
    inner = f'{mount} "$HOME/.local/bin" && exec "$0"'
    host = make(
        login=f'if [ -z "$INNER" ]; then INNER=1 exec unshare --map-root-user --mount sh -c \'{inner}\' "$0"; fi\n'
    )
    (host.home / ".local/bin").mkdir(parents=True)
    before = tree(host.home)
    done = setup(host.name, env=host.env)
    assert done.returncode == 1
    assert says in done.stderr or "MB are free for ~/.local/bin, and pueue needs" in done.stderr
    assert set(tree(host.home)) - set(before) <= {".local/share", ".local/share/pueue-skill", ".local/share/pueue-skill/setup", ".local/share/pueue-skill/setup.lock"}  # fmt: skip


@pytest.mark.long
def test_nothing_is_undone_while_jobs_run(bare: Host) -> None:
    well(bare.name, env=bare.env)
    task = bare.pueue("add", "-p", "--", "until [ -e go ]; do sleep 0.05; done")
    before = tree(bare.home)
    done = setup(bare.name, "--remove", env=bare.env)
    assert (done.returncode, tree(bare.home)) == (1, before)
    assert "1 job has not ended" in done.stderr
    typed(done.stderr.rpartition("to list them: ")[2], bare.env)
    (bare.home / "go").touch()
    assert bare.result(task) == "Success"
    (bare.home / ".config/pueue/pueue.yml").write_text("# mine now\n")
    done = setup(bare.name, "--remove", env=bare.env)
    assert done.returncode == 0
    assert "kept: ~/.config/pueue/pueue.yml, which has changed since setup" in done.stderr
    assert {name for name in tree(bare.home) if "bin" in name or "yml" in name} == {".config/pueue/pueue.yml"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("shared: {use_unix_socket: true}\n", "Add this line below `shared` yourself"),
        ("shared: [", "is not valid YAML"),
        ("shared: 3\n", "is not a table"),
    ],
)
def test_a_pueue_yml_that_setup_cannot_edit(bare: Host, text: str, says: str) -> None:
    file = bare.home / ".config/pueue/pueue.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    before = tree(bare.home)
    done = setup(bare.name, env=bare.env)
    assert (done.returncode, tree(bare.home)) == (1, before)
    assert says in done.stderr


@pytest.mark.long
def test_a_pueue_yml_with_the_printed_line(bare: Host) -> None:
    file = bare.home / ".config/pueue/pueue.yml"
    file.parent.mkdir(parents=True)
    file.write_text("shared: {use_unix_socket: true}\n")
    match = re.search(
        r"below `shared` yourself, then run setup again:\n  (.+)\n", setup(bare.name, env=bare.env).stderr
    )
    assert match
    content = yaml.safe_load(file.read_text())
    content["shared"] |= yaml.safe_load(match[1])
    file.write_text(yaml.safe_dump(content))
    assert "a test job succeeded" in well(bare.name, env=bare.env)


@pytest.mark.long
def test_the_notes_are_instructions_that_work(bare: Host, tmp_path: Path) -> None:
    """On a host without a service manager that the user's configuration does not name."""
    env = configured(bare.env, tmp_path, "")
    done = setup(bare.name, env=env)
    assert done.returncode == 0, done.stderr
    start = re.search(r"@reboot (.+)", done.stderr)
    line = re.search(r"add this line to (\S+): (\S+)", done.stderr)
    assert start
    assert line
    bare.pueue("shutdown")
    until(lambda: not daemons(bare), "the end of the daemon")
    bare.ssh(f"nohup {start[1]} >/dev/null 2>&1 &")
    until(bare.answers, "the daemon")
    Path(line[1]).write_text(line[2])
    status = subprocess.run(["pueue-skill", "status", "--json"], env=env, capture_output=True, text=True, timeout=60)
    assert f'"{bare.name}"' in status.stdout


@pytest.mark.long
def test_doctor_prints_setup_for_missing_programs(bare: Host) -> None:
    (check,) = [check for check in examined(bare.env, bare.name) if check["name"] == f"pueue of {bare.name}"]
    assert "pueue is not installed" in check["what"]
    typed(check["fix"], bare.env)
    assert bare.answers()
    bare.pueue("shutdown")
    until(lambda: not daemons(bare), "the end of the daemon")
    (bare.home / ".local/bin/pueued").unlink()
    (check,) = [check for check in examined(bare.env, bare.name) if check["name"] == f"daemon of {bare.name}"]
    assert "pueued is not running and not installed next to" in check["what"]
    typed(check["fix"], bare.env)
    assert bare.answers()


def test_a_cluster_is_not_set_up(lab: Lab, tmp_path: Path) -> None:
    env = configured(lab.env, tmp_path, '[hosts.local]\nbackend = "slurm"\n')
    done = setup("local", env=env)
    assert done.returncode == 1
    command = done.stderr.rpartition("Try: ")[2]
    doctor = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, timeout=60)
    assert doctor.returncode in (0, 1), doctor.stderr
    assert "local" in doctor.stdout


@pytest.mark.parametrize(
    "text",
    [
        "",
        "client:\n  dark_mode: true\n",
        "shared:\n  runtime_directory: null\n  alias_file: null\ndaemon:\n  callback: null\n",
        "---\n# mine\nshared: # here\n    # and here\n    pueue_directory: /x\n\nclient:\n    dark_mode: true",
        "shared:\nclient:\n  dark_mode: true\n",
    ],
)
def test_a_pueue_yml_gets_one_line(text: str) -> None:
    before = yaml.safe_load(text) or {}
    for table, key, value in (("shared", "runtime_directory", "/run/user/7"), ("daemon", "callback", CALLBACK)):
        found = yaml.safe_load(provision_steps.add_yaml_key(text, table, key, value))
        assert found == before | {table: (before.get(table) or {}) | {key: value}}


CALLBACK = callback('/home/it\'s "ä" \\ #/pueue-skill')


@pytest.mark.long
def test_the_report_has_its_schema(bare: Host, schema: dict[str, Any]) -> None:
    for words in (["--dry-run"], [], ["--remove"]):
        report = json.loads(well(bare.name, "--json", *words, env=bare.env))
        jsonschema.validate(report, schema)
        assert report["done"] is (words != ["--dry-run"])
        assert report["removed"] is (words == ["--remove"])


@pytest.fixture
def schema() -> dict[str, Any]:
    done = subprocess.run(["pueue-skill", "schema", "setup"], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
