"""Scans the words of simple commands.

In: a source, the position of a word and the state there. Out: a Step. Raises Refused for a syntax error in bash. The module knows no
reserved words.
"""

from __future__ import annotations

from pueue_skill.shell.parse.lines import skip_blanks
from pueue_skill.shell.parse.operators import REDIRECT, REDIRECT_START
from pueue_skill.shell.parse.reserved import PARENTHESES, RESERVED
from pueue_skill.shell.parse.source import Refused, Source
from pueue_skill.shell.parse.tokens import BEGUN, FRESH, WORDS, Before, State, Step, Token, past, preceded
from pueue_skill.shell.parse.words import ASSIGNMENT, DECLARED, FIRST, ORDINARY, scan_assignment

NO_ARGUMENT = "\n#;&|()<>"
"""No argument begins with these, except `<(`, which is scanned separately."""
DECLARES = {"alias", "declare", "eval", "export", "let", "local", "readonly", "typeset"}
"""After these words, unquoted, `name=(…)` is an array; after all others it is a syntax error."""


def scan_arguments(source: Source, i: int, state: State) -> Step:
    """Scan the words from `i` up to the first that is no argument."""
    text, kind = source.text, DECLARED if state.arrays else ORDINARY
    tokens = []
    while True:
        word, end, gap = scan_assignment(source, i, kind, state.waiting)
        tokens.append(Token("word", "x", "", i, word.end, (word,)))
        i = skip_blanks(text, end)
        if gap:
            return past(Step(end, state, tuple(tokens)), gap)
        if i >= len(text) or text[i] in NO_ARGUMENT or (text[i] in REDIRECT_START and REDIRECT.match(text, i)):
            return Step(end, state, tuple(tokens))


def scan_first(source: Source, i: int, state: State) -> Step:
    """Scan the word at `i`: an assignment, a command's name or a function's name."""
    word, end, gap = scan_assignment(source, i, FIRST, state.waiting)
    if "\\\n" in word.text and RESERVED.fullmatch(word.value):
        raise Refused(f"the {word.value} at character {i} is parted by a line's end")
    if ASSIGNMENT.match(word.text):
        kind, after = "assign", after_word(state, BEGUN, state.arrays)
    else:
        kind, after = "word", after_word(state, WORDS, word.text in DECLARES)
        if state.stage == FRESH and not (state.before and state.before[-1].kind == "coproc"):
            function = PARENTHESES.match(source.text, end)
            if function:
                return Step(function.end(), preceded(state, Before("function", (word,), i)))
    step = Step(end, after, (Token(kind, "x", "", i, word.end, (word,), None, state.before),))
    return past(step, gap) if gap else step


def after_word(state: State, stage: int, arrays: bool) -> State:
    """Return the state after a word; with `arrays` the next words can be arrays."""
    return State(stage, (), state.after_pipe, arrays, state.open, state.waiting)
