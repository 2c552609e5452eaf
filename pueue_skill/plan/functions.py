"""Functions and aliases that exist only in an interactive shell: the text of a job in, NotQueueable out if it uses
one.

An interactive shell's start-up files define them, and a job's bash reads none. A text may use functions that it defines
itself, by the line that the tool documents.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pueue_skill.plan.markers import text_of
from pueue_skill.plan.proposal import Proposal, Work
from pueue_skill.shell.commands import commands as commands_of
from pueue_skill.shell.model import Command
from pueue_skill.shell.parse import parse
from pueue_skill.shell.ssh_target import NotQueueable
from pueue_skill.shell.syntax import Script
from pueue_skill.shell.wrappers import longest_entry
from pueue_skill.startup.record import NamedTuple


class Function(NamedTuple):
    """A command that start-up files define.

    `line` defines it in a script, from the tool's documentation. `defined` is a pattern for the arguments of a `source`
    or `eval` that does so. `instead` is a command that needs no such line.
    """

    line: str
    defined: str
    instead: str = ""


CONDA = Function(
    'eval "$(conda shell.bash hook)"', r"conda\.sh\b|(^|/)activate\b|\bconda\b.*\bhook\b", "conda run -n NAME PROGRAM"
)
MAMBA = Function('eval "$(mamba shell hook --shell bash)"', r"(mamba|conda)\.sh\b|(^|/)activate\b|\bmamba\b.*\bhook\b", "mamba run -n NAME PROGRAM")  # fmt: skip
MICROMAMBA = Function('eval "$(micromamba shell hook --shell bash)"', r"\bmicromamba\b.*\bhook\b|\bmicromamba\.sh\b", "micromamba run -n NAME PROGRAM")  # fmt: skip
MODULES = Function(
    '. "$MODULESHOME/init/bash"', r"(^|/)init/(ba)?sh\b|(modules|lmod)\w*\.sh\b|^/etc/(profile|bashrc|bash\.bashrc)$"
)
PYENV = r"\bpyenv\b.*\binit\b"
SPACK = Function('. "$SPACK_ROOT/share/spack/setup-env.sh"', r"setup-env\.sh\b", 'eval "$(spack load --sh NAME)"')
WRAPPER = Function(
    '. "${VIRTUALENVWRAPPER_SCRIPT:-virtualenvwrapper.sh}"',
    r"virtualenvwrapper(_lazy)?\.sh\b",
    '. "$WORKON_HOME/NAME/bin/activate"',
)
RVM = Function('. "$rvm_path/scripts/rvm"', r"scripts/rvm\b", "rvm VERSION do PROGRAM")
ZOXIDE = Function('eval "$(zoxide init bash)"', r"\bzoxide\b.*\binit\b|/z\.sh\b")


def version_manager(tool: str, variable: str) -> Function:
    """The `shell` command of rbenv and its descendants."""
    return Function(f'eval "$({tool} init -)"', rf"\b{tool}\b.*\binit\b", f"{variable}=VERSION PROGRAM")


FUNCTIONS: dict[str, Function] = {
    **{f"conda {verb}": CONDA for verb in ("activate", "deactivate")},
    **{f"mamba {verb}": MAMBA for verb in ("activate", "deactivate")},
    **{f"micromamba {verb}": MICROMAMBA for verb in ("activate", "deactivate")},
    "module": MODULES,
    "ml": MODULES,
    "nvm": Function('. "$NVM_DIR/nvm.sh"', r"nvm\.sh\b"),
    "fnm use": Function('eval "$(fnm env)"', r"\bfnm\b.*\benv\b", "fnm exec --using=VERSION PROGRAM"),
    "pyenv shell": Function('eval "$(pyenv init -)"', PYENV, "PYENV_VERSION=VERSION PROGRAM"),
    **{
        f"pyenv {verb}": Function('eval "$(pyenv init -)"; eval "$(pyenv virtualenv-init -)"', PYENV, "PYENV_VERSION=NAME PROGRAM")
        for verb in ("activate", "deactivate")
    },
    "rbenv shell": version_manager("rbenv", "RBENV_VERSION"),
    "nodenv shell": version_manager("nodenv", "NODENV_VERSION"),
    "goenv shell": version_manager("goenv", "GOENV_VERSION"),
    "plenv shell": version_manager("plenv", "PLENV_VERSION"),
    "phpenv shell": version_manager("phpenv", "PHPENV_VERSION"),
    "jenv shell": version_manager("jenv", "JENV_VERSION"),
    "asdf shell": Function('. "$ASDF_DIR/asdf.sh"', r"asdf\.sh\b", "ASDF_TOOL_VERSION=VERSION PROGRAM"),
    "mise shell": Function('eval "$(mise activate bash)"', r"\bmise\b.*\bactivate\b", "mise exec TOOL@VERSION -- PROGRAM"),
    "sdk": Function('. "$SDKMAN_DIR/bin/sdkman-init.sh"', r"sdkman-init\.sh\b"),
    "rvm use": RVM,
    "rvm gemset": RVM,
    "chruby": Function(". /usr/local/share/chruby/chruby.sh", r"chruby\.sh\b", "chruby-exec VERSION -- PROGRAM"),
    "gvm use": Function('. "$HOME/.gvm/scripts/gvm"', r"scripts/gvm\b"),
    **{f"spack {verb}": SPACK for verb in ("load", "unload", "cd", "env activate", "env deactivate")},
    **{name: WRAPPER for name in ("workon", "mkvirtualenv", "cdvirtualenv", "rmvirtualenv", "toggleglobalsitepackages")},
    "deactivate": Function("", r"(^|/)activate\b|virtualenvwrapper|\binit\b|\bhook\b"),
    "z": ZOXIDE,
    "zi": ZOXIDE,
    **dict.fromkeys(("ll", "la", "l"), Function("", r"$^", "ls -l")),
}  # fmt: skip
"""By the words that use it; `ll`, `la` and `l` are aliases in most start-up files."""


def check_functions(proposal: Proposal, done: Sequence[Work]) -> None:
    """Raises NotQueueable if a job would use a function of the interactive shell that its text does not define."""
    if not any(longest_entry(FUNCTIONS, command.name, command.words[1:]) for command in proposal.commands):
        return
    for work in done:
        script = parse(work.text) if work.shell == "bash" else None
        found = undefined_function(commands_of(script)) if isinstance(script, Script) else None
        if found:
            words, function = found
            reason = f"{words} is a function or an alias of your interactive shell, which a job does not have"
            reason += f"; put `{function.line}` before it" if function.line else ""
            reason += f"; `{function.instead}` works without it" if function.instead else ""
            raise NotQueueable(reason, f"{function.line}; {text_of(proposal.script)}" if function.line else "")


def undefined_function(commands: Sequence[Command]) -> tuple[str, Function] | None:
    """The first function that the text uses before defining it, as (words, Function); None without one."""
    for i, command in enumerate(commands):
        if command.via or command.wrappers:
            continue  # of another shell, or run as a program
        found = longest_entry(FUNCTIONS, command.words[0].value, command.words[1:])
        if found and not any(defines(other, found[1], command, commands[j:i]) for j, other in enumerate(commands[:i])):
            return found[:2]
    return None


def defines(other: Command, function: Function, command: Command, between: Sequence[Command]) -> bool:
    """Whether an earlier command defines the function for `command`."""
    name = command.words[0].value
    if other.via or any(step.inside[: len(other.inside)] != other.inside for step in (*between, command)):
        return f"function {name}" in other.inside
    if other.name in ("source", ".", "eval"):
        return re.search(function.defined, " ".join(other.args)) is not None
    return other.name == "alias" and any(arg.startswith(f"{name}=") for arg in other.args)
