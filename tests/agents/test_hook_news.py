"""The hook's notifications about ended jobs: each session gets each outcome once."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from news import ended_state, finished, job
from real import Daemon, until
from syrupy.assertion import SnapshotAssertion

from hooks import TRAIN, hook, payload, said, silent
from pueue_skill.jobs import news
from pueue_skill.shell.model import Host
from pueue_skill.state import database, sessions


class TestNews:
    def test_each_session_is_notified_once(self, snapshot: SnapshotAssertion) -> None:
        finished()

        def ask(session: str) -> subprocess.CompletedProcess[bytes]:
            given = payload(None, "UserPromptSubmit", session_id=session, cwd="/p", prompt="hi")
            return hook(given, "UserPromptSubmit")

        assert said(ask("s")) == snapshot
        assert silent(ask("s"))
        assert silent(ask("another"))

    def test_the_projects_next_session_gets_unread_notifications(self) -> None:
        finished()

        def start(session: str, cwd: str) -> subprocess.CompletedProcess[bytes]:
            return hook(payload(None, "SessionStart", session_id=session, cwd=cwd, source="startup"), "SessionStart")

        assert silent(start("n0", "/elsewhere"))
        assert "local:7 (btc) failed with exit code 3 after 1m35s" in said(start("n1", "/p"))
        assert silent(start("n2", "/p"))

    def test_a_notification_claimed_by_a_dead_process_is_sent_again(self) -> None:
        number = finished().number
        with subprocess.Popen(["sh", "-c", "exit 0"]) as gone:
            pass
        with database.opened() as connection:
            connection.execute("insert into told values ('s', ?, 'end', ?, ?)", (number, gone.pid, time.time()))
        assert [one.key for one in sessions.claim("s", "/p")] == ["k"]
        assert sessions.claim("s", "/p") == []

    @pytest.mark.parametrize("shift", [-1e6, 1e6])
    def test_a_clock_change_loses_no_notification(self, shift: float) -> None:
        number = finished().number
        with database.opened() as connection:
            connection.execute("insert into told values ('s', ?, 'end', ?, ?)", (number, 1, time.time() + shift))
        assert [one.key for one in sessions.claim("s", "/p")] == ["k"]

    @pytest.mark.parametrize("count", [1, 2, 7, 60])
    def test_a_notification_is_short_and_names_failures_first(self, count: int) -> None:
        jobs = [
            job(f"k{i}", id=str(i), state="success" if i % 2 else "failed", exit_code=(i % 2 and 0) or 9, seconds=5.0,
                tail="\n".join(["x" * 300] * 8))
            for i in range(count)
        ]  # fmt: skip
        text = news.notification_of(jobs)
        assert len(text) <= 1500
        assert text.split("\n")[1].startswith("- local:0 failed with exit code 9 after 5s")
        assert "hunter2" not in text
        if count == 60:
            assert re.search(r"and \d+ more: pueue-skill status", text)

    def test_a_job_that_never_appeared_in_its_queue(self) -> None:
        assert "local:k was never seen in its queue" in news.notification_of([job(state="lost")])
        assert "local:7 is no longer in its queue" in news.notification_of([job(state="lost", id="7")])

    def test_the_end_of_an_output(self) -> None:
        assert news.visible_tail(b"") == ""
        assert news.visible_tail(b"10%\r50%\r100%\n\n\x1b[31mno\x00\n") == "100%\n�[31mno�"
        assert news.visible_tail(b"api_key=abcdef123 Bearer abcdefgh12345") == "api_key=*** Bearer ***"
        assert len(news.visible_tail(b"a\n" * 100).split("\n")) == 8

    def test_stop_asks_once_for_own_failures(self, snapshot: SnapshotAssertion) -> None:
        finished()
        finished("other", session="t")
        finished("fine", state="success")
        finished("seen")
        sessions.record_viewed("local", ended_state("seen"), "s")
        done = hook(payload(None, "Stop", cwd="/p", stop_hook_active=False), "Stop")
        answer = json.loads(done.stdout)
        assert answer["decision"] == "block"
        assert answer["reason"] == snapshot
        assert silent(hook(payload(None, "Stop", cwd="/p", stop_hook_active=False), "Stop"))

    def test_stop_does_not_ask_again_in_the_turn_that_it_caused(self) -> None:
        finished()
        assert silent(hook(payload(None, "Stop", cwd="/p", stop_hook_active=True), "Stop"))

    def test_jobs_of_an_invocation_are_tracked(self, pueued: Daemon) -> None:
        text = subprocess.run(
            ["pueue-skill", "suggest", f"{TRAIN}; exit 4"], env=pueued.env, capture_output=True, text=True
        ).stdout
        subprocess.run(["bash", "-c", text], env=pueued.env, check=True, capture_output=True)
        hook(payload(text, cwd="/p", duration_ms=5))
        (known,) = sessions.open_jobs("s")
        assert (known.host, known.project, known.session) == ("local", "/p", "s")

    def test_jobs_of_a_loop_are_tracked(self, pueued: Daemon, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in pueued.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HOME", str(home))
        loop = "for f in $(printf '1 2'); do python train.py $f; exit 5; done"
        text = subprocess.run(
            ["pueue-skill", "suggest", loop.replace("; exit 5", "")], capture_output=True, text=True
        ).stdout
        subprocess.run(["bash", "-c", text], check=True, capture_output=True, cwd=home)
        hook(payload(text, cwd="/p", duration_ms=5))

        def told() -> bool:
            news.refresh({"local": Host("local")}, sessions.open_jobs())
            return not sessions.open_jobs("s")

        until(told, "the ends of the iterations", 20)
        keys = [one.key for one in sessions.claim("s")]
        assert keys == [f"{keys[0].rpartition('-')[0]}-{n}" for n in (1, 2)]
