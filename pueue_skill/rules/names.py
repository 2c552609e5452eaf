"""Names of scripts, modules, tasks and functions as evidence: a name in, its words out.

A name is read as words (`populate_full_cache.py` is populate, full, cache), never as a substring.
"""

from __future__ import annotations

import re

from pueue_skill.rules.words import CALM_ENDS, CALM_NOUNS, CALM_WORDS, SIGNS, STRONG, VERBS
from pueue_skill.startup.regex import regex

WORDS = regex(r"[A-Za-z]+\d*")
SCRIPTS = "py|sh|bash|zsh|ksh|fish|rb|pl|R|r|jl|js|mjs|cjs|ts|tsx|php|lua|tcl|m|sql|ipynb|exs"
SCRIPT_FILE = regex(rf"\.(?:{SCRIPTS})$")
"""The end of a script's name."""
EXTENSION = regex(rf"\.(?:{SCRIPTS}|jar|exe|bin|out)$")
"""The end of the name of a script or of a program of the project; the rest of the name tells what it does."""
INSTALLED = regex(
    r"^/(?:usr|s?bin|snap|nix)/|^(?:~|/|\$\{?(?:HOME|GOPATH)\b|(?:.*/)?(?:node_modules|\.?v?env)/).*/s?bin/[^/]+$|(?:^|/)(?:node_modules/\.bin|\.?venv|env)/"
)
"""The path of an installed program: in a folder of the system, in some bin, or in a virtual environment."""


def split_name(name: str) -> list[str]:
    """The words of a name in lower case: `populateFull_cache2.py` is populate, full, cache2, py. The number of a known word is none of it:
    `train2` is train."""
    return [unnumbered(word.lower()) for word in WORDS.findall(re.sub(r"([a-z])([A-Z])", r"\1_\2", name))]


def unnumbered(word: str) -> str:
    """The word without the digits at its end if it then is work, and is none with them: train2, but not phase1 or md5."""
    bare = word.rstrip("0123456789")
    return bare if word not in SIGNS and (bare in STRONG or bare in SIGNS or bare in VERBS) else word


def is_soak(words: list[str]) -> bool:
    """Whether the words name a soak, stress or load test."""
    return bool({"soak", "stress", "load"} & set(words)) and "test" in words


def calm_words(name: str) -> set[str]:
    """The words of a name that describe a check or a query."""
    words = split_name(EXTENSION.sub("", name))
    if is_soak(words):
        return set()
    works = words[:1] != [] and (words[0] in STRONG or words[0] in SIGNS)
    calm = (CALM_WORDS - CALM_NOUNS if works else CALM_WORDS) & set(words)
    return calm - (CALM_ENDS - {words[0], words[-1]}) if calm else calm


def reason_in_name(name: str) -> str | None:
    """What a script or function does by its name, if that takes long; else None."""
    words = split_name(EXTENSION.sub("", name))
    if is_soak(words):
        return "a soak run"
    if calm_words(name):
        return None
    return next((STRONG.get(word) or SIGNS.get(word) for word in words if word in STRONG or word in SIGNS), None)
