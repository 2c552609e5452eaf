"""`setup`: from a host with nothing to a queue that has run a job, the same again without a change, and back to nothing.

What is there is left as it was, whatever goes wrong on the way; and there is never a second daemon on one queue.
"""

from __future__ import annotations

import hashlib
import http.server
import itertools
import json
import platform
import plistlib
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import get_pueue
import jsonschema
import pytest
import yaml
from booted import Booted
from real import REQUIRE_ALL, SYSTEM_PATH, Daemon, Host, Lab, processes, real, strays, until
from receiver import HOSTILE, Receiver

from pueue_skill.hosts.provision import steps as provision_steps
from pueue_skill.hosts.provision.steps import Refusal, Wish
from pueue_skill.queues.pueue import provision as pueue_provision
from pueue_skill.queues.pueue.provision import Found, Step
from pueue_skill.queues.pueue.site import callback
from pueue_skill.shell import model

pytestmark = pytest.mark.timeout(240)

Text = subprocess.CompletedProcess[str]
TARGET = provision_steps.TARGETS.get(
    (platform.system(), {"arm64": "aarch64"}.get(platform.machine(), platform.machine())), ""
)
OLD = get_pueue.find_old()  # before a test's own HOME hides it
names = (f"bare{number}" for number in itertools.count(1))


@pytest.fixture
def make(lab: Lab, pueued: Daemon) -> Iterator[Callable[..., Host]]:
    """Makes hosts without pueue; this machine has one that can be copied."""
    made: list[Host] = []

    def host(**options: Any) -> Host:
        made.append(Host(lab, next(names), {}, empty=True, **options))
        return made[-1]

    yield host
    for one in made:
        one.stop()


@pytest.fixture
def bare(make: Callable[..., Host]) -> Host:
    return make()


@pytest.fixture
def release() -> Iterator[tuple[str, dict[str, str]]]:
    """A release of pueue on a server of its own: its URL, and the checksums."""
    content = {f"/{name}-{TARGET}": Path(real(name)).read_bytes() for name in ("pueue", "pueued")}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = content.get(self.path)
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(found or b"")

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sums = {path[1:]: hashlib.sha256(data).hexdigest() for path, data in content.items()}
        yield f"http://127.0.0.1:{server.server_address[1]}", sums
        server.shutdown()


def configured(env: dict[str, str], folder: Path, text: str) -> dict[str, str]:
    (folder / "pueue-skill").mkdir(exist_ok=True)
    (folder / "pueue-skill/config.toml").write_text(text)
    return env | {"XDG_CONFIG_HOME": str(folder)}


def mirror(url: str, sums: dict[str, str]) -> str:
    lines = "".join([f'{name} = "{sum}"\n' for name, sum in sums.items()])
    return f'[setup]\nurl = "{url}"\n[setup.sha256]\n{lines}'


def setup(*words: str, env: dict[str, str]) -> Text:
    return subprocess.run(["pueue-skill", "setup", *words], env=env, capture_output=True, text=True, timeout=120)


def well(*words: str, env: dict[str, str]) -> str:
    done = setup(*words, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tree(home: Path) -> dict[str, str]:
    """Every file and folder below a home but the queue's own, with its content."""
    found = {}
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        if not name.startswith((".local/share/pueue/", ".cache")) and not path.is_socket():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
    return found


def copy_pueue(source: Path, folder: Path) -> None:
    """Copies the two programs of pueue; the folder that they lie in may hold anything else, such as rustup's proxies."""
    folder.mkdir(parents=True)
    for name in ("pueue", "pueued"):
        shutil.copy(source / name, folder)


def daemons(host: Host) -> list[int]:
    table = processes()
    return [pid for pid in strays(host.home) if table.get(pid, (0, ""))[1] == "pueued"]


@pytest.mark.long
def test_from_nothing_to_a_queue_and_back(bare: Host, tmp_path: Path) -> None:
    bare.home.joinpath("mine").write_text("stays")
    before = tree(bare.home)
    env = configured(bare.env, tmp_path, f"[hosts.{bare.name}]\ngroups = {{ default = 3, p1 = 4 }}\n")

    planned = well(bare.name, "--dry-run", env=env)
    assert "no pueue, no daemon" in planned
    assert [line.split()[1] for line in planned.splitlines()[1:]] == ["pueue:", "config:", "daemon:", "groups:"]
    assert tree(bare.home) == before

    assert "a job has run there" in well(bare.name, env=env)
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

    assert "took back ~/.local/bin/pueued" in well(bare.name, "--remove", env=env)
    until(lambda: not daemons(bare), "the end of the daemon")
    assert tree(bare.home) == before | {".local": "folder", ".local/share": "folder", ".local/share/pueue": "folder"}
    assert "nothing" in well(bare.name, "--remove", env=env)


@pytest.mark.long
def test_with_the_shell_and_tools_of_a_small_system(make: Callable[..., Host], tmp_path: Path) -> None:
    """As on Alpine."""
    subprocess.run([real("busybox"), "--install", "-s", tmp_path], check=True)
    host = make(path=tmp_path)
    before = tree(host.home)
    assert "a job has run there" in well(host.name, env=host.env)
    assert "nothing was changed" in well(host.name, env=host.env)
    well(host.name, "--remove", env=host.env)
    assert set(tree(host.home)) - set(before) == {".local", ".local/share", ".local/share/pueue"}


@pytest.mark.long
def test_the_daemon_is_found_with_and_without_a_runtime_directory(make: Callable[..., Host], tmp_path: Path) -> None:
    """As ssh sets XDG_RUNTIME_DIR on one machine and not on another, or not for cron."""
    host = make(login=f'[ ! -e "$HOME/session" ] || export XDG_RUNTIME_DIR={tmp_path}\n')
    well(host.name, env=host.env)
    (host.home / "session").touch()
    assert "nothing was changed" in well(host.name, env=host.env)
    for way in ("touch session", "rm session"):
        assert host.ssh(f"{way}; ~/.local/bin/pueue add -p -- true").returncode == 0
    assert len(daemons(host)) == 1
    assert len(host.tasks()) == 2


@pytest.mark.long
def test_a_daemon_in_a_session_is_pinned_where_it_is(make: Callable[..., Host], lab: Lab, tmp_path: Path) -> None:
    """Somebody has started it where XDG_RUNTIME_DIR is set; ssh comes without, and would believe that there is none."""
    host = make()
    place = host.home / "run"
    place.mkdir()
    env = host.pueue_env | {"XDG_RUNTIME_DIR": str(place)}
    theirs = lab.start(real("pueued"), env=env, cwd=host.home, log=host.home / "log")
    file = host.home / ".config/pueue/pueue.yml"
    until(lambda: list(place.glob("*.socket")), "the daemon")
    settings = file.read_text().replace("pause_group_on_failure: false", "pause_group_on_failure: true # mine")
    file.write_text(settings)

    done = setup(host.name, env=host.env)
    assert done.returncode == 0, done.stderr
    assert "then config: sets runtime_directory" in done.stderr
    assert "daemon:" not in done.stdout + done.stderr
    assert daemons(host) == [theirs.pid]
    assert "pause_group_on_failure: true # mine" in file.read_text()
    expected = yaml.safe_load(settings)
    expected["shared"]["runtime_directory"] = str(place)
    assert yaml.safe_load(file.read_text()) == expected
    assert host.tasks() == {}

    assert "nothing was changed" in well(host.name, env=host.env)
    well(host.name, "--remove", env=host.env)
    assert file.read_text() == settings
    assert not list(file.parent.glob("*before*"))
    assert theirs.poll() is None
    lab.end(theirs)


@pytest.mark.long
def test_a_daemon_with_a_queue_of_its_own_is_left_alone(bare: Host, lab: Lab) -> None:
    other = bare.home / "other"
    other.mkdir()
    config = other / "pueue.yml"
    config.write_text(json.dumps({"shared": {"pueue_directory": str(other), "runtime_directory": str(other)}}))
    command = [real("pueued"), "--config", config]
    theirs = lab.start(*command, env=bare.pueue_env, cwd=bare.home, log=other / "log")
    until(lambda: list(other.glob("*.socket")), "the daemon")
    done = setup(bare.name, env=bare.env)
    assert done.returncode == 0, done.stderr
    assert f"process {theirs.pid}, {config}) has a queue of its own; it was left alone" in done.stderr
    assert len(daemons(bare)) == 2
    well(bare.name, "--remove", env=bare.env)
    assert theirs.poll() is None
    lab.end(theirs)


@pytest.mark.parametrize("why", ["its socket is gone", "it hangs"])
@pytest.mark.long
def test_no_second_daemon_beside_one_that_does_not_answer(bare: Host, lab: Lab, why: str) -> None:
    theirs = lab.start(real("pueued"), env=bare.pueue_env, cwd=bare.home, log=bare.home / "log")
    socket = until(lambda: list(bare.home.glob(".local/share/pueue/*.socket")), "the daemon")
    if why == "it hangs":
        theirs.send_signal(signal.SIGSTOP)
    else:
        socket[0].unlink()
    copy_pueue(Path(real("pueue")).parent, bare.home / ".local/bin")
    before = tree(bare.home)
    done = setup(bare.name, env=bare.env)
    assert done.returncode == 1
    assert f"a pueued runs there (process {theirs.pid})" in done.stderr
    assert "overwrite its queue" in done.stderr
    assert tree(bare.home) == before
    theirs.send_signal(signal.SIGCONT)
    lab.end(theirs)


@pytest.mark.long
def test_two_at_once_make_one_queue(bare: Host) -> None:
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


def test_a_host_that_was_changed_since_it_was_looked_at_is_left(bare: Host) -> None:
    where = model.Host(bare.name)

    def answer(script: str) -> Text:
        return bare.ssh("sh -s", stdin=None, input=script)

    found = pueue_provision.read_look(answer(pueue_provision.look_script(where, "http://[", False)).stdout)
    script = pueue_provision.do_script(where, "", found.mark, [Step("one", "", "", 'touch "$HOME/made"\n')], {})
    (bare.home / ".config/pueue").mkdir(parents=True)
    (bare.home / ".config/pueue/pueue.yml").write_text("client: {}\n")
    done = answer(script)
    assert (done.returncode, (bare.home / "made").exists()) == (pueue_provision.CHANGED, False)
    (bare.home / ".config/pueue/pueue.yml").unlink()
    done = answer(script)
    assert (pueue_provision.read_do(done.stdout), (bare.home / "made").exists()) == (("one", 0, True), True)


def test_a_project_may_not_say_where_programs_come_from(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / ".pueue-skill.toml").write_text('[setup]\nurl = "http://evil.example.org"\n')
    done = subprocess.run(
        ["pueue-skill", "setup", "local", "--dry-run"], env=lab.env, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "setup: a project may not say where programs come from" in done.stderr


@pytest.mark.long
def test_a_connection_that_breaks_is_made_up_for(make: Callable[..., Host], tmp_path: Path) -> None:
    """It breaks while the programs come: the first gzip there, which unpacks them, waits until it may go on."""
    comes, goes_on = tmp_path / "comes", tmp_path / "goes-on"
    program = tmp_path / "bin/gzip"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\nif mkdir {comes} 2>/dev/null; then until [ -e {goes_on} ]; do sleep 0.05; done; fi\n"
        f'exec {real("gzip")} "$@"\n'
    )
    program.chmod(0o755)
    bare = make(path=program.parent)
    before = tree(bare.home)
    command = ["pueue-skill", "setup", bare.name]
    with subprocess.Popen(command, env=bare.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        until(lambda: comes.exists() or one.poll() is not None, "the programs to come", 50)
        assert list(bare.home.glob(".local/bin/.pueue-new-*"))
        bare.kill_connections()
        _, said = one.communicate(timeout=120)
    assert one.returncode == 4
    assert "Run it again" in said
    goes_on.touch()
    assert "a job has run there" in well(bare.name, env=bare.env)
    assert not list(bare.home.glob(".local/bin/.pueue-new-*"))
    well(bare.name, "--remove", env=bare.env)
    assert set(tree(bare.home)) - set(before) == {".local", ".local/share", ".local/share/pueue"}


@pytest.mark.long
def test_a_release_is_fetched_by_the_host(bare: Host, tmp_path: Path, release: tuple[str, dict[str, str]]) -> None:
    env = configured(bare.env, tmp_path, mirror(*release))
    assert "fetches pueue 4.0.4 into ~/.local/bin, checked" in well(bare.name, env=env)
    assert bare.pueue("--version") == "pueue 4.0.4"


@pytest.mark.long
def test_or_through_this_machine_where_the_host_reaches_no_network(
    make: Callable[..., Host], tmp_path: Path, release: tuple[str, dict[str, str]]
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for program in [*Path("/bin").iterdir(), *Path("/usr/bin").iterdir()]:
        if program.name not in ("curl", "wget") and not (tools / program.name).exists():
            (tools / program.name).symlink_to(program)
    host = make(login=f"PATH={tools}\n")
    env = configured(host.env, tmp_path, mirror(*release))
    assert "fetches pueue 4.0.4 into ~/.local/bin through this machine" in well(host.name, env=env)


@pytest.mark.parametrize("local", [False, True], ids=["host", "local"])
@pytest.mark.long
def test_a_wrong_checksum_is_refused(
    bare: Host, tmp_path: Path, lab: Lab, release: tuple[str, dict[str, str]], local: bool
) -> None:
    url, sums = release
    env = configured(bare.env, tmp_path, mirror(url, sums | {f"pueued-{TARGET}": "0" * 64}))
    home = bare.home
    if local:
        env |= {"HOME": str(home), "PATH": f"{Path(real('pueue-skill')).parent}:{SYSTEM_PATH}"}
    before = tree(home)
    done = setup("local" if local else bare.name, env=env)
    assert done.returncode == 1
    assert f"{url}/pueued-{TARGET} has the SHA-256 sum {sums[f'pueued-{TARGET}']}, not 00000" in done.stderr
    assert not list(home.glob(".local/bin/*"))
    assert not list(home.glob(".config/pueue/*"))
    well("local" if local else bare.name, "--remove", env=env)
    assert set(tree(home)) == set(before)


@pytest.mark.long
def test_this_machine(home: Path, lab: Lab, tmp_path: Path, release: tuple[str, dict[str, str]]) -> None:
    env = configured(lab.env, tmp_path, mirror(*release) + "[hosts.local]\ngroups = { p1 = 2 }\n")
    env |= {"HOME": str(home), "PATH": f"{Path(real('pueue-skill')).parent}:{SYSTEM_PATH}"}
    del env["XDG_RUNTIME_DIR"]
    assert "a job has run there" in well("local", env=env)
    assert "nothing was changed" in well("local", env=env | {"XDG_RUNTIME_DIR": str(tmp_path)})
    ran = ["pueue-skill", "run", "--group", "p1", "--follow", "--", "exit 3"]
    assert subprocess.run(ran, env=env, timeout=120).returncode == 3
    well("local", "--remove", env=env)
    until(lambda: not strays(home), "the end of the daemon")
    assert set(tree(home)) <= {".local", ".local/share", ".local/share/pueue"}


@pytest.mark.parametrize(
    ("mount", "says"),
    [
        ("mount -t tmpfs -o size=1m none", "No space left on device"),
        ("mount -t tmpfs -o ro none", "Read-only file system"),
    ],
    ids=["full", "read-only"],
)
@pytest.mark.long
def test_a_disk_that_takes_nothing(make: Callable[..., Host], mount: str, says: str) -> None:
    """A file system of its own over ~/.local/bin in each login, which is gone with it."""
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
def test_nothing_is_taken_back_while_jobs_run(bare: Host) -> None:
    well(bare.name, env=bare.env)
    task = bare.pueue("add", "-p", "--", "until [ -e go ]; do sleep 0.05; done")
    before = tree(bare.home)
    done = setup(bare.name, "--remove", env=bare.env)
    assert (done.returncode, tree(bare.home)) == (1, before)
    assert "1 jobs are not done" in done.stderr
    (bare.home / "go").touch()
    assert bare.result(task) == "Success"
    (bare.home / ".config/pueue/pueue.yml").write_text("# mine now\n")
    done = setup(bare.name, "--remove", env=bare.env)
    assert done.returncode == 0
    assert "left: ~/.config/pueue/pueue.yml, which was changed since" in done.stderr
    assert {name for name in tree(bare.home) if "bin" in name or "yml" in name} == {".config/pueue/pueue.yml"}


@pytest.mark.long
def test_an_older_pueue_is_said_and_left(bare: Host) -> None:
    if not OLD:
        (pytest.fail if REQUIRE_ALL else pytest.skip)("pueue 3 is missing: python tools/get_pueue.py old")
    copy_pueue(OLD, bare.home / ".local/bin")
    before = tree(bare.home)
    done = setup(bare.name, env=bare.env)
    assert done.returncode == 1
    assert "pueue 3.4.1 is installed" in done.stderr
    assert "--upgrade" in done.stderr
    assert "version 3.4.1 is there" in well(bare.name, "--upgrade", "--dry-run", env=bare.env)
    assert tree(bare.home) == before
    assert "version 3.4.1 is there" in well(bare.name, "--upgrade", env=bare.env)
    assert bare.pueue("--version") == "pueue 4.0.4"
    well(bare.name, "--remove", env=bare.env)
    assert bare.pueue("--version").startswith("pueue 3.4.1")
    assert {name: sum for name, sum in tree(bare.home).items() if name in before} == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("shared: {use_unix_socket: true}\n", "add this below `shared` yourself"),
        ("shared: [", "is no YAML"),
        ("shared: 3\n", "is no table"),
    ],
)
def test_a_pueue_yml_that_cannot_be_changed_is_left(bare: Host, text: str, says: str) -> None:
    file = bare.home / ".config/pueue/pueue.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    before = tree(bare.home)
    done = setup(bare.name, env=bare.env)
    assert (done.returncode, tree(bare.home)) == (1, before)
    assert says in done.stderr


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
        found = yaml.safe_load(provision_steps.extended(text, table, key, value))
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


@pytest.mark.parametrize(
    ("manager", "called"),
    [
        ("brew", "install --quiet pueue"),
        ("nix", "--extra-experimental-features nix-command flakes profile install nixpkgs#pueue"),
        ("apk", "add --quiet pueue"),
        ("pacman", "--sync --needed --noconfirm pueue"),
        ("cargo", "install pueue --version 4.0.4 --locked --quiet --root"),
    ],
)
@pytest.mark.long
def test_package_managers_are_called_without_a_question(
    make: Callable[..., Host], tmp_path: Path, manager: str, called: str, release: tuple[str, dict[str, str]]
) -> None:
    """Stand-ins, since none of them can be had everywhere: what they are called with, and what is made of what they bring."""
    bring = f"cp {real('pueue')} {real('pueued')}"
    where = '"${9}/bin"' if manager == "cargo" else str(tmp_path / "opt")
    text = f"""#!/bin/sh
if [ "$1" = --version ]; then echo {manager} 1.95.0; exit; fi
echo "$*" >>{tmp_path}/called
case $* in
  *uninstall*|*del*|*remove*) rm {tmp_path}/opt/pueue* ;;
  *) mkdir -p {where.replace("${9}", "${8}")} && {bring} {where.replace("${9}", "${8}")} ;;
esac
"""
    for name in (manager, "rustc", "sudo"):
        program = tmp_path / "opt" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            text if name == manager else '#!/bin/sh\n[ "$1" = -n ] && shift && exec "$@"\necho rustc 1.95.0\n'
        )
        program.chmod(0o755)
    host = make(path=tmp_path / "opt")
    env = configured(host.env, tmp_path, f'[setup]\nurl = "{release[0]}/nothing"\n')  # a network, and no release
    assert "a job has run there" in well(host.name, env=env)
    assert (tmp_path / "called").read_text().startswith(called)
    assert host.pueue("--version") == "pueue 4.0.4"
    before = {name for name in tree(host.home) if "bin" in name}
    assert before == {".local/bin", ".local/bin/pueue", ".local/bin/pueued"}
    well(host.name, "--remove", env=env)
    assert not {name for name in tree(host.home) if "bin" in name}
    assert not (tmp_path / "opt/pueue").exists()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.down()


def tells(host: Host, receiver: Receiver) -> Path:
    """Gives a host a pueue-skill and a configuration of its own; its pueue.yml."""
    program = host.home / ".local/bin/pueue-skill"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.symlink_to(real("pueue-skill"))
    file = host.home / ".config/pueue-skill/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'[[notify]]\nurl = "{receiver.url}"\n')
    return host.home / ".config/pueue/pueue.yml"


def called_by(file: Path) -> str | None:
    found: str | None = (yaml.safe_load(file.read_text()).get("daemon") or {}).get("callback")
    return found


@pytest.mark.long
def test_a_host_that_tells_somebody_has_pueue_call(bare: Host, receiver: Receiver) -> None:
    file = tells(bare, receiver)
    before = tree(bare.home)
    assert "daemon.callback: " in well(bare.name, env=bare.env)
    assert called_by(file) == callback(f"{bare.home}/.local/bin/pueue-skill")
    written, (daemon,) = file.read_text(), daemons(bare)
    assert "nothing was changed" in well(bare.name, env=bare.env)
    assert (file.read_text(), daemons(bare)) == (written, [daemon])

    for label in HOSTILE:
        bare.pueue("add", f"--label={label}", "--", f"cat >/dev/null <<'END'\n{label}\nEND\nexit 3")
    until(lambda: "".join(receiver.bodies()).count("failed with exit code 3") >= len(HOSTILE), "the notices", 50)
    for label in HOSTILE:
        assert f"({' '.join(label.split())}) failed with exit code 3" in "\n".join(receiver.bodies())
    assert not list(bare.home.rglob("RAN"))

    until(lambda: not [task for task in bare.tasks().values() if "Done" not in task["status"]], "the ends")
    well(bare.name, "--remove", env=bare.env)
    made = {name for name in set(tree(bare.home)) - set(before) if not name.startswith(".local/share/pueue")}
    assert made <= {".local/share", ".local/state"}


@pytest.mark.long
def test_a_daemon_with_jobs_reads_its_callback_when_it_starts_next(bare: Host, receiver: Receiver) -> None:
    well(bare.name, env=bare.env)
    bare.pueue("parallel", "--group", "default", "2")
    (daemon,) = daemons(bare)
    task = bare.pueue("add", "-p", "--", "until [ -e go ]; do sleep 0.05; done")
    file = tells(bare, receiver)
    for _ in range(2):
        done = setup(bare.name, env=bare.env)
        assert done.returncode == 0, done.stderr
        assert "the daemon reads its callback when it starts next" in done.stderr
        assert "restart" not in done.stdout
        assert daemons(bare) == [daemon]
        assert called_by(file)
    (bare.home / "go").touch()
    assert bare.result(task) == "Success"

    done = setup(bare.name, env=bare.env)
    assert done.returncode == 0, done.stderr
    assert "reads its callback when it starts next" not in done.stderr
    assert "restart: starts the daemon anew" in done.stdout
    assert daemons(bare) != [daemon]
    assert bare.result(task) == "Success"
    assert "nothing was changed" in well(bare.name, env=bare.env)
    bare.pueue("add", "--label=told", "--", "exit 3")
    until(lambda: "(told) failed with exit code 3" in str(receiver.bodies()), "the notice", 30)

    well(bare.name, "--remove", env=bare.env)
    assert not file.exists()
    assert not list(file.parent.glob("*before*"))


@pytest.mark.long
def test_a_daemon_that_somebody_started_is_not_started_anew(bare: Host, receiver: Receiver, lab: Lab) -> None:
    theirs = lab.start(real("pueued"), env=bare.pueue_env, cwd=bare.home, log=bare.home / "log")
    file = tells(bare, receiver)
    until(lambda: list(bare.home.glob(".local/share/pueue/*.socket")), "the daemon")
    original = file.read_text()
    done = setup(bare.name, env=bare.env)
    assert done.returncode == 0, done.stderr
    assert "the daemon reads its callback when it starts next" in done.stderr
    assert daemons(bare) == [theirs.pid]
    assert called_by(file)
    done = setup(bare.name, "--remove", env=bare.env)
    assert done.returncode == 0
    assert f"left: the callback in the daemon that runs (process {theirs.pid})" in done.stderr
    assert file.read_text() == original
    lab.end(theirs)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('daemon:\n  callback: "echo mine"\n', "has a callback of its own, which was kept"),
        ("daemon: { pause_all_on_failure: false }\n", "add this below `daemon` yourself"),
    ],
)
@pytest.mark.long
def test_a_callback_that_is_there_or_cannot_be_written_is_said(
    bare: Host, receiver: Receiver, text: str, says: str
) -> None:
    file = tells(bare, receiver)
    file.parent.mkdir(parents=True)
    file.write_text(text)
    for _ in range(2):
        done = setup(bare.name, env=bare.env)
        assert done.returncode == 0, done.stderr
        assert says in done.stderr
    assert text in file.read_text()
    assert called_by(file) == ("echo mine" if "mine" in text else None)


@pytest.mark.long
def test_without_a_target_there_no_callback_is_written(bare: Host, receiver: Receiver) -> None:
    file = tells(bare, receiver)
    (bare.home / ".config/pueue-skill/config.toml").write_text("# [[notify]]\n[run]\nwait = 5\n")
    assert "callback" not in well(bare.name, env=bare.env)
    assert called_by(file) is None


@pytest.mark.parametrize("link", ["symbolic", "hard"])
def test_a_look_runs_no_proxy_of_rustup(bare: Host, tmp_path: Path, link: str) -> None:
    """What lies in ~/.cargo/bin under the names of a toolchain writes below the home when it runs; the toolchain itself does not."""
    folder = bare.home / ".cargo/bin"
    folder.mkdir(parents=True)
    proxy = folder / "rustup"
    proxy.write_text(f'#!/bin/sh\necho "$0" >>{tmp_path}/ran\nmkdir -p "$HOME/.rustup/tmp"\necho "rustc 1.1.1"\n')
    proxy.chmod(0o755)
    for name in ("cargo", "rustc", "rustfmt"):
        (folder / name).symlink_to("rustup") if link == "symbolic" else (folder / name).hardlink_to(proxy)
    before = tree(bare.home)
    commands = [["setup", bare.name, "--dry-run"], ["audit", bare.name], ["doctor", bare.name]]

    def look() -> str:
        runs = [
            subprocess.run(["pueue-skill", *words], env=bare.env, capture_output=True, text=True) for words in commands
        ]
        script = pueue_provision.look_script(model.Host(bare.name, bare.name), "http://127.0.0.1:9", False)
        found = pueue_provision.read_look(bare.ssh("sh", stdin=None, input=script).stdout)
        assert tree(bare.home) == before, [run.stderr for run in runs]
        assert not (tmp_path / "ran").exists()
        return found.rust

    assert look() == ""
    toolchain = bare.home / ".rustup/toolchains/stable-here/bin/rustc"
    toolchain.parent.mkdir(parents=True)
    toolchain.write_text("#!/bin/sh\necho 'rustc 1.95.0 (59807616e 2026-04-14)'\n")
    toolchain.chmod(0o755)
    (bare.home / ".rustup/settings.toml").write_text('version = "12"\ndefault_toolchain = "stable-here"\n')
    before = tree(bare.home)
    assert look() == "1.95.0 (59807616e 2026-04-14)"


LINUX = Found(
    os="Linux", arch="x86_64", home="/home/dev", uid="1000", user="dev", config="/home/dev/.config/pueue/pueue.yml",
    data="/home/dev/.local/share/pueue", network=True, fetch="curl", digest="sha256sum", room=10**7,
)  # fmt: skip
MAC = LINUX._replace(os="Darwin", arch="aarch64", launchd=True)


@pytest.mark.parametrize(
    ("found", "wish", "source"),
    [
        (LINUX, Wish(), "release"),
        (LINUX._replace(managers=("apk",)), Wish(), "apk"),
        (LINUX._replace(managers=("apk",)), Wish(without={"apk"}), "release"),
        (MAC, Wish(), "release"),
        (LINUX._replace(arch="riscv64", rust="1.88.0 (a 2025-06-23)"), Wish(), "cargo"),
        (LINUX._replace(network=False), Wish(here=MAC), "download"),
        (
            LINUX._replace(network=False),
            Wish(here=LINUX._replace(network=False, version="4.0.4", daemon_version="4.0.4")),
            "copy",
        ),
    ],
)
def test_the_best_source_there_is(found: Found, wish: Wish, source: str) -> None:
    assert next(step.instead for step in provision_steps.steps(found, wish) if step.name == "pueue") == source


@pytest.mark.parametrize(
    ("found", "wish", "says"),
    [
        (LINUX._replace(network=False), Wish(), "no source of pueue 4.0.4"),
        (LINUX._replace(arch="riscv64"), Wish(), "no source of pueue 4.0.4 for Linux riscv64"),
        (LINUX._replace(arch="riscv64", rust="1.70.0"), Wish(), "no source"),
        (
            LINUX._replace(network=False),
            Wish(here=MAC._replace(network=False, version="4.0.4", daemon_version="4.0.4")),
            "no source",
        ),
        (LINUX._replace(room=2000), Wish(), "2 MB are free"),
        (LINUX._replace(version="3.4.1", daemon_version="3.4.1", place="", unfinished=2), Wish(upgrade=True), "2 jobs"),
    ],
)
def test_where_there_is_none(found: Found, wish: Wish, says: str) -> None:
    with pytest.raises(Refusal, match=says):
        provision_steps.steps(found, wish)


@pytest.mark.parametrize(
    ("found", "wish", "place"),
    [
        (LINUX, Wish(), "/home/dev/.local/share/pueue"),
        (LINUX._replace(systemd="system"), Wish(), "/run/user/1000"),
        (LINUX._replace(systemd="user"), Wish(without={"linger"}), "/home/dev/.local/share/pueue"),
        (LINUX._replace(systemd="user"), Wish(pinned="/mine"), "/mine"),
        (LINUX._replace(place="/there", version="4.0.4", daemon_version="4.0.4"), Wish(), "/there"),
    ],
)
def test_where_the_socket_is(found: Found, wish: Wish, place: str) -> None:
    assert provision_steps.runtime_directory(found, wish) == place


def test_every_target_has_both_checksums() -> None:
    assert set(provision_steps.SHA256) == {
        f"{name}-{target}" for target in provision_steps.TARGETS.values() for name in ("pueue", "pueued")
    }
    assert len(set(provision_steps.SHA256.values())) == len(provision_steps.SHA256)


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    """By its own checker; a key that it does not know would only be a warning without the option."""
    daemon = tmp_path / "with blank % and $" / "pueued"
    daemon.parent.mkdir()
    shutil.copy(real("pueued"), daemon)
    unit = tmp_path / "pueued.service"
    unit.write_text(provision_steps.unit_text(str(daemon), "/home/dev/a $b/pueue.yml", "/home/dev/it's"))
    verify = [real("systemd-analyze"), "verify", "--user", "--recursive-errors=yes", unit]
    done = subprocess.run(
        verify,
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path), "PATH": SYSTEM_PATH, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "KillMode" not in unit.read_text()


def test_the_launchd_agent_says_what_to_start() -> None:
    made = plistlib.loads(provision_steps.plist_text("/opt/a & b/pueued", "/c/pueue.yml", "/r", "/d").encode())
    assert made["ProgramArguments"][:2] == ["/bin/sh", "-c"]
    assert made["ProgramArguments"][2].endswith("; exec '/opt/a & b/pueued' --config /c/pueue.yml")
    assert (made["RunAtLoad"], made["KeepAlive"]) == (True, {"SuccessfulExit": False})
    (step,) = [step for step in provision_steps.steps(MAC, Wish()) if step.name == "service"]
    assert "launchctl bootstrap" in step.script
    assert subprocess.run(["sh", "-n"], input=step.script, text=True).returncode == 0


@pytest.mark.parametrize(("program", "left"), [("sleep", False), ("pueued", True)])
def test_the_process_id_of_a_daemon_that_is_gone_is_removed(tmp_path: Path, program: str, left: bool) -> None:
    """After a crash another process may have it; a daemon would not start beside that. One that runs keeps it."""
    shutil.copy(real("sleep"), tmp_path / program)
    with subprocess.Popen([tmp_path / program, "60"]) as other:
        (tmp_path / "pueue.pid").write_text(str(other.pid))
        until(lambda: processes()[other.pid][1] == program, "its name")
        subprocess.run(["sh", "-e", "-c", provision_steps.unstale(str(tmp_path))], check=True)
        other.kill()
    assert (tmp_path / "pueue.pid").exists() is left
    subprocess.run(["sh", "-e", "-c", provision_steps.unstale(str(tmp_path))], check=True)
    assert not (tmp_path / "pueue.pid").exists()


@pytest.fixture
def boots(lab: Lab, pueued: Daemon) -> Iterator[Callable[..., Booted]]:
    made: list[Booted] = []

    def host(**options: bool) -> Booted:
        made.append(Booted(lab, next(names), **options))
        return made[-1]

    yield host
    for one in made:
        one.stop()


@pytest.mark.long
def test_with_systemd_it_is_a_service_that_comes_back(boots: Callable[..., Booted]) -> None:
    """Over an ssh that has no session: no XDG_RUNTIME_DIR, no user manager until the user lingers."""
    host = boots()
    assert [line.split()[1] for line in well(host.name, env=host.env).splitlines()[1:5]] == ["linger:", "pueue:", "config:", "service:"]  # fmt: skip
    assert host.systemctl("is-enabled", "pueued") == "enabled"
    for name, value in {"OOMPolicy": "continue", "KillMode": "control-group", "NRestarts": "0"}.items():
        assert host.systemctl(f"show --property {name} --value pueued") == value
    after = tree(host.home)
    assert "nothing was changed" in well(host.name, env=host.env)
    assert tree(host.home) == after

    pueue = "~/.local/bin/pueue"
    assert host.ssh(f"{pueue} add -p -- 'exec sleep 60'; {pueue} add -p -- true").returncode == 0
    until(lambda: host.inside("pgrep", "-f", "sleep 60").stdout, "the job")
    host.inside("pkill", "-KILL", "-x", "pueued")
    until(lambda: host.systemctl("show --property NRestarts --value pueued") == "1", "the new daemon")
    until(lambda: host.ssh(f"{pueue} status").returncode == 0, "its answer")
    assert host.inside("pgrep", "-f", "sleep 60").stdout == ""
    tasks = json.loads(host.ssh(f"{pueue} status --json").stdout)["tasks"]
    assert tasks["0"]["status"]["Done"]["result"] == "Killed"

    host.cut_power()
    host.boot()
    until(lambda: host.ssh(f"{pueue} status").returncode == 0, "the daemon after a boot")
    assert "nothing was changed" in well(host.name, env=host.env)
    host.ssh(f"{pueue} start; {pueue} wait")

    well(host.name, "--remove", env=host.env)
    assert host.inside("pgrep", "pueued").stdout == ""
    assert not list((host.root / "linger").iterdir())
    assert set(tree(host.home)) == {".local", ".local/share", ".local/share/pueue"}


@pytest.mark.long
def test_where_only_an_administrator_may_let_it_linger(boots: Callable[..., Booted]) -> None:
    """A unit would end with the last login, and all jobs with it: a daemon by itself does not."""
    host = boots(may_linger=False)
    done = setup(host.name, env=host.env)
    assert done.returncode == 0, done.stderr
    assert "then daemon: starts pueued by itself" in done.stderr
    assert "sudo loginctl enable-linger dev" in done.stderr
    daemon = host.inside("pgrep", "pueued").stdout
    assert daemon
    assert host.ssh("~/.local/bin/pueue status").returncode == 0

    host.inside("loginctl", "enable-linger", "dev")
    assert "the daemon that runs goes on" in well(host.name, env=host.env)
    assert host.inside("pgrep", "pueued").stdout == daemon
    assert "nothing was changed" in well(host.name, env=host.env)
    # Its process id outlives the power cut, and may be another's after it.
    assert "\nExecStartPre=" in (host.home / ".config/systemd/user/pueued.service").read_text()
    host.cut_power()
    host.boot()
    until(lambda: host.systemctl("is-active", "pueued") == "active", "the service")
    assert host.ssh("~/.local/bin/pueue status").returncode == 0
    well(host.name, "--remove", env=host.env)
    assert list((host.root / "linger").iterdir())  # it was the administrator's


@pytest.mark.long
def test_a_unit_of_the_users_own_is_used_as_it_is(boots: Callable[..., Booted]) -> None:
    host = boots()
    unit = host.home / ".config/systemd/user/pueued.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=%h/.local/bin/pueued -v\n[Install]\nWantedBy=default.target\n")
    host.inside("chown", "-R", "dev:", "/home/dev")
    before = tree(host.home)
    well(host.name, env=host.env)
    assert host.systemctl("is-active", "pueued") == "active"
    well(host.name, "--remove", env=host.env)
    assert {name: sum for name, sum in tree(host.home).items() if not name.startswith(".local")} == before


@pytest.mark.long
def test_a_service_is_started_anew_for_its_callback(boots: Callable[..., Booted]) -> None:
    """With a stand-in for pueue-skill, as this one is not there after a boot."""
    host = boots()
    well(host.name, env=host.env)
    before = host.systemctl("show --property MainPID --value pueued")
    program, file = host.home / ".local/bin/pueue-skill", host.home / ".config/pueue-skill/config.toml"
    program.write_text('#!/bin/sh\necho "$*" >>"$HOME/told"\n')
    program.chmod(0o755)
    file.parent.mkdir()
    file.write_text('[[notify]]\nurl = "json://127.0.0.1"\n')
    host.inside("chown", "-R", "dev:", "/home/dev")
    assert "restart: starts the daemon anew" in well(host.name, env=host.env)
    assert host.systemctl("show --property MainPID --value pueued") != before
    assert host.ssh("~/.local/bin/pueue add -- exit 3").returncode == 0
    told = host.home / "told"
    until(lambda: told.exists() and "--result Failed" in told.read_text(), "the call")
    assert "nothing was changed" in well(host.name, env=host.env)
