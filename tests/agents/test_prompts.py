"""Which prompts are about long work: the labeled prompts, and the launcher's gate, which finds every prompt that Python finds."""

from __future__ import annotations

import functools
import json
import random
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from real import real

from pueue_skill.agents import prompts
from pueue_skill.shell.model import Host

ROOT = Path(__file__).resolve().parent.parent.parent
FAMILIES = tomllib.loads((ROOT / "tests/cases/prompts.toml").read_text("utf-8"))["families"]
HOSTS = {name: Host(name) for name in ("local", "bigblack", "littleblack", "gpu-01")}
MIN_RIGHT, MAX_FALSE = 0.95, 0.03


def wakes(prompt: str) -> bool:
    return prompts.named_hosts(prompt, HOSTS) is not None


def labeled(*keys: str) -> list[tuple[str, bool]]:
    return [(prompt, family["wakes"]) for family in FAMILIES for key in keys for prompt in family[key]]


@pytest.mark.parametrize("key", ["prompts", "held_out"])
def test_labeled_prompts(key: str) -> None:
    cases = labeled(key)
    wrong = [(prompt, label) for prompt, label in cases if wakes(prompt) != label]
    false = [prompt for prompt, label in wrong if not label]
    assert len(wrong) <= (1 - MIN_RIGHT) * len(cases), wrong
    assert len(false) <= MAX_FALSE * sum(not label for _, label in cases), false


def test_there_are_enough_labeled_prompts() -> None:
    for label in (True, False):
        assert sum(wanted == label for _, wanted in labeled("prompts", "held_out")) >= 100
    texts = [prompt for prompt, _ in labeled("prompts", "held_out")]
    assert len(texts) == len(set(texts))


def test_the_skills_own_phrases_wake_it() -> None:
    description = " ".join((ROOT / "SKILL.md").read_text("utf-8").partition("---")[2].partition("---")[0].split())
    says = re.search(r"when the user says (.*?);", description)
    assert says
    phrases = re.split(r",\s+|\s+or\s+", says[1])
    assert len(phrases) >= 7
    for phrase in phrases:
        for prompt in (phrase, f"We talked about this.\n{phrase.capitalize()}, please", f"I want to {phrase}"):
            assert prompts.named_hosts(prompt, {}) == [], prompt


def test_a_host_is_named_only_by_its_whole_name() -> None:
    hosts = {name: Host(name) for name in ("box", "gpu.lab.example.org")}
    assert prompts.named_hosts("run it on Box", hosts) == ["box"]
    assert prompts.named_hosts("run it on me@box:/srv", hosts) == ["box"]
    assert prompts.named_hosts("start the job on gpu.lab.example.org.", hosts) == ["gpu.lab.example.org"]
    for text in ("run it in a sandbox", "run it in box-shadow", "run tests/box.py", "use box.sync for this", "run gpu-lab.example.org"):  # fmt: skip
        assert prompts.named_hosts(text, hosts) is None, text


def test_pasted_text_does_not_wake_it() -> None:
    train = "Please train the model on all folds overnight"
    assert wakes(train)
    for text in (
        f"```\n{train}\n```\nfix the typo",
        f"~~~\n{train}",
        f"> {train}\nwhat does this mean?",
        f"    {train}\nreformat",
    ):
        assert not wakes(text), text


def test_the_words_of_rules_are_words() -> None:
    """The launcher's gate parts a prompt into runs of letters."""
    for rule in prompts.RULES:
        assert rule.lists
        for words in rule.lists:
            assert re.fullmatch("[a-z]+( [a-z]+)*", words), words


MUTATIONS = (
    str.upper,
    str.title,
    str.swapcase,
    lambda text: text.replace(" ", "\n"),
    lambda text: text.replace(" ", "\t"),
    lambda text: text.replace(" ", "\u00a0"),
    lambda text: text.replace(" ", " \u00e9"),
    lambda text: text.replace(" ", "\u00e9 "),
    lambda text: text.replace(" ", "\u201c \u201d"),
    lambda text: text.replace("k", "\u212a"),
    lambda text: text.replace("s", "\u017f"),
    lambda text: text.replace("i", "\u0130"),
    lambda text: text.replace(" ", "\\"),
    lambda text: text.replace(" ", "\\n"),
    lambda text: text.replace(" ", '"'),
    lambda text: text.replace(" ", "_"),
    lambda text: text.replace(" ", "7"),
    lambda text: text.replace(" ", "\x1b[31m"),
    lambda text: text.replace(" ", "\x0b"),
    lambda text: text.replace(" ", "\x7f"),
    lambda text: f"\U0001f680{text}\U0001f680",
    lambda text: f'{{"a":"b"}} {text}',
    lambda text: f"```\nx\n```\n- {text}",
    lambda text: f"# pueue-skill\n\n{text}",
)


@functools.cache
def mutated() -> list[tuple[str, bool]]:
    """Return the labeled prompts, mutations of them, and texts of their words in another order; and whether each wakes it without hosts."""
    texts = [prompt for prompt, _ in labeled("prompts", "held_out")]
    made = [*texts, *[mutate(text) for number, text in enumerate(texts) for mutate in MUTATIONS[number % 6 :: 6]]]
    words, chance = sorted({word for text in texts for word in text.split()}), random.Random(17)  # noqa: S311
    for _ in range(1000):
        separator = chance.choice([" ", "\n", "\u2019", "-", "_", ", "])
        made.append(separator.join(chance.choices(words, k=chance.randint(1, 9))))
    return [(text, prompts.named_hosts(text, {}) is not None) for text in made]


SHELLS = {"dash": [], "bash": ["--posix"], "zsh": ["--emulate", "sh"], "busybox": ["sh"]}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_launchers_gate_passes_every_prompt_that_wakes(shell: str, ascii_only: bool) -> None:
    texts, found = zip(*mutated(), strict=True)
    script = (
        f". {ROOT}/hooks/prompts.sh\nLC_ALL=C\n"
        'while IFS= read -r line; do if prompted "$line"; then echo 1; else echo 0; fi; done'
    )
    quoted = "".join(json.dumps(text, ensure_ascii=ascii_only)[1:-1] + "\n" for text in texts)
    done = subprocess.run(
        [real(shell), *SHELLS[shell], "-c", script], input=quoted.encode(), capture_output=True, timeout=300
    )
    answers = done.stdout.split()
    assert len(answers) == len(texts), done.stderr
    assert sum(found) > 500
    assert [text for text, answer, wake in zip(texts, answers, found, strict=True) if wake and answer == b"0"] == []
    # It does not pass everything: the labeled prompts come first, and those that do not wake it have many words of the others.
    harmless = [
        answer for answer, (_, label) in zip(answers, labeled("prompts", "held_out"), strict=False) if not label
    ]
    assert harmless.count(b"1") < len(harmless) / 2


LOADS = """
import sys
sys.path[:0] = [sys.argv.pop(1)]
from pueue_skill.agents import hook
hook.main(["UserPromptSubmit"])
print("pueue_skill.plan.analysis" in sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(("prompt", "loads"), [("run the tests of the training", False), ("run the training", True)])
def test_only_a_prompt_about_long_work_loads_the_analysis(home: Path, prompt: str, loads: bool) -> None:
    event = {"session_id": "s", "cwd": "/", "hook_event_name": "UserPromptSubmit", "prompt": prompt}
    done = subprocess.run(
        [sys.executable, "-c", LOADS, ROOT], input=json.dumps(event), capture_output=True, text=True, check=True
    )
    assert (done.stderr.strip(), bool(done.stdout)) == (str(loads), loads)
