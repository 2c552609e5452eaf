"""`setup` on a host whose configuration has targets of notifications: pueue calls `notify` there, and only there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from provision import daemons, setup, tree, well
from real import Host, Lab, real, until
from receiver import HOSTILE, Receiver

from pueue_skill.queues.pueue.site import callback

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.down()


def install_with_target(host: Host, receiver: Receiver) -> Path:
    """Install pueue-skill with a target of notifications on a host, and return the path of its pueue.yml."""
    program = host.home / ".local/bin/pueue-skill"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.symlink_to(real("pueue-skill"))
    file = host.home / ".config/pueue-skill/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'[[notify]]\nurl = "{receiver.url}"\n')
    return host.home / ".config/pueue/pueue.yml"


def callback_in(file: Path) -> str | None:
    found: str | None = (yaml.safe_load(file.read_text()).get("daemon") or {}).get("callback")
    return found


@pytest.mark.long
def test_pueue_calls_notify_on_a_host_with_a_target(bare: Host, receiver: Receiver) -> None:
    file = install_with_target(bare, receiver)
    before = tree(bare.home)
    assert "daemon.callback: " in well(bare.name, env=bare.env)
    assert callback_in(file) == callback(f"{bare.home}/.local/bin/pueue-skill")
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
def test_a_daemon_with_jobs_uses_the_callback_after_its_next_start(bare: Host, receiver: Receiver) -> None:
    well(bare.name, env=bare.env)
    bare.pueue("parallel", "--group", "default", "2")
    (daemon,) = daemons(bare)
    task = bare.pueue("add", "-p", "--", "until [ -e go ]; do sleep 0.05; done")
    file = install_with_target(bare, receiver)
    for _ in range(2):
        done = setup(bare.name, env=bare.env)
        assert done.returncode == 0, done.stderr
        assert "the daemon uses the new callback after its next start" in done.stderr
        assert "restart" not in done.stdout
        assert daemons(bare) == [daemon]
        assert callback_in(file)
    (bare.home / "go").touch()
    assert bare.result(task) == "Success"

    done = setup(bare.name, env=bare.env)
    assert done.returncode == 0, done.stderr
    assert "uses the new callback after its next start" not in done.stderr
    assert "restart: restarts the daemon" in done.stdout
    assert daemons(bare) != [daemon]
    assert bare.result(task) == "Success"
    assert "nothing was changed" in well(bare.name, env=bare.env)
    bare.pueue("add", "--label=told", "--", "exit 3")
    until(lambda: "(told) failed with exit code 3" in str(receiver.bodies()), "the notice", 30)

    well(bare.name, "--remove", env=bare.env)
    assert not file.exists()
    assert not list(file.parent.glob("*before*"))


@pytest.mark.long
def test_a_daemon_that_setup_did_not_start_is_not_restarted(bare: Host, receiver: Receiver, lab: Lab) -> None:
    theirs = lab.start(real("pueued"), env=bare.pueue_env, cwd=bare.home, log=bare.home / "log")
    file = install_with_target(bare, receiver)
    until(lambda: list(bare.home.glob(".local/share/pueue/*.socket")), "the daemon")
    original = file.read_text()
    done = setup(bare.name, env=bare.env)
    assert done.returncode == 0, done.stderr
    assert "the daemon uses the new callback after its next start" in done.stderr
    assert daemons(bare) == [theirs.pid]
    assert callback_in(file)
    done = setup(bare.name, "--remove", env=bare.env)
    assert done.returncode == 0
    assert f"kept: the callback in the running daemon (process {theirs.pid})" in done.stderr
    assert file.read_text() == original
    lab.end(theirs)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('daemon:\n  callback: "echo mine"\n', "has another callback, which was left as is"),
        ("daemon: { pause_all_on_failure: false }\n", "add this line below `daemon` yourself"),
    ],
)
@pytest.mark.long
def test_an_existing_callback_or_one_that_setup_cannot_write(
    bare: Host, receiver: Receiver, text: str, says: str
) -> None:
    file = install_with_target(bare, receiver)
    file.parent.mkdir(parents=True)
    file.write_text(text)
    for _ in range(2):
        done = setup(bare.name, env=bare.env)
        assert done.returncode == 0, done.stderr
        assert says in done.stderr
    assert text in file.read_text()
    assert callback_in(file) == ("echo mine" if "mine" in text else None)
    line = re.search(r"below `daemon` yourself:\n  (.+)\n", done.stderr)
    if line:
        content = yaml.safe_load(file.read_text())
        content["daemon"] |= yaml.safe_load(line[1])
        file.write_text(yaml.safe_dump(content))
        assert callback_in(file) == callback(f"{bare.home}/.local/bin/pueue-skill")
        assert "below `daemon` yourself" not in setup(bare.name, env=bare.env).stderr


@pytest.mark.long
def test_without_a_target_no_callback_is_written(bare: Host, receiver: Receiver) -> None:
    file = install_with_target(bare, receiver)
    (bare.home / ".config/pueue-skill/config.toml").write_text("# [[notify]]\n[run]\nwait = 5\n")
    assert "callback" not in well(bare.name, env=bare.env)
    assert callback_in(file) is None
