r"""Extracts shell text from files: the name and text of a file in, its shell texts out, with the position of each
character.

Supported are shell scripts, Makefiles, GitHub workflows and actions, mise tasks and justfiles. Text that another
program fills in before a shell sees it (`${{ … }}`, `{{ … }}`, `$(CC)`) is replaced by an expansion with an unknown
value. Line ends must be "\n". Nothing here knows rules or findings, and no file is opened.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pueue_skill.startup.record import NamedTuple


class ShellText(NamedTuple):
    """A text that one shell reads. `origin[i]` is the position of `text[i]` in the file.

    `head` is the position at which the file introduces the text (`run: |`, a recipe's name), None if the text itself
    begins there.
    """

    text: str
    origin: Sequence[int]
    head: int | None = None


class Unreadable(Exception):
    """The file is malformed; the message is the reason. `line` is its line, or None."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


class NoShell(Exception):
    """The file contains no shell text, by its kind; the message is the reason."""


SHELLS = {"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "bats"}
HAS_COMMAND = re.compile(r"^[ \t]*[^\s#]", re.M)


def shell_texts(path: str, text: str) -> list[ShellText]:
    """The shell texts of the file at `path`, in order, without those that run nothing. Raises Unreadable and NoShell."""
    return [shell_text for shell_text in reader_of(path)(text) if HAS_COMMAND.search(shell_text.text)]


def reader_of(path: str) -> Reader:
    """The reader for the file at `path`."""
    return next((read for names, read in READERS if names.search(path)), script)


BATCH_HEADER = re.compile(r"^#(?:SBATCH|PBS|BSUB|COBALT|\$)[ \t]+-", re.M)
"""A directive of Slurm, PBS, LSF, Cobalt or Grid Engine."""


def runs_unattended(path: str, text: str) -> bool:
    """Whether a batch system or a CI service runs the file: no session ends, and no agent waits."""
    reader = reader_of(path)
    return reader is workflow or (reader is script and BATCH_HEADER.search(text) is not None)


class TextBuilder:
    """A ShellText under construction from the text of a file."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts: list[str] = []
        self.origin: list[int] = []

    def copy(self, start: int, end: int) -> None:
        """Appends a span of the file."""
        self.parts.append(self.text[start:end])
        self.origin.extend(range(start, end))

    def insert(self, text: str, at: int) -> None:
        """Appends text that replaces the text at the position `at`."""
        self.parts.append(text)
        self.origin.extend([at] * len(text))

    def build(self, head: int | None = None) -> ShellText:
        """The ShellText built so far."""
        return ShellText("".join(self.parts), self.origin, head)


def placeholder(length: int) -> str:
    """An expansion of that length with an unknown value."""
    return "${" + "_" * (length - 3) + "}" if length > 3 else "_" * length


def hide(match: re.Match[str]) -> str:
    """The placeholder for a match."""
    return placeholder(len(match[0]))


def blank(match: re.Match[str]) -> str:
    """Blanks for a match, with its newlines."""
    return re.sub(r"[^\n]", " ", match[0])


# Shell scripts


def script(text: str) -> Iterator[ShellText]:
    """The whole text, if its interpreter is a shell. Raises NoShell."""
    if not is_shell(text):
        raise NoShell(f"it is for {interpreter(text)}, which is not a supported shell")
    yield ShellText(text, range(len(text)))


def is_shell(text: str) -> bool:
    """Whether a shell runs the text, by its `#!` line."""
    return not text.startswith("#!") or interpreter(text) in SHELLS


def interpreter(text: str) -> str:
    """The program that the `#!` line of a text names."""
    words = text[2:].partition("\n")[0].split()
    if words and basename(words[0]) == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return basename(words[0]) if words else "nothing"


def basename(program: str) -> str:
    """The last component of a path."""
    return program.rpartition("/")[2]


# Makefiles

ASSIGNMENT = re.compile(r"\s*(?:(?:export|override|private)\s+)*([\w.-]+)\s*(?:::?:?|\?|\+|!)?=\s*(.*)", re.S)
TARGET_ASSIGNMENT = re.compile(r"[^#:=]+::?\s*(?:(?:export|override|private)\s+)*[\w.-]+\s*(?:::?:?|\?|\+|!)?=")
DEFINE = re.compile(r"\s*(?:override\s+|export\s+)*define\b")
DIRECTIVE = re.compile(r"\s*(?:ifeq|ifneq|ifdef|ifndef|else|endif|-?include|sinclude|unexport|undefine|vpath)\b")
ONESHELL = re.compile(r"^\.ONESHELL\s*:", re.M)


def makefile(text: str) -> Iterator[ShellText]:
    """The recipe lines, joined across backslashes; with .ONESHELL whole recipes."""
    prefix, in_rule, defines, shell = "\t", False, 0, "sh"
    one_shell = ONESHELL.search(text) is not None
    recipe, head = TextBuilder(text), 0
    for start, end in logical_lines(text):
        line = text[start:end]
        if defines:  # a define contains shell or make text, depending on its use
            defines += 1 if DEFINE.match(line) else -1 if line.strip().startswith("endef") else 0
        elif in_rule and line.startswith(prefix):
            if shell not in SHELLS:
                continue
            if one_shell:
                recipe_line(recipe, start, end, prefix)
                recipe.copy(end, min(end + 1, len(text)))
            else:
                single = TextBuilder(text)
                recipe_line(single, start, end, prefix)
                yield single.build()
        elif DEFINE.match(line):
            defines, in_rule = 1, False
        elif not line.strip() or line.lstrip().startswith("#") or DIRECTIVE.match(line):
            continue  # directives and blank lines do not end a recipe
        else:
            yield recipe.build(head)
            recipe, head = TextBuilder(text), start
            assignment = ASSIGNMENT.match(line)
            in_rule = assignment is None and ":" in line
            if assignment and assignment[1] == ".RECIPEPREFIX":
                prefix = assignment[2][:1] or "\t"
            elif assignment and assignment[1] == "SHELL":
                shell = shell if "$" in assignment[2] else interpreter("#!" + assignment[2])
            inline = line.find(";", line.find(":"))
            if in_rule and inline >= 0 and "#" not in line[:inline] and not TARGET_ASSIGNMENT.match(line):
                single = TextBuilder(text)
                recipe_line(single, start + inline + 1, end, prefix)
                yield single.build()
    yield recipe.build(head)


def logical_lines(text: str) -> Iterator[tuple[int, int]]:
    """The spans of lines without line ends; a line that ends in a backslash is joined with the next."""
    start = at = 0
    while start < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        at = end + 1
        backslash = end
        while backslash > start and text[backslash - 1] == "\\":
            backslash -= 1
        if end < len(text) and (end - backslash) % 2:
            continue
        yield start, end
        start = at


def recipe_line(into: TextBuilder, start: int, end: int, prefix: str) -> None:
    """Appends the shell text of a recipe line: without the prefix and `@-+`, make's expansions replaced."""
    text = into.text
    if text.startswith(prefix, start):
        start += 1
    while start < end and text[start] in " \t@+-":
        start += 1
    at = start
    while at < end:
        special = SPECIAL.search(text, at, end)
        stop = special.start() if special else end
        into.copy(at, stop)
        at = stop
        if special is None:
            break
        if special[0] == "\\\n":
            into.copy(at, at + 2)
            at += 2 + text.startswith(prefix, at + 2)
        else:
            at = expand_make(into, at, end)


SPECIAL = re.compile(r"\\\n|\$")


def expand_make(into: TextBuilder, at: int, end: int) -> int:
    """Appends the shell's view of make's `$` at `at`; returns the position after the expansion."""
    text = into.text
    after = text[at + 1 : at + 2] if at + 1 < end else ""
    if after == "$":
        into.insert("$", at)
        return at + 2
    if after in ("(", "{"):
        stop = closing_bracket(text, at + 1, end)
        if re.fullmatch(r"[A-Za-z_]\w*", text[at + 2 : stop - 1]):
            into.insert("${", at)
            into.copy(at + 2, stop - 1)
            into.insert("}", stop - 1)
        else:  # a function of make, or a name that is invalid in a shell
            for i, char in enumerate(placeholder(stop - at)):
                into.insert(char, at + i)
        return stop
    if re.match(r"\w", after):  # make reads `$FOO` as `$(F)OO`
        into.insert("${", at)
        into.copy(at + 1, at + 2)
        into.insert("}", at + 1)
    elif after in tuple("@*?"):
        into.copy(at, at + 2)
    elif after in tuple("<^+|%"):
        into.insert("$_", at)
    elif after:
        into.insert(" ", at)
    return at + 2


def closing_bracket(text: str, at: int, end: int) -> int:
    """The position after the bracket that closes the one at `at`."""
    opening, closing = text[at], ")" if text[at] == "(" else "}"
    depth = 0
    for i in range(at, end):
        depth += (text[i] == opening) - (text[i] == closing)
        if not depth:
            return i + 1
    return end


# GitHub workflows and composite actions

EXPRESSION = re.compile(r"\$\{\{(?:(?!\$\{\{).)*?\}\}", re.S)


def workflow(text: str) -> Iterator[ShellText]:
    """Each `run:` for bash or sh, or for the default shell if that is one of them. Raises Unreadable."""
    import yaml

    try:
        roots = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise Unreadable(f"broken YAML: {error.problem}", mark.line + 1 if mark else None) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Unreadable(f"broken YAML: #x{error.character:04x} is not allowed there", line) from None
    except (ValueError, OverflowError):
        raise Unreadable("broken YAML: an escape is not the number of a character") from None
    except RecursionError:
        raise Unreadable("broken YAML: it is nested too deeply") from None
    seen: set[int] = set()
    for root in roots:
        top = value_at(root, "defaults", "run", "shell")
        for _, job in entries(value_at(root, "jobs")):
            shell = value_at(job, "defaults", "run", "shell") or top
            windows = scalar_value(value_at(job, "runs-on")).startswith("windows")
            default = scalar_value(shell) or ("pwsh" if windows else "bash")
            yield from step_texts(text, value_at(job, "steps"), default, seen)
        yield from step_texts(text, value_at(root, "runs", "steps"), "", seen)


def step_texts(text: str, steps: Any, shell: str, seen: set[int]) -> Iterator[ShellText]:
    """The shell texts of steps. `seen` are the positions already read: an anchor's steps may occur in many jobs."""
    for step in steps.value if steps is not None and steps.id == "sequence" else ():
        words = (scalar_value(value_at(step, "shell")) or shell).split()
        if not words or basename(words[0]) not in SHELLS:
            continue
        for key, node in entries(step):
            if key.value == "run" and node.id == "scalar" and key.start_mark.index not in seen:
                seen.add(key.start_mark.index)
                shell_text = scalar_text(text, key, node)
                yield shell_text._replace(text=EXPRESSION.sub(hide, shell_text.text))


def entries(node: Any) -> list[Any]:
    """The key and value nodes of a YAML mapping; empty for other nodes."""
    return list(node.value) if node is not None and node.id == "mapping" else []


def value_at(node: Any, *keys: str) -> Any:
    """The YAML node at the path `keys`, or None."""
    for key in keys:
        node = next((inner for name, inner in entries(node) if name.value == key), None)
    return node


def scalar_value(node: Any) -> str:
    """The value of a YAML scalar; empty for other nodes."""
    return str(node.value) if node is not None and node.id == "scalar" else ""


def scalar_text(text: str, key: Any, node: Any) -> ShellText:
    """The value of a YAML scalar, with the position of each character."""
    start, end = node.start_mark.index, node.end_mark.index
    raw = TextBuilder(text)
    if node.style in ("|", ">"):
        line = text.find("\n", start, end) + 1 or end
        digit = re.match(r"[|>][+-]?([1-9])", text[start:line])
        first = re.compile(r"( *)[^ \n]").search(text, line, end)
        indent = key.start_mark.column + int(digit[1]) if digit else len(first[1]) if first else 0
        while line < end:
            stop = text.find("\n", line, end) + 1 or end
            blanks = re.compile(r" *").match(text, line, stop)
            raw.copy(line + min(indent, len(blanks[0]) if blanks else 0), stop)
            line = stop
    else:
        quotes = 1 if node.style else 0
        raw.copy(start + quotes, end - quotes)
    return with_origin(node.value, raw.build(), node.style or "", key.start_mark.index)


ESCAPE = re.compile(r"\\(?:[ \t]*\n[ \t\n]*|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0", "a": "\a", "v": "\v", "e": "\x1b",
           "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029"}  # fmt: skip


def with_origin(value: str, raw: ShellText, style: str, head: int) -> ShellText:
    """`value` with the positions of its characters in `raw`, from which it was parsed; all at the beginning if
    unclear."""
    origin: list[int] = []
    text, at = raw.text, 0
    for char in value:
        while True:
            found = text[at : at + 1]
            width, means = 1, found
            if style == '"' and found == "\\" and (escape := ESCAPE.match(text, at)):
                code = escape[1] or escape[2] or escape[3]
                width = len(escape[0])
                means = chr(int(code, 16)) if code else ESCAPES.get(escape[4], escape[4]) if escape[4] else ""
            elif style == "'" and text.startswith("''", at):
                width = 2
            if means == char or (char == " " and found == "\n"):  # a folded line
                origin.append(raw.origin[at])
                at += width
                break
            if not found or not (means == "" or found.isspace()):
                return ShellText(value, [raw.origin[0] if raw.text else head] * len(value), head)
            at += width
    return ShellText(value, origin, head)


# mise tasks

TEMPLATE = re.compile(r"\{\{(?:(?!\{\{).)*?\}\}", re.S)
TEMPLATE_STATEMENT = re.compile(r"\{%(?:(?!\{%).)*?%\}|\{#(?:(?!\{#).)*?#\}", re.S)
TOML_TOKEN = re.compile(
    r'"""(?:\\.|(?!""").)*"""(?:""?(?!"))?'
    r"|'''(?:(?!''').)*'''(?:''?(?!'))?"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*|[\w-]+|[=\[\]{}]",
    re.S,
)


class TomlString(NamedTuple):
    """A string in a TOML file, and the key whose value it is, or is in."""

    key: str
    value: str
    shell_text: ShellText


def mise(text: str) -> Iterator[ShellText]:
    """The tasks in a mise configuration. Raises Unreadable."""
    tasks = toml(text).get("tasks")
    yield from task_texts(text, tasks if isinstance(tasks, dict) else {})


def task_file(text: str) -> Iterator[ShellText]:
    """The tasks in a file of mise tasks. Raises Unreadable."""
    yield from task_texts(text, toml(text))


def toml(text: str) -> dict[str, Any]:
    """The parsed TOML document. Raises Unreadable."""
    try:
        return tomllib.loads(text)
    except ValueError as error:  # also for a number with thousands of digits
        line = re.search(r"\(at line (\d+)", str(error))
        raise Unreadable(f"broken TOML: {error}", int(line[1]) if line else None) from None
    except RecursionError:
        raise Unreadable("broken TOML: it is nested too deeply") from None


def task_texts(text: str, tasks: dict[str, Any]) -> Iterator[ShellText]:
    """The shell texts of the tasks in a table; each string separately, as mise runs them."""
    unused: dict[tuple[str, str], list[ShellText]] = {}
    for literal in toml_strings(text) if tasks else ():
        unused.setdefault((literal.key, literal.value), []).append(literal.shell_text)
    for name, task in tasks.items():
        key, runs = ("run", task.get("run")) if isinstance(task, dict) else (name, task)
        shell = str(task.get("shell", "")).split() if isinstance(task, dict) else []
        if shell and basename(shell[0]) not in SHELLS:
            continue
        for run in [runs] if isinstance(runs, str) else runs if isinstance(runs, list) else []:
            if not isinstance(run, str) or not is_shell(run):
                continue
            places = unused.get((key, run))
            shell_text = places.pop(0) if places else ShellText(run, [max(0, text.find(name))] * len(run))
            shown = TEMPLATE_STATEMENT.sub(blank, TEMPLATE.sub(hide, run))
            yield shell_text._replace(text=shown)


def toml_strings(text: str) -> Iterator[TomlString]:
    """All strings in a valid TOML file."""
    key = last = ""
    outer = []
    for match in TOML_TOKEN.finditer(text):
        part = match[0]
        if part == "=":
            key = last
        elif part in "[{":
            outer.append(key)
        elif part in "]}":
            key = outer.pop() if outer else ""
        elif part[0] in "\"'":
            quotes = 3 if part[:3] in ('"""', "'''") else 1
            start = match.start() + quotes
            start += quotes == 3 and text.startswith("\n", start)
            raw = TextBuilder(text)
            raw.copy(start, match.end() - quotes)
            last = tomllib.loads(f"x={part}")["x"]
            yield TomlString(key, last, with_origin(last, raw.build(), '"' if part[0] == '"' else "", match.start()))
        elif part[0] != "#":
            last = part


# justfiles

INTERPOLATION = re.compile(r"\{\{(?:(?!\{\{).)*?\}\}")
HEADER = re.compile(r"@?[A-Za-z_][\w-]*(.*)")
JUST_STRING = re.compile(r"'[^'\n]*'|\"(?:\\.|[^\"\\\n])*\"|`[^`\n]*`")
LONG_STRING = re.compile(r"'''|\"\"\"|```")
JUST_SHELL = re.compile(r"^set\s+shell\s*:=\s*\[\s*['\"]([^'\"]*)", re.M)
SCRIPT_ATTRIBUTE = re.compile(r"\[(?:.*,)?\s*script\b(?:\s*[(:]\s*['\"]([^'\"]*)['\"])?.*\]")


def justfile(text: str) -> Iterator[ShellText]:
    """Each line of a recipe; recipes that are scripts as a whole."""
    setting = JUST_SHELL.search(text)
    shell = basename(setting[1]) if setting else "sh"
    lines = list(logical_lines(text))
    at, attribute, until = 0, None, ""
    while at < len(lines):
        start, end = lines[at]
        at += 1
        line = text[start:end]
        if until:  # inside a string of several lines
            until = "" if until in line else until
            continue
        marks = [] if line.startswith("#") else LONG_STRING.findall(line)
        if len(marks) % 2:
            until = marks[-1]
            continue
        attribute = SCRIPT_ATTRIBUTE.match(line) or attribute
        header = HEADER.match(line)
        if header is None:
            continue
        if not re.search(r":(?!=)", JUST_STRING.sub("", header[1])):
            attribute = None
            continue
        body = []
        while at < len(lines) and (not text[slice(*lines[at])].strip() or text[lines[at][0]] in " \t"):
            body.append(lines[at])
            at += 1
        yield from recipe_texts(text, start, body, shell, attribute)
        attribute = None


def recipe_texts(
    text: str, head: int, body: list[tuple[int, int]], shell: str, attribute: re.Match[str] | None
) -> Iterator[ShellText]:
    """The shell texts of one recipe."""
    filled = [text[slice(*span)] for span in body if text[slice(*span)].strip()]
    if not filled:
        return
    indent = filled[0][: len(filled[0]) - len(filled[0].lstrip())]
    whole = TextBuilder(text)
    singles = []
    for start, end in body:
        single = TextBuilder(text)
        dedented(single, start, end, indent)
        dedented(whole, start, min(end + 1, len(text)), indent)
        singles.append(single)
    shell_text = interpolated(whole.build(head))
    if attribute or shell_text.text.startswith("#!"):
        named = basename(attribute[1]) if attribute and attribute[1] else "sh"
        if is_shell(shell_text.text) if shell_text.text.startswith("#!") else named in SHELLS:
            yield shell_text
    elif shell in SHELLS:
        for single in singles:
            line = interpolated(single.build())
            skip = len(line.text) - len(line.text.lstrip("@- \t"))
            yield line._replace(text=line.text[skip:], origin=line.origin[skip:])


def dedented(into: TextBuilder, start: int, end: int, indent: str) -> None:
    """Appends a span without the indentation of each line."""
    while start < end:
        stop = into.text.find("\n", start, end) + 1 or end
        into.copy(start + (len(indent) if into.text.startswith(indent, start) else 0), stop)
        start = stop


def interpolated(shell_text: ShellText) -> ShellText:
    """The shell text with placeholders for just's interpolations."""
    return shell_text._replace(text=INTERPOLATION.sub(hide, shell_text.text))


# Kinds of files


def not_shell(wanted: str) -> Callable[[str], Iterable[ShellText]]:
    """A reader for files that contain no shell text; it raises NoShell."""

    def read(text: str) -> list[ShellText]:
        raise NoShell(f"it is not named like {wanted}")

    return read


Reader = Callable[[str], Iterable[ShellText]]
SHELL_READERS: tuple[Reader, ...] = (script, makefile, workflow, mise, task_file, justfile)
"""The readers of files that contain shell text."""

READERS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (re.compile(r"(^|/)(\.?mise-tasks|\.?mise/tasks)/.*\.toml$|(^|/)tasks\.toml$"), task_file),
    (re.compile(r"(^|/)\.?mise(\.[\w-]+)*\.toml$|(^|/)\.?mise/(config(\.[\w-]+)*|conf\.d/[^/]+)\.toml$"), mise),
    (re.compile(r"\.toml$"), not_shell("a file with mise tasks")),
    (re.compile(r"(^|/)\.github/workflows/[^/]+\.ya?ml$|(^|/)action\.ya?ml$"), workflow),
    (re.compile(r"\.ya?ml$"), not_shell("a GitHub workflow or action")),
    (re.compile(r"(^|/)(GNUm|[mM])akefile(\.[^/]*)?$|\.ma?k$"), makefile),
    (re.compile(r"(^|/)\.?[jJ]ustfile$|\.just$"), justfile),
)
"""The readers by path; the first match applies, and any other file is a shell script."""
