"""Notifications: a real receiver on loopback, a real pueued with a callback, and labels and commands that would run if they could."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real import Daemon, Lab, local, until
from receiver import HOSTILE, Receiver

from pueue_skill.configuration import config
from pueue_skill.configuration.errors import ConfigError
from pueue_skill.configuration.schema import NotifyTable
from pueue_skill.notify import compose, deliver
from pueue_skill.notify.deliver import Sent
from pueue_skill.queues.pueue.site import callback
from pueue_skill.queues.pueue.state import read_queue
from pueue_skill.state import outbox, paths
from pueue_skill.state.locks import try_lock
from pueue_skill.state.outbox import Notification

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # apprise's, on Python 3.11 and 3.12

HERE = os.uname().nodename
NIGHT = dt.datetime(2026, 11, 24, 23, 0)
MORNING = dt.datetime(2026, 11, 25, 7, 0)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.down()


@pytest.fixture
def target(receiver: Receiver) -> NotifyTable:
    return NotifyTable.model_validate({"url": receiver.url, "quiet": "22:00-07:00"})


def notice(number: int, kind: Any = "failures") -> Notification:
    return Notification(kind, f"event {number}", f"title {number}", f"text {number}", kind == "failures")


NOON = dt.datetime(2026, 11, 24, 12, 0)


# Pending notifications, and their delivery


def test_a_notification_is_sent_once_by_concurrent_senders(receiver: Receiver, target: NotifyTable) -> None:
    sent = Sent("json://127.0.0.1", "")
    assert deliver.notify([target], [notice(1)], NOON) == [sent]
    assert deliver.notify([target], [notice(1)], NOON) == []
    assert deliver.notify([target], [notice(1), notice(2)], NOON) == [sent]
    assert [(one["title"], one["message"], one["type"]) for one in receiver.got] == [
        ("title 1", "text 1", "failure"), ("title 2", "text 2", "failure"),
    ]  # fmt: skip


def test_a_receiver_that_was_down_gets_its_notifications_later(receiver: Receiver, target: NotifyTable) -> None:
    receiver.down()
    (sent,) = deliver.notify([target], [notice(1)], NOON)
    assert "onnection error" in sent.why
    receiver.up()
    receiver.answers = 503
    (sent,) = deliver.notify([target], [notice(2)], NOON)
    assert "503" in sent.why
    receiver.answers = 200
    assert deliver.deliver_pending([target], NOON) == [Sent("json://127.0.0.1", "")]
    assert deliver.deliver_pending([target], NOON) == []
    (one,) = receiver.got
    assert one["title"] == "2 jobs failed"
    assert [line.split(" ", 2)[2] for line in one["message"].split("\n")] == ["text 1", "text 2"]


def test_notifications_during_quiet_hours_become_one_message(receiver: Receiver, target: NotifyTable) -> None:
    for number, (kind, now) in enumerate([("failures", NIGHT), ("groups", NIGHT), ("batches", MORNING - dt.timedelta(seconds=1))]):  # fmt: skip
        assert deliver.notify([target], [notice(number, kind)], now) == []
    assert receiver.got == []
    deliver.deliver_pending([target], MORNING)
    (one,) = receiver.got
    assert one["title"] == "1 job failed, 1 group is empty, 1 batch ended"
    assert one["message"].split("\n") == ["Wed 06:59 text 2", "Tue 23:00 text 0", "Tue 23:00 text 1"]
    deliver.deliver_pending([target], MORNING)
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [
        ("22:00-07:00", ["22:00", "23:59", "00:00", "06:59"], ["07:00", "12:00", "21:59"]),
        ("12:30-13:00", ["12:30", "12:59"], ["12:29", "13:00", "00:00"]),
        ("", [], ["00:00", "12:00"]),
    ],
)
def test_quiet_hours(hours: str, inside: list[str], outside: list[str]) -> None:
    assert all(deliver.is_quiet(hours, dt.time.fromisoformat(time)) for time in inside)
    assert not any(deliver.is_quiet(hours, dt.time.fromisoformat(time)) for time in outside)


def test_each_target_has_its_own_events_hours_and_errors(receiver: Receiver) -> None:
    tables: list[dict[str, Any]] = [
        {"url": "json://127.0.0.1:1/dead"},
        {"url": receiver.url, "for": ["batches"]},
        {"url": receiver.url + "&other=1", "quiet": "11:00-13:00"},
    ]
    sent = deliver.notify([*map(NotifyTable.model_validate, tables)], [notice(1), notice(2, "batches")], NOON)
    assert [bool(one.why) for one in sent] == [True, False]
    assert receiver.bodies() == ["text 2"]


SENDER = """
import datetime as dt, sys
from pueue_skill.notify import deliver
from pueue_skill.configuration.schema import NotifyTable
from pueue_skill.state.outbox import Notification
number, url = sys.argv[1:]
both = [Notification("failures", f"event {n}", f"title {n}", f"text {n}", True) for n in ("all", number)]
print("ready", flush=True)
sys.stdin.readline()
deliver.notify([NotifyTable(url=url)], both, dt.datetime(2026, 11, 24, 12))
"""


@pytest.mark.long
def test_concurrent_callbacks_lose_and_repeat_no_notification(receiver: Receiver) -> None:
    callers = [
        subprocess.Popen([sys.executable, "-c", SENDER, str(number), receiver.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for number in range(8)
    ]  # fmt: skip
    for caller in callers:
        assert caller.stdout
        caller.stdout.readline()
    for caller in callers:
        caller.communicate(b"go\n", timeout=30)
        assert caller.returncode == 0
    words = [word for body in receiver.bodies() for word in body.split() if word.isdigit() or word == "all"]
    assert sorted(words) == sorted([*map(str, range(8)), "all"])


def test_a_callback_during_a_delivery_leaves_its_notification_to_that_process(
    receiver: Receiver, target: NotifyTable
) -> None:
    deliver.notify([target], [notice(1)], NIGHT)
    with try_lock(paths.delivery_lock()) as mine:
        assert mine
        assert deliver.deliver_pending([target], NOON) == []
    assert receiver.got == []
    deliver.deliver_pending([target], NOON)
    assert receiver.bodies() == ["text 1"]


def test_a_notification_that_cannot_be_stored_is_sent_at_once(
    receiver: Receiver, target: NotifyTable, home: Path
) -> None:
    Path(paths.data()).parent.mkdir(parents=True)
    Path(paths.data()).write_text("no folder")
    assert deliver.notify([target], [notice(1)], NIGHT) == [Sent("json://127.0.0.1", "", False)]
    assert receiver.bodies() == ["text 1"]


# What may be read by anybody


def test_secrets_in_urls_are_not_shown(receiver: Receiver, target: NotifyTable) -> None:
    receiver.down()
    said = str(deliver.send(target, "t", "b", True)) + repr(target) + target.model_dump_json()
    for url in (
        "tgram://123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/4711",
        "nonsense://hidden-hook",
        "json://:hidden-hook@",
    ):
        one = NotifyTable.model_validate({"url": url})
        said += deliver.visible_url(one) + deliver.without_secrets(one, f"Invalid {url}")
    for secret in ("pass-word", "hidden-hook", "deep-secret", "AAHdqTcvCH1", "123456789", "4711"):
        assert secret not in said
    assert "json://127.0.0.1" in said
    assert "tgram://…" in said


def test_texts_are_masked_and_harmless() -> None:
    text = "curl -H 'Authorization: Bearer abcdefghijkl' x://u:secret@h\n\x1b[31m\u202ered --password=hunter2"
    assert compose.plain(text) == "curl -H 'Authorization: Bearer ***' x://u:***@h �[31m�red --password=***"


def test_a_project_cannot_configure_recipients(tmp_path: Path) -> None:
    (tmp_path / ".pueue-skill.toml").write_text('[[notify]]\nurl = "json://evil.example"\n')
    with pytest.raises(ConfigError, match="notify: a project may not"):
        config.load(tmp_path)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (
            'for = ["all"]\nurl = "json://h"',
            'notify[0].for[0]: expected "failures", "groups" or "batches", found "all"',
        ),
        (
            'url = "json://h"\nquiet = "22-7"',
            'notify[0].quiet: expected two times of the day, such as 22:00-07:00, found "22-7"',
        ),
        ("quiet = ''", "notify[0]: the key url is missing"),
    ],
)
def test_an_error_names_the_key(home: Path, table: str, says: str) -> None:
    config.user_file().parent.mkdir(parents=True)
    config.user_file().write_text(f"[[notify]]\n{table}\n")
    with pytest.raises(ConfigError) as error:
        config.load(home)
    assert says in str(error.value)


# What has happened


def queue(*tasks: tuple[int, str, Any], start: int = 0) -> Any:
    """Return a queue of group g; a task is (minute of its end, label, result), and a task without result runs."""
    made: dict[str, Any] = {}
    for id, (minute, label, result) in enumerate(tasks, start):
        times = {"enqueued_at": at(0), "start": at(max(0, minute - 1))}
        status = {"Done": times | {"end": at(minute), "result": result}} if result else {"Running": times}
        made[str(id)] = {"id": id, "created_at": at(max(0, minute - 2)), "command": f"work {label}", "path": "/", "group": "g",
                         "dependencies": [], "label": label, "status": status}  # fmt: skip
    return read_queue(json.dumps({"tasks": made, "groups": {"g": {"parallel_tasks": 1, "status": "Running"}}}))


def at(minute: int) -> str:
    return f"2026-11-24T{10 + minute // 60}:{minute % 60:02}:00.000000001+01:00"


def test_an_empty_group_is_reported_with_its_last_run() -> None:
    earlier = [(10, "old", {"Failed": 1})]
    busy = queue(*earlier, (30, "a", "Success"), (31, "b", {"Failed": 3}), (32, "c", None))
    done = queue(*earlier, (30, "a", "Success"), (31, "b", {"Failed": 3}), (32, "c", "Success"))
    assert compose.events_since("h", busy, busy) == []
    (empty,) = compose.events_since("h", busy, done)
    assert empty.text == "h: group g is empty: 2 succeeded, 1 failed: 2 (b)"
    failed, also = compose.events_since("h", queue(), done)[:2]
    assert (failed.text, also.title) == (
        "h:0 (old) failed with exit code 1 after 1m, in group g: work old",
        "h: b failed with exit code 3",
    )
    # Two who look at the same end, by whatever way, say the same.
    assert compose.of_ended_jobs("h", done, done.states)[-1].event == empty.event


# On a host: pueue calls


class Called:
    """A pueued with pueue-skill as callback, and the client's folder with its configuration."""

    def __init__(self, lab: Lab, receiver: Receiver, quiet: str = "") -> None:
        self.lab, self.receiver = lab, receiver
        self.file = lab.client / ".config/pueue-skill/config.toml"
        self.file.parent.mkdir(parents=True)
        self.file.write_text(f'[[notify]]\nurl = "{receiver.url}"\nquiet = "{quiet}"\n')
        self.daemon = local(lab, callback=callback(str(Path(sys.executable).parent / "pueue-skill")))

    def add(self, command: str, *options: str) -> int:
        return int(self.daemon.pueue("add", "-p", *options, "--", command))

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["pueue-skill", *words], env=self.daemon.env, cwd=self.lab.client, capture_output=True, text=True, timeout=60)  # fmt: skip


@pytest.fixture
def called(receiver: Receiver) -> Iterator[Called]:
    lab = Lab()
    called = Called(lab, receiver)
    yield called
    called.daemon.stop()
    lab.close()


@pytest.mark.long
def test_text_of_labels_commands_and_groups_is_never_executed(called: Called) -> None:
    for label in HOSTILE:
        called.daemon.pueue("group", "add", label)
        command = f"cat >/dev/null <<'END'\n{label}\nEND\nexit 3"  # by itself it runs nothing of it
        called.add(command, f"--label={label}", f"--group={label}")
    until(lambda: "".join(called.receiver.bodies()).count("failed with exit code 3") >= len(HOSTILE), "the notices", 40)
    text = "\n".join(called.receiver.bodies())
    for label in HOSTILE:
        assert f"({' '.join(label.split())}) failed with exit code 3" in text
    assert not list(called.lab.root.rglob("RAN"))


@pytest.mark.long
def test_every_outcome_is_reported_and_success_only_for_its_group(called: Called) -> None:
    called.daemon.pueue("group", "add", "--parallel", "1", "g")
    good = called.add("true --token=hidden-word", "-g", "g", "-l", "good")
    bad = called.add("exit 7 --token=hidden-word", "-g", "g", "-l", "bad", "--after", str(good))
    called.add("true", "-g", "g", "-l", "child", "--after", str(bad))
    killed = called.add("sleep 100", "-l", "long")
    until(lambda: "Running" in called.daemon.tasks()[killed]["status"], "the long job")
    called.daemon.pueue("kill", str(killed))
    folder = called.lab.root / "gone"
    folder.mkdir()
    waits = called.add("true", "-l", "nowhere", "-s", "-w", str(folder))
    folder.rmdir()
    until(lambda: "long" in str(called.receiver.got), "the notice of the killed one", 20)
    called.daemon.pueue("start", "--all")
    called.daemon.pueue("enqueue", str(waits))
    wanted = ["(bad) failed with exit code 7", "(child) was skipped", "(long) was killed", "(nowhere) failed to start",
              f"{HERE}: group g is empty: 1 succeeded, 2 failed: {bad} (bad), {bad + 1} (child)"]  # fmt: skip
    until(lambda: all(any(words in body for body in called.receiver.bodies()) for words in wanted), f"{wanted}", 20)
    text = str(called.receiver.got)
    assert "(good)" not in text
    assert "hidden-word" not in text


@pytest.mark.long
def test_a_notification_that_failed_is_sent_by_the_next_callback(called: Called) -> None:
    called.receiver.down()
    id = called.add("exit 3", "-l", "first")
    called.daemon.result(id)
    log = called.lab.client / ".local/share/pueue-skill/hook.log"
    until(lambda: log.exists() and "was not notified" in log.read_text(), "the failure in the log", 20)
    assert "hidden-hook" not in log.read_text()
    found = called("doctor")
    assert "notify 1: json://127.0.0.1: 2 notifications not sent yet" in found.stdout
    assert "hidden-hook" not in found.stdout
    called.receiver.up()
    done = called("notify")
    assert (done.returncode, done.stderr) == (0, "")
    (one,) = called.receiver.got
    assert one["title"] == "1 job failed, 1 group is empty"
    assert f"{HERE}:{id} (first) failed with exit code 3" in one["message"]
    assert called("notify").returncode == 0
    assert len(called.receiver.got) == 1


def test_a_job_removed_from_its_queue_is_still_reported(called: Called) -> None:
    assert called("notify", "--callback", "99", "--result", "Failed").returncode == 0
    assert called.receiver.bodies() == [f"{HERE}:99 has ended (Failed), and its queue tells no more of it"]
    assert called("notify", "--callback", "99", "--result", "Success").returncode == 0
    assert len(called.receiver.got) == 1


def test_notify_test_names_failed_targets_and_reasons(called: Called) -> None:
    with called.file.open("a") as file:
        file.write('[[notify]]\nurl = "json://127.0.0.1:1/hidden-hook"\n[[notify]]\nurl = "nonsense://hidden-hook"\n')
    done = called("notify", "--test")
    assert done.returncode == 1
    first, second, third = done.stdout.splitlines()
    assert first == "json://127.0.0.1: sent"
    assert second.startswith("json://127.0.0.1: failed: A Connection error")
    assert third.startswith("nonsense://…: failed: apprise does not know")
    assert "hidden-hook" not in done.stdout + done.stderr
    assert called.receiver.got[0]["title"] == f"pueue-skill on {HERE}"


def test_without_a_target_it_prints_an_example_configuration(called: Called) -> None:
    called.file.write_text("")
    for words in (["notify"], ["notify", "--test"], ["status", "--watch", "--notify"]):
        done = called(*words)
        assert done.returncode == 2
        assert "the configuration has no [[notify]]" in done.stderr


def test_without_apprise_it_prints_the_install_command_and_keeps_notifications(
    target: NotifyTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(deliver.NoApprise, match=r"pueue-skill\[notify\]"):
        deliver.notify([target], [notice(1)], NOON)
    assert [one.notice for one in outbox.pending(deliver.target_id(target))] == [notice(1)]


@pytest.mark.long
def test_watch_and_callback_send_one_notification(called: Called) -> None:
    command = ["pueue-skill", "status", "--watch", "--notify", "--every", "0.2", "local"]
    with subprocess.Popen(
        command, env=called.daemon.env, stdout=subprocess.PIPE, text=True, cwd=called.lab.client
    ) as watching:
        try:
            assert watching.stdout
            assert any("local" in line for line in iter(watching.stdout.readline, ""))
            called.add("exit 3", "-l", "seen")
            assert any("failed, exit 3" in line for line in iter(watching.stdout.readline, ""))
            until(lambda: "is empty" in str(called.receiver.got), "the notice", 20)
            called.daemon.result(called.add("true"))
            until(lambda: str(called.receiver.got).count("is empty:") >= 2, "the next one", 20)
            watching.terminate()
            watching.stdout.read()
        finally:
            watching.kill()  # else the end of `with` waits for it
    assert str(called.receiver.bodies()).count("(seen) failed with exit code 3") == 1


@pytest.mark.long
def test_the_end_of_a_batch_is_reported_with_its_failures(receiver: Receiver, pueued: Daemon, home: Path) -> None:
    file = home / ".config/pueue-skill/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'[[notify]]\nurl = "{receiver.url}"\n')
    manifest = home / "night.toml"
    manifest.write_text(
        'name = "night"\nhosts = ["local"]\n[phases.a]\ncommand = "exit {n}"\nlabel = "n{n}"\nvars.n = [0, 3]\n'
    )
    env = pueued.env | {"HOME": str(home)}
    for action in (["submit"], ["watch", "--every", "0.2", "--notify"], ["watch", "--every", "0.2", "--notify"]):
        done = subprocess.run(["pueue-skill", "batch", action[0], manifest, *action[1:]], env=env, capture_output=True, text=True, timeout=60)  # fmt: skip
        assert done.returncode == (0 if action == ["submit"] else 1), done.stderr
    text = "\n".join(receiver.bodies())
    assert text.count("(n3) failed with exit code 3") == 1
    assert text.count(f"batch night has ended: 1 succeeded, 1 failed: {HERE} n3") == 1
