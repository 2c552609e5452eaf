"""hooks/launch: a reply or no output, and exit code 0, for any installation; and the events for which it does not start Python."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from real import real

from pueue_skill.agents.hook import names_known_program
from pueue_skill.plan.analysis import analyse
from pueue_skill.rules import gate
from pueue_skill.rules.registry import RULES

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = Path(sys.executable).parent.parent
EVENT = json.dumps(
    {
        "session_id": "s",
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": "uv run python populate_cache.py --symbol BTCUSDT", "description": "d"},
        "cwd": "/",
    },
    separators=(",", ":"),  # as the client writes it
).encode()
SESSIONS = itertools.count()
LIMIT = {"PUEUE_SKILL_HOOK_LIMIT": "30"}  # as in conftest
NO_PYTHON = "#!/no/such/python\n\n"
NO_MODULE = "#!{system}\nimport pueue_skill\n"
NO_SCRIPT = "#!/bin/sh\nexit 0\n"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """Return a copy of the plugin without a .venv."""
    folder = tmp_path / "plugin"
    shutil.copytree(ROOT / "hooks", folder / "hooks")
    (folder / "pueue_skill").symlink_to(ROOT / "pueue_skill")
    return folder


def places(plugin: Path, home: Path) -> list[Path]:
    """Return the places of a Python, in the order of the search."""
    return [plugin / ".venv", home / ".local/share/pueue-skill/venv", plugin.parent / "bin", home / ".local/bin"]


def install(place: Path, text: str | None = None) -> None:
    """Create an environment at `place`, or a pueue-skill that names one; with `text`, a broken one."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.name in (".venv", "venv"):
        if text is None:
            shutil.copytree(
                VENV,
                place,
                symlinks=True,
                ignore=lambda folder, names: set(names) - KEPT if "site-packages" not in folder else [],
            )
            (place / "requirements.txt").touch()
        else:
            (place / "bin").mkdir(parents=True)
            (place / "bin/python").symlink_to("/no/such/python")
        return
    place.mkdir(exist_ok=True)
    (place / "pueue-skill").write_text(text or f"#!{sys.executable}\n# -*- coding: utf-8 -*-\n")
    (place / "pueue-skill").chmod(0o755)


KEPT = {
    "bin",
    "lib",
    "pyvenv.cfg",
    "python",
    "python3",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "site-packages",
}


def launch(
    plugin: Path, home: Path, data: bytes = EVENT, *args: str, **more: str
) -> subprocess.CompletedProcess[bytes]:
    env = {"PATH": f"{plugin.parent / 'bin'}:/usr/bin:/bin", "HOME": str(home)} | LIMIT | more
    args = args or ("PreToolUse",)
    # A session is reminded of a command once.
    data = data.replace(b'"session_id":"s"', f'"session_id":"s{next(SESSIONS)}"'.encode())
    return subprocess.run([plugin / "hooks/launch", *args], input=data, env=env, capture_output=True, timeout=30)


def remark(done: subprocess.CompletedProcess[bytes]) -> str:
    assert (done.returncode, done.stderr) == (0, b"")
    context: str = json.loads(done.stdout)["hookSpecificOutput"]["additionalContext"]
    return context


def silent(done: subprocess.CompletedProcess[bytes]) -> bool:
    return (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("place", range(4), ids=["checkout", "prepared", "PATH", "home"])
def test_it_finds_a_python(plugin: Path, home: Path, place: int) -> None:
    install(places(plugin, home)[place])
    assert "PQ302" in remark(launch(plugin, home))


def test_it_finds_the_python_of_a_long_path(plugin: Path, home: Path) -> None:
    """As pip and uv write it if the first line would be too long or contain blanks."""
    install(places(plugin, home)[2], f"#!/bin/sh\n'''exec' \"{sys.executable}\" \"$0\" \"$@\"\n' '''\n")
    assert "PQ302" in remark(launch(plugin, home))
    install(places(plugin, home)[2], f"#!/bin/sh\n'''exec' {sys.executable} \"$0\" \"$@\"\n' '''\n")
    assert "PQ302" in remark(launch(plugin, home))


@pytest.mark.parametrize(
    "command",
    ['echo \'{"a":"b"}\' > x && python train.py', "echo '\",\"' && python train.py", "echo \\\\ && python train.py"],
)
def test_a_command_is_read_to_its_end(plugin: Path, home: Path, command: str) -> None:
    install(places(plugin, home)[0])
    event = json.loads(EVENT)
    event["tool_input"]["command"] = command
    assert "PQ302" in remark(launch(plugin, home, json.dumps(event, separators=(",", ":")).encode()))


def ended(command: str, **changes: object) -> bytes:
    """The end of a quick call, as the client writes it."""
    event = json.loads(EVENT) | {
        "hook_event_name": "PostToolUse",
        "tool_response": {"stdout": '"duration_ms":9', "interrupted": False},
    }
    event["tool_input"]["command"] = command
    return json.dumps(event | {"duration_ms": 1234} | changes, separators=(",", ":")).encode()


def test_quick_calls_are_recorded_without_python(plugin: Path, home: Path) -> None:
    journal = home / ".local/share/pueue-skill/runs.journal"
    assert silent(launch(plugin, home, ended("ls -l"), "PostToolUse"))
    assert not journal.exists()  # nothing is recorded before a session has started, or if the user does not want it
    journal.parent.mkdir(parents=True)
    journal.touch()
    commands = ["ls -l", """grep '{"a":"b"}' 'x\\y' \\\\""", "cat <<E\n\ta\nE\n"]
    for command in commands:
        assert silent(launch(plugin, home, ended(command), "PostToolUse"))
    assert silent(launch(plugin, home, ended("ls", tool_response={"interrupted": True}), "PostToolUse"))
    assert silent(launch(plugin, home, ended("ls " + "x" * 5000), "PostToolUse"))
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert lines == [{"cwd": "/", "ms": 1234, "command": command} for command in commands]


def test_nothing_is_recorded_in_a_project_that_does_not_want_it(plugin: Path, home: Path, tmp_path: Path) -> None:
    journal = home / ".local/share/pueue-skill/runs.journal"
    journal.parent.mkdir(parents=True)
    journal.touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / ".pueue-skill.toml").write_text("[evidence]\nrecord = false\n")
    assert silent(launch(plugin, home, ended("login --token SECRET", cwd=str(tmp_path / "sub")), "PostToolUse"))
    assert journal.read_text() == ""


def test_a_given_python_is_used(plugin: Path, home: Path) -> None:
    assert "PQ302" in remark(launch(plugin, home, EVENT, "PreToolUse", sys.executable, "--by=pueue-skill"))
    assert silent(launch(plugin, home, EVENT, "PreToolUse", sys.executable, "--mode=off"))


def test_without_an_installation_it_reads_the_event_and_prints_nothing(plugin: Path, home: Path) -> None:
    assert silent(launch(plugin, home, b"x" * 10_000_000))
    assert silent(launch(plugin, home, b""))
    assert silent(launch(plugin, home))


@pytest.mark.parametrize("broken", [NO_PYTHON, NO_MODULE, NO_SCRIPT], ids=["no-python", "no-module", "no-script"])
def test_a_broken_installation_is_skipped(plugin: Path, home: Path, broken: str) -> None:
    for place in places(plugin, home)[:3]:
        install(place, broken.format(system="/usr/bin/python3"))
    assert silent(launch(plugin, home))
    install(places(plugin, home)[3])
    assert "PQ302" in remark(launch(plugin, home))


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff\xfe", b"[]", b'{"tool_name": 7}', EVENT[:-1], EVENT.replace(b"Bash", b"Read")]
)
def test_invalid_input_gets_no_reply(plugin: Path, home: Path, data: bytes) -> None:
    install(places(plugin, home)[2])
    assert silent(launch(plugin, home, data))


@pytest.mark.parametrize("event", ["", "PostToolUse", "Stop", "Wake", "NoSuchEvent", "--help"])
def test_other_events_get_no_reply(plugin: Path, home: Path, event: str) -> None:
    install(places(plugin, home)[2])
    assert silent(launch(plugin, home, EVENT, event))


def test_the_projects_python_settings_are_not_used(plugin: Path, home: Path, tmp_path: Path) -> None:
    install(places(plugin, home)[2])
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    assert "PQ302" in remark(launch(plugin, home, PYTHONPATH=str(tmp_path), PYTHONHOME=str(tmp_path)))


def test_it_works_without_a_home(plugin: Path, home: Path) -> None:
    install(places(plugin, home)[0])
    done = subprocess.run(
        [plugin / "hooks/launch", "PreToolUse"], input=EVENT.replace(b'"s"', b'""'), env=LIMIT, capture_output=True
    )
    assert "PQ302" in remark(done)


def test_closed_streams_cause_no_error(plugin: Path, home: Path) -> None:
    install(places(plugin, home)[2])
    env = {"PATH": f"{plugin.parent / 'bin'}:/usr/bin:/bin", "HOME": str(home)}
    script = "set -e; " + "; ".join(f'"$0" PreToolUse {closed}' for closed in ("<&-", ">&-", "<&- >&- 2>&-"))
    done = subprocess.run(["sh", "-c", script, plugin / "hooks/launch"], input=EVENT, env=env, capture_output=True)
    assert silent(done)
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [plugin / "hooks/launch", "PreToolUse"], input=EVENT, env=env, stdout=write, stderr=subprocess.PIPE
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_folders_with_any_name(weird_tmp_path: Path, home: Path) -> None:
    folder = weird_tmp_path / "plugin"
    shutil.copytree(ROOT / "hooks", folder / "hooks")
    (folder / "pueue_skill").symlink_to(ROOT / "pueue_skill")
    install(folder / ".venv")
    done = subprocess.run(
        [folder / "hooks/launch", "PreToolUse"], input=EVENT, env={"HOME": str(home)} | LIMIT, capture_output=True
    )
    assert "PQ302" in remark(done)


def test_every_hook_of_the_plugin_can_be_started(plugin: Path, home: Path) -> None:
    install(places(plugin, home)[2])
    content = json.loads((plugin / "hooks/hooks.json").read_text())
    env = {"HOME": str(home), "PATH": f"{plugin.parent / 'bin'}:/usr/bin:/bin"} | LIMIT
    for event, groups in content["hooks"].items():
        for handler in [handler for group in groups for handler in group["hooks"]]:
            command = [
                word.replace("${CLAUDE_PLUGIN_ROOT}", str(plugin)) for word in [handler["command"], *handler["args"]]
            ]
            done = subprocess.run(command, input=EVENT, env=env, capture_output=True, timeout=30)
            assert bool(done.stdout) == (event == "PreToolUse")
            assert (done.returncode, done.stderr) == (0, b"")


def test_prepare_creates_an_environment_once(plugin: Path, home: Path) -> None:
    """With stubs of uv and its packages; downloads are not tested."""
    tools = plugin.parent / "bin"
    tools.mkdir()
    (tools / "uv").write_text(
        f'#!/bin/sh\necho "$*" >>"{home}/uv"\n[ "$1" != venv ] || {{ mkdir -p "$5/bin"; ln -s {sys.executable} "$5/bin/python"; }}\n'
    )
    (tools / "uv").chmod(0o755)
    env = {"HOME": str(home), "PATH": f"{tools}:{VENV / 'bin'}:/usr/bin:/bin"}
    (tools / "pueue-skill").write_text("#!/bin/sh\n\n")  # none that would do
    (tools / "pueue-skill").chmod(0o755)
    prepare = [plugin / "hooks/prepare"]
    racers = [subprocess.Popen(prepare, env=env) for _ in range(3)]
    assert [racer.wait(60) for racer in racers] == [0, 0, 0]
    made = home / ".local/share/pueue-skill/venv"
    assert (made / "requirements.txt").read_bytes() == (plugin / "hooks/requirements.txt").read_bytes()
    asked = (home / "uv").read_text().splitlines()
    assert [line.split()[0] for line in asked] == ["venv", "pip"]
    assert "--require-hashes" in asked[1]
    assert [path.name for path in made.parent.iterdir()] == ["venv"]
    # A newer plugin wants other packages.
    (plugin / "hooks/requirements.txt").write_text("other\n")
    subprocess.run(prepare, env=env, check=True)
    assert (made / "requirements.txt").read_text() == "other\n"


def test_a_failed_prepare_leaves_only_a_log_entry(plugin: Path, home: Path) -> None:
    tools = plugin.parent / "bin"
    tools.mkdir()
    (tools / "uv").write_text("#!/bin/sh\nexit 1\n")
    (tools / "uv").chmod(0o755)
    env = {"HOME": str(home), "PATH": f"{tools}:/usr/bin:/bin"}
    done = subprocess.run([plugin / "hooks/prepare"], env=env, capture_output=True)
    assert done.returncode == 1
    assert [path.name for path in (home / ".local/share/pueue-skill").iterdir()] == ["hook.log"]
    assert "could not be installed" in (home / ".local/share/pueue-skill/hook.log").read_text()


def commands() -> list[str]:
    corpus = [
        json.loads(line)["command"]
        for file in sorted((ROOT / "tests/cases/corpus").glob("*.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]
    cases = [
        text
        for file in sorted((ROOT / "tests/cases/fidelity").glob("*.toml"))
        for text in tomllib.loads(file.read_text("utf-8")).get("texts", [])
        if isinstance(text, str)
    ]
    return [*corpus, *cases, *[example for rule in RULES for example in (*rule.bad, *rule.good)]]


def test_the_gate_passes_every_text_with_a_finding() -> None:
    assert [text for text in commands() if not gate.interesting(text) and analyse(text, {}).findings] == []


ODD = [
    "echo hi\nssh h x",
    "x\ttrain",
    'a "ssh" b',
    "\\ssh",
    "\u00e9train",
    "runTraining",
    "TRAIN.py",
    "evalTrain",
    "PHASE1",
    "x;nohup y",
    "R2D2",
    "\n",
    "",
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("shell", ["dash", "bash", "zsh"])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_launchers_gate_passes_every_text_that_the_python_gate_passes(shell: str, ascii_only: bool) -> None:
    texts = [*commands(), *ODD]
    script = (
        f'. {ROOT}/hooks/gate.sh\nwhile IFS= read -r line; do if flagged "$line"; then echo 1; else echo 0; fi; done'
    )
    quoted = "".join(json.dumps(text, ensure_ascii=ascii_only)[1:-1] + "\n" for text in texts)
    options = {"bash": ["--posix"], "zsh": ["--emulate", "sh"]}.get(shell, [])
    done = subprocess.run(
        [real(shell), *options, "-c", script],
        input=quoted.encode("utf-8", "surrogatepass"),
        capture_output=True,
        timeout=300,
    )
    answers = done.stdout.split()
    assert len(answers) == len(texts), done.stderr
    assert [
        text for text, answer in zip(texts, answers, strict=True) if answer == b"0" and gate.interesting(text)
    ] == []


QUICK = ["ls -l", "git status --short", "git diff HEAD~1", "cat README.md", "rg -n foo src", "cd src && ls", "mkdir -p a/b", "ruff check .",
         'git add -A && git commit -m "Update it"', "gh pr view", "which python", "cat a.json | jq .name", "pwd"]  # fmt: skip


@pytest.mark.parametrize("command", QUICK)
def test_everyday_commands_start_no_python(plugin: Path, home: Path, command: str) -> None:
    trap = places(plugin, home)[0]
    (trap / "bin").mkdir(parents=True)
    (trap / "bin/python").write_text(f"#!/bin/sh\ntouch {home}/started\n")
    (trap / "bin/python").chmod(0o755)
    event = json.loads(EVENT)
    event["tool_input"]["command"] = command
    assert silent(launch(plugin, home, json.dumps(event, separators=(",", ":")).encode()))
    assert not (home / "started").exists()
    assert silent(launch(plugin, home))
    assert (home / "started").exists()


@pytest.mark.parametrize(
    ("event", "change"),
    [
        ("PreToolUse", {"tool_input": {"description": "d", "command": "python train.py"}}),
        ("PreToolUse", {"tool_input": {"command": "echo \\", "description": "d"}, "x": "python train.py"}),
        ("PreToolUse", {"tool_input": {"command": 'echo "a", "b"; nohup x'}}),
        ("PostToolUse", {"duration_ms": 10_000}),
        ("PostToolUse", {"tool_response": {"backgroundTaskId": "b"}}),
        ("UserPromptSubmit", {}),
        ("SessionStart", {}),
    ],
)
def test_events_that_start_python(plugin: Path, home: Path, event: str, change: dict[str, object]) -> None:
    trap = places(plugin, home)[0]
    (trap / "bin").mkdir(parents=True)
    (trap / "bin/python").write_text(f"#!/bin/sh\ntouch {home}/started\n")
    (trap / "bin/python").chmod(0o755)
    given = json.loads(EVENT) | {"hook_event_name": event, "tool_input": {"command": "ls", "description": "d"}} | change
    launch(plugin, home, json.dumps(given, separators=(",", ":")).encode(), event)
    assert (home / "started").exists() == (given.get("x") is None)


PROGRAM = '[[programs]]\nprogram = "frobnicate"\nsize = "long"\n'


@pytest.mark.parametrize("below", ["", "sub/deep"])
def test_programs_in_a_projects_configuration_start_python(
    plugin: Path, home: Path, tmp_path: Path, below: str
) -> None:
    install(places(plugin, home)[2])
    project = tmp_path / "project"
    folder = project / below
    folder.mkdir(parents=True)
    (project / ".pueue-skill.toml").write_text(PROGRAM + 'reason = "a reindex"\n')
    event = json.loads(EVENT) | {"cwd": str(folder)}
    event["tool_input"]["command"] = "frobnicate x.bin"
    said = remark(launch(plugin, home, json.dumps(event, separators=(",", ":")).encode()))
    assert 'frobnicate (the project\'s .pueue-skill.toml says: "a reindex")' in said
    assert "PQ301" in said
    event["cwd"] = "/"
    assert silent(launch(plugin, home, json.dumps(event, separators=(",", ":")).encode()))


@pytest.mark.parametrize("name", ["a \\ b", "ä ü", "sp ace", 'quo"te'])
def test_a_project_folder_may_have_any_name(plugin: Path, home: Path, tmp_path: Path, name: str) -> None:
    install(places(plugin, home)[2])
    (tmp_path / name).mkdir()
    (tmp_path / name / ".pueue-skill.toml").write_text(PROGRAM)
    event = json.loads(EVENT) | {"cwd": str(tmp_path / name)}
    event["tool_input"]["command"] = "frobnicate x.bin"
    for ascii_only in (True, False):
        data = json.dumps(event, separators=(",", ":"), ensure_ascii=ascii_only).encode()
        assert "PQ301" in remark(launch(plugin, home, data))


@pytest.mark.parametrize("place", ["slow-programs", "config.toml", "inline", "several"])
def test_slow_and_configured_programs_start_python(plugin: Path, home: Path, place: str) -> None:
    install(places(plugin, home)[2])
    if place == "slow-programs":
        file = home / ".local/share/pueue-skill/slow-programs"
        text = "frobnicate\n"
    else:
        file = home / ".config/pueue-skill/config.toml"
        text = PROGRAM
        if place == "inline":
            text = 'programs = [{ size = "long", program = "frobnicate" }]\n'
        if place == "several":
            text = "programs = [{ program = 'other', size = 'long' }, { program = 'frobnicate', size = 'long' }]\n"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    event = json.loads(EVENT)
    event["tool_input"]["command"] = "frobnicate x.bin"
    done = launch(plugin, home, json.dumps(event, separators=(",", ":")).encode())
    assert (done.returncode, done.stderr) == (0, b"")
    if place != "slow-programs":
        assert "PQ301" in remark(done)


@pytest.fixture
def started(plugin: Path, home: Path) -> Path:
    """Return a file that exists once the launcher has started Python."""
    python = places(plugin, home)[0] / "bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\ntouch {home}/started\n")
    python.chmod(0o755)
    return home / "started"


@pytest.mark.parametrize(
    ("words", "command", "starts"),
    [
        ("frobnicate", "frobnicate x.bin", True),
        ("python report.frob", "python3 -u -m pkg.report.frob", True),
        ("frob.sh quux.sh", "./frob.sh && ./quux.sh", True),
        ("frob.sh quux.sh", "./frob.sh", False),
        ("frob docs", "frob -j8 docs", True),
        ("", "frob", False),
    ],
)
def test_each_word_of_a_slow_program_must_be_in_the_command(
    plugin: Path, home: Path, started: Path, words: str, command: str, starts: bool
) -> None:
    file = home / ".local/share/pueue-skill/slow-programs"
    file.parent.mkdir(parents=True)
    file.write_text(f"other\n{words}\n")
    event = json.loads(EVENT)
    event["tool_input"]["command"] = command
    launch(plugin, home, json.dumps(event, separators=(",", ":")).encode())
    assert started.exists() == starts
    assert words == "" or names_known_program(command, "/") == starts


def prompt_event(prompt: object, **more: object) -> dict[str, object]:
    folder = "/home/u/train-overnight"  # whose words do not count
    return {
        "session_id": "p",
        "transcript_path": f"{folder}/p.jsonl",
        "cwd": folder,
        "permission_mode": "default",
        "hook_event_name": "UserPromptSubmit",
        "prompt": prompt,
    } | more


def submit(plugin: Path, home: Path, event: dict[str, object], ascii_only: bool = False, **env: str) -> None:
    data = json.dumps(event, separators=(",", ":"), ensure_ascii=ascii_only).encode()
    assert silent(launch(plugin, home, data, "UserPromptSubmit", **env))


QUIET_PROMPTS = [
    "fix the typo in the README", "submit the PR", "run the tests\nand push", 'rename "a" to "b", then commit', "", "yes",
    '{"a":"b"}', "why is `x` None here?", "a \\ b", "add a map of S\u00e3o Paulo \U0001f680", "wo steht das?", "constrain it",
]  # fmt: skip


@pytest.mark.parametrize("prompt", QUIET_PROMPTS)
def test_everyday_prompts_start_no_python(plugin: Path, home: Path, started: Path, prompt: str) -> None:
    config = home / ".config/pueue-skill/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        "# The hosts of the lab\n[hosts.bigblack]\ngroups = { p1 = 4 }\n[hosts.'gpu.lab']\n[run]\nwait = 5\n"
    )
    submit(plugin, home, prompt_event(prompt, more="train"))
    assert started.exists() == ("\u00e3" in prompt)  # next to a letter, it might be a part of a word
    submit(plugin, home, prompt_event("train the model"))
    assert started.exists()


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize(
    "prompt",
    [
        "train the model", "Train\nit overnight", '{"a":"b"} and then queue it', 'say "a","b", then queue it', "\u2192queue it",
        "x\\queue it", "x\nqueue it", 'x"queue it"', "\x1bqueue it", "use pueue", None, 7, "x" * 30_000,
    ],
)  # fmt: skip
def test_prompts_that_start_python(plugin: Path, home: Path, started: Path, prompt: object, ascii_only: bool) -> None:
    submit(plugin, home, prompt_event(prompt), ascii_only)
    assert started.exists()


def test_other_payloads_with_a_prompt_start_python(plugin: Path, home: Path, started: Path) -> None:
    quiet = prompt_event("yes")
    events: list[tuple[dict[str, object], bool]] = [
        ({key: value for key, value in quiet.items() if key != "session_id"}, True),  # it may expect news
        (quiet | {"session_id": "../s"}, True),
        ({key: value for key, value in quiet.items() if key != "prompt"}, True),
        (quiet | {"more": {"prompt": "yes"}}, True),
        ({"more": {"prompt": "yes"}} | quiet, True),
        ({"prompt": "yes"} | quiet, False),
    ]
    for event, starts in events:
        submit(plugin, home, event)
        assert started.exists() == starts, event
        started.unlink(missing_ok=True)
    launch(plugin, home, json.dumps(quiet).encode(), "UserPromptSubmit")  # with blanks
    assert started.exists()


def test_a_prompt_of_a_session_that_expects_news_starts_python(plugin: Path, home: Path, started: Path) -> None:
    submit(plugin, home, prompt_event("yes"))
    assert not started.exists()
    marker = home / ".local/share/pueue-skill/sessions/p"
    marker.parent.mkdir(parents=True)
    marker.touch()
    submit(plugin, home, prompt_event("yes"))
    assert started.exists()


CONFIGURED = [
    "[hosts.atlas]\n", "  [hosts.atlas]  # the lab's", "[hosts.atlas]\r\n", "[hosts.Atlas.groups]\np1 = 4\n", '[hosts."atlas"]\n', "[hosts.'atlas']\n",
    "[hosts]\natlas = {}\n", "[hosts]\natlas.group = 'a'\n", "hosts.atlas.group = 'a'\n", "hosts = { atlas = {} }\n", "[ hosts . atlas ]\n",
    "[hosts.at\\u006cas]\n".replace("at\\u006cas", '"at\\u006cas"'), '["hosts".atlas]\n', '["h\\u006fsts".atlas]\n', "[hosts . atlas]\n",
    "[run]\nwait = 5\n\n[hosts.other]\n[hosts.atlas]\n", "#" * 100 + "\n" + "\n" * 6000 + "[hosts.atlas]\n",
]  # fmt: skip


@pytest.mark.parametrize("text", CONFIGURED)
def test_a_prompt_that_names_a_configured_host_starts_python(
    plugin: Path, home: Path, started: Path, text: str
) -> None:
    assert [name.lower() for name in tomllib.loads(text)["hosts"]][-1] == "atlas"
    for file in (home / ".config/pueue-skill/config.toml", home / "xdg/pueue-skill/config.toml"):
        env = {"XDG_CONFIG_HOME": str(home / "xdg")} if "xdg" in str(file) else {}
        file.parent.mkdir(parents=True)
        file.write_bytes(text.encode())
        for prompt in ("is atlas idle?", "do it\\on\nATLAS"):
            submit(plugin, home, prompt_event(prompt), **env)
            assert started.exists()
            started.unlink()
        file.unlink()
        submit(plugin, home, prompt_event("is atlas idle?"), **env)
        assert not started.exists()


def test_without_a_home_a_prompt_starts_python(plugin: Path, home: Path, started: Path) -> None:
    """Python looks up the home folder, and may find a configuration there."""
    submit(plugin, home, prompt_event("yes"), HOME="")
    assert started.exists()
