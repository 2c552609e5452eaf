"""The grammar of a text with all that is not grammar taken out, for tree-sitter-bash to read.

In: a text. Out: its skeleton, in which every word is an `x` and every operator and reserved word stands as it is, and the
tokens behind it: words with the programs in them, redirects with their heredocs, assignments, headers of loops. tree-sitter's
own scanner misreads what is lexically hard in bash (heredocs, quotes in expansions, `time`, `case` patterns), so it is shown
none of it. The rules followed are those of read_token, parse_matched_pair and parse_cond in bash's parse.y. This knows
neither tree-sitter nor what a command means.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pueue_skill.shell.parse.words import ASSIGNMENT, DEPTH, PLAIN, Refused, read_heredoc, read_word, relocated
from pueue_skill.shell.syntax import Comment, Node, Redirect, Word
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

BREAKS = " \t\n|&;()<>"
BLANKS = regex(r"(?:[ \t]|\\\n)*")
RUN = regex(r"[^ \t\n|&;()<>\\'\"`$\[=?*+@!]+")
IN_DOUBLE = regex(r"[\\\"`$]")
IN_GROUP = regex(r"[\\'\"`$<>(){}\[\]]")
IN_BODY = regex(r"[\\`$]")
OPERATORS = (";;&", ";;", ";&", ";", "&&", "&", "||", "|&", "|")
REDIRECT = regex(
    r"(\d+|\{[A-Za-z_]\w*(?:\[[^]\s]*\])?\})?(<<<|<<-|<<|<&|<>|<(?!\()|>>|>&|>\||>(?!\())|&>>|&>", re.ASCII
)
NAME = regex(r"(?:\\\n)*[A-Za-z_](?:\w|\\\n)*", re.ASCII)
ARRAY = regex(r"[A-Za-z_]\w*(?:\[.*\])?\+?", re.ASCII | re.DOTALL)
WORD_END = r"(?=(?:\\\n)*(?:[ \t\n|&;()<>]|\Z))"
RESERVED = regex(
    r"(?:if|then|elif|else|fi|for|while|until|do|done|case|esac|select|in|function|time|coproc|\[\[|\]\]|[{}!])"
    + WORD_END
)
IN = regex("in" + WORD_END)
DO = regex("(?:do|{)" + WORD_END)
ESAC = regex("esac" + WORD_END)
COND_END = regex(r"\]\]" + WORD_END)
TIME_P = regex(r"(?:[ \t]|\\\n)+-p" + WORD_END)
TIME_END = regex(r"(?:[ \t]|\\\n)+--" + WORD_END)
COPROC_NAME = regex(
    r"[ \t]+(?!(?:if|while|until|for|case|select|\[\[|\{)[ \t\n])([A-Za-z_]\w*)"
    r"(?=[ \t]+(?:[(]|(?:if|while|until|for|case|select|\[\[|\{)[ \t\n]))",
    re.ASCII,
)
PARENTHESES = regex(r"[ \t]*\([ \t]*\)")
DECLARES = {"alias", "declare", "eval", "export", "let", "local", "readonly", "typeset"}
"""After these, and unquoted, bash takes `name=(…)` for an array; after all other words it is a syntax error."""

HEREDOCS = 16
"""As many heredocs may wait for the end of a line (HEREDOC_MAX in bash's parser.h)."""

UNARY = regex(r"-[abcdefghknoprstuvwxzGLNORS]" + WORD_END)
BINARY = {"=", "==", "!=", "<", ">", "=~", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"}

CLOSES = {
    ")": ("(",),
    "}": ("{", "for {"),
    "fi": ("if",),
    "done": ("while", "until", "for", "select"),
    "esac": ("case",),
}

# Where in a command the next word stands: at its beginning, after assignments or redirects only, after its name, or after
# a compound command has closed, where only redirects and what closes the next one out may follow.
FRESH, BEGUN, WORDS, CLOSED = range(4)


class Before(NamedTuple):
    """What stands before a command and is no part of it: `!`, time, coproc or a function's name."""

    kind: str
    words: tuple[Word, ...]
    start: int


class Token(NamedTuple):
    """What stands behind one place in the skeleton.

    kind: word, assign, redirect, operator, newline, key (a reserved word or parenthesis), for, select, case, pattern, test, arith,
    or nothing (where a `!` or time has no command). `last` is true of an operator that ends a line.
    """

    kind: str
    text: str
    start: int
    end: int
    words: tuple[Word, ...] = ()
    redirect: Redirect | None = None
    before: tuple[Before, ...] = ()
    last: bool = False


class Open(NamedTuple):
    """A compound command that has not closed yet; `word` begins it (`for {` one that closes with a brace)."""

    word: str
    start: int


class Pending(NamedTuple):
    """A heredoc whose body is still to come: the place of its token in the skeleton, and its delimiter."""

    place: int
    redirect: Redirect
    delimiter: Word


class Skeleton:
    """One program: the whole text, or what is in one substitution.

    `build` turns a finished skeleton into nodes; it is called here for each substitution as soon as that is read.
    """

    def __init__(
        self,
        text: str,
        build: Callable[[Skeleton], tuple[Node, ...]],
        level: int = 0,
        known: dict[int, tuple[int, tuple[Node, ...]]] | None = None,
    ) -> None:
        self.text = text
        self.build = build
        self.level = level
        self.known = {} if known is None else known
        self.pieces: list[str] = []
        self.size = 0
        self.tokens: dict[int, Token] = {}
        self.comments: list[Comment] = []
        self.state = FRESH
        self.after_pipe = False
        self.arrays = False
        self.open: list[Open] = []
        self.before: list[Before] = []
        self.pending: list[Pending] = []
        # Of the word that is being read, and where reading goes on behind it:
        self.stop = 0
        self.programs: list[Node] = []
        self.ends: dict[int, int] = {}
        self.notes: list[tuple[int, int]] = []

    # The program

    def read(self, i: int = 0, closer: str = "") -> int:
        """Reads on from `i` to the parenthesis that closes a substitution, or to the end. Returns where that is."""
        text = self.text
        while True:
            i = BLANKS.match(text, i).end()  # type: ignore[union-attr]
            if i >= len(text):
                break
            char = text[i]
            if char == "\n":
                i = self.newline(i)
            elif char == "#":
                i = self.comment(i)
            elif redirect := REDIRECT.match(text, i):
                i = self.redirect(redirect)
            elif char in ";&|":
                i = self.operator(i)
            elif char == "(":
                i = self.opening(i)
            elif char == ")":
                if closer and not self.open:
                    self.finish(i)
                    return i
                i = self.closing(i)
            else:
                i = self.word_or_reserved(i)
        if closer:
            raise Refused("a `$(` or `<(` is not closed")
        self.finish(i)
        return i

    def finish(self, i: int) -> None:
        if self.before:
            if self.before[-1].kind in ("function", "coproc") or i < len(self.text):
                raise self.unexpected(i)
            self.put("nothing", "x", i, i)
        if self.pending:
            raise Refused(f"the heredoc at character {self.pending[0].redirect.start} does not end")
        if self.open:
            raise Refused(f"the `{self.open[-1].word}` at character {self.open[-1].start} is not closed")

    def put(
        self,
        kind: str,
        piece: str,
        start: int,
        end: int,
        words: tuple[Word, ...] = (),
        redirect: Redirect | None = None,
    ) -> None:
        """Adds a piece to the skeleton, and what stands behind its first character."""
        text = {"operator": piece, "key": piece, "newline": "\n"}.get(kind, "")
        self.tokens[self.size] = Token(kind, text, start, end, words, redirect, tuple(self.before))
        self.before.clear()
        self.add(piece)

    def shown(self) -> bytes:
        """The skeleton itself; `tokens` has what stands behind its offsets."""
        return " ".join(self.pieces).encode("ascii")

    def add(self, piece: str) -> None:
        self.pieces.append(piece)
        self.size += len(piece) + 1

    def unexpected(self, i: int) -> Refused:
        found = (regex(r"\S+").match(self.text, i) or ("the end",))[0]
        return Refused(f"{found[:40]!r} at character {i} is not expected there")

    def newline(self, i: int) -> int:
        if self.before and self.before[-1].kind != "function":
            if self.before[-1].kind == "coproc":
                raise self.unexpected(i)
            self.put("nothing", "x", i, i)
            self.state = WORDS
        if self.state != FRESH:
            self.put("newline", ";", i, i + 1)
        elif self.tokens and not self.before:
            place, token = next(reversed(self.tokens.items()))
            if token.text in (";", "&"):
                self.tokens[place] = token._replace(last=True)
        self.fresh()
        return self.bodies(i + 1)

    def fresh(self, after_pipe: bool | None = None) -> None:
        self.after_pipe = self.after_pipe and self.state == FRESH if after_pipe is None else after_pipe
        self.state, self.arrays = FRESH, False

    def operator(self, i: int) -> int:
        operator = next(operator for operator in OPERATORS if self.text.startswith(operator, i))
        end = i + len(operator)
        if operator in (";;", ";&", ";;&"):
            if self.before or not (self.open and self.open[-1].word == "case"):
                raise self.unexpected(i)
            self.put("operator", ";;", i, end)
            return self.pattern(end)
        if self.before and self.before[-1].kind in ("!", "time", "time -p") and operator == ";":
            self.put("nothing", "x", i, i)
        elif self.state == FRESH:
            raise self.unexpected(i)
        self.put("operator", operator, i, end)
        self.fresh(operator in ("|", "|&"))
        return end

    def opening(self, i: int) -> int:
        if self.state != FRESH:
            raise self.unexpected(i)
        if self.text.startswith("((", i):
            end = self.arithmetic(i)
            if end:
                self.put("arith", "x", i, end, (self.made(i, end)._replace(static=False),))
                self.state = CLOSED
                return end
        self.opens("(", i)
        self.put("key", "(", i, i + 1)
        self.fresh(False)
        return i + 1

    def opens(self, word: str, i: int) -> None:
        self.open.append(Open(word, i))
        self.deeper()

    def deeper(self) -> None:
        self.level += 1
        if self.level > DEPTH:
            raise Refused(f"the command is nested more than {DEPTH} levels deep")

    def closing(self, i: int) -> int:
        self.shut(")", i)
        self.put("key", ")", i, i + 1)
        self.state = CLOSED
        return i + 1

    def shut(self, word: str, i: int) -> str:
        """Takes note of what `word` closes; returns what opened it."""
        opener = self.open.pop().word if self.open and not self.before else ""
        if opener not in CLOSES[word]:
            raise self.unexpected(i)
        self.level -= 1
        return opener

    # Words, and what begins with one

    def word_or_reserved(self, i: int) -> int:
        if self.state in (FRESH, CLOSED):
            reserved = RESERVED.match(self.text, i)
            if reserved and (reserved[0] != "time" or not self.after_pipe):
                return self.reserved(reserved[0], i, reserved.end())
            if self.state == CLOSED or (self.before and self.before[-1].kind == "function"):
                raise self.unexpected(i)
        first = self.state in (FRESH, BEGUN)
        word = self.word(i, assign=first, array=first or self.arrays)
        if "\\\n" in word.text and RESERVED.fullmatch(word.value):
            raise Refused(f"the {word.value} at character {i} is parted by a line's end")
        if first and ASSIGNMENT.match(word.text):
            self.put("assign", "x", word.start, word.end, (word,))
            self.state = BEGUN
            return self.stop
        if self.state == FRESH and not (self.before and self.before[-1].kind == "coproc"):
            function = PARENTHESES.match(self.text, self.stop)
            if function:
                self.before.append(Before("function", (word,), i))
                return function.end()
        if first:
            self.arrays = word.text in DECLARES
        self.put("word", "x", word.start, word.end, (word,))
        self.state = WORDS
        return self.stop

    def reserved(self, word: str, i: int, end: int) -> int:
        if word in ("then", "elif", "else", "fi", "do", "done", "esac", "}"):
            return self.closes(word, i, end)
        if self.state == CLOSED or word in ("in", "]]"):
            raise self.unexpected(i)
        if (
            self.before
            and self.before[-1].kind in ("function", "coproc")
            and word in ("!", "time", "function", "coproc")
        ):
            raise self.unexpected(i)
        if word == "!" and self.after_pipe:
            raise self.unexpected(i)
        if word in ("if", "while", "until", "{"):
            self.opens(word, i)
            self.put("key", word, i, end)
            self.fresh(False)
        elif word == "[[":
            words, end = self.conditional(end)
            self.put("test", "x", i, end, words)
            self.state = CLOSED
            return end
        elif word in ("for", "select"):
            return self.loop(word, i, end)
        elif word == "case":
            return self.case(i, end)
        elif word == "function":
            at = self.blanks(end)
            name = self.word(at)
            self.before.append(Before("function", (name,), i))
            parentheses = PARENTHESES.match(self.text, self.stop)
            return parentheses.end() if parentheses else self.stop
        elif word == "coproc":
            name_found = COPROC_NAME.match(self.text, end)
            name_words: tuple[Word, ...] = ()
            if name_found:
                name_words, end = (read_word(self.text, *name_found.span(1)),), name_found.end()
            self.before.append(Before("coproc", name_words, i))
        elif word == "time":
            portable = TIME_P.match(self.text, end)
            self.before.append(Before("time -p" if portable else "time", (), i))
            end = portable.end() if portable else end
            dashes = TIME_END.match(self.text, end)
            end = dashes.end() if dashes else end
        else:
            self.before.append(Before("!", (), i))
        return end

    def closes(self, word: str, i: int, end: int) -> int:
        if self.before:
            raise self.unexpected(i)
        if self.state == CLOSED:
            self.add(";")
        if word in CLOSES:
            piece = "done" if self.shut(word, i) == "for {" else word
            self.put("key", piece, i, end)
            self.state = CLOSED
        else:
            self.put("key", word, i, end)
            self.fresh(False)
        return end

    def loop(self, word: str, i: int, at: int) -> int:
        """The header of a for or select, up to its `do`, the word itself left out of the skeleton."""
        text = self.text
        at = self.blanks(at)
        if word == "for" and text.startswith("((", at):
            end = self.arithmetic(at)
            if not end or text.count(";", at, end) < 2:
                raise self.unexpected(at)
            words = [self.made(at, end)._replace(static=False)]
            at = self.blanks(end)
            at += text.startswith(";", at)
        else:
            words = [self.word(at)]
            name_end = self.stop
            at = self.gap(name_end)
            if IN.match(text, at):
                at = self.items(self.blanks(at + 2), words)
            elif self.blanks(name_end) == at:
                if text.startswith("{", at):
                    raise self.unexpected(at)
                at += text.startswith(";", at)
        at = self.gap(at)
        do = DO.match(text, at)
        if not do:
            raise self.unexpected(at)
        self.opens("for {" if do[0] == "{" else word, i)
        self.put(word, "for x ;", i, at, tuple(words))
        self.put("key", "do", at, do.end())
        self.fresh(False)
        return do.end()

    def items(self, at: int, words: list[Word]) -> int:
        """Adds the words between a loop's `in` and the end of that line or command to `words`."""
        while at < len(self.text) and self.text[at] not in ";\n":
            if self.text[at] in "|&()" or REDIRECT.match(self.text, at):
                raise self.unexpected(at)
            if self.text[at] == "#":
                return self.comment(at)
            words.append(self.word(at))
            at = self.blanks(self.stop)
        return at + self.text.startswith(";", at)

    def case(self, i: int, at: int) -> int:
        subject = self.word(self.blanks(at))
        at = self.gap(self.stop)
        if not IN.match(self.text, at):
            raise self.unexpected(at)
        self.opens("case", i)
        self.put("case", "case x in", i, at + 2, (subject,))
        return self.pattern(at + 2)

    def pattern(self, at: int) -> int:
        """The patterns of a case's next clause, up to their `)`, or the esac."""
        at = self.gap(at)
        if ESAC.match(self.text, at):
            self.state = FRESH
            return self.closes("esac", at, at + 4)
        start = at
        if self.text.startswith("(", at):
            at = self.blanks(at + 1)
        words = []
        while True:
            words.append(self.word(at))
            at = self.blanks(self.stop)
            if self.text.startswith(")", at):
                break
            if not self.text.startswith("|", at):
                raise self.unexpected(at)
            at = self.blanks(at + 1)
        self.put("pattern", "x )", start, at + 1, tuple(words))
        self.fresh(False)
        return at + 1

    def conditional(self, at: int) -> tuple[tuple[Word, ...], int]:
        """The words of a `[[ … ]]` and where it ends."""
        words: list[Word] = []
        at = self.condition(at, words, 0)
        if not COND_END.match(self.text, at):
            raise self.unexpected(at)
        return tuple(words), at + 2

    def condition(self, at: int, words: list[Word], depth: int) -> int:
        if depth > DEPTH:
            raise Refused(f"the command is nested more than {DEPTH} levels deep")
        while True:
            at = self.term(at, words, depth)
            if self.text[at : at + 2] not in ("&&", "||"):
                return at
            words.append(read_word(self.text, at, at + 2))
            at += 2

    def term(self, at: int, words: list[Word], depth: int) -> int:
        text = self.text
        at = self.gap(at)
        if text.startswith("(", at):
            at = self.condition(at + 1, words, depth + 1)
            if not text.startswith(")", at):
                raise self.unexpected(at)
            return self.gap(at + 1)
        if COND_END.match(text, at):
            raise self.unexpected(at)
        word = self.word(at)
        words.append(word)
        if word.text == "!":
            return self.term(self.stop, words, depth + 1)
        at = self.blanks(self.stop)
        if UNARY.match(word.text):
            if COND_END.match(text, at):
                raise self.unexpected(at)
            words.append(self.word(at))
            return self.gap(self.stop)
        if COND_END.match(text, at) or text.startswith((")", "&&", "||"), at):
            return at
        if text[at : at + 1] in ("<", ">") and not text.startswith("(", at + 1):
            operator = read_word(text, at, at + 1)
            self.stop = at + 1
        else:
            operator = self.word(at)
        if operator.text not in BINARY:
            raise self.unexpected(at)
        words.append(operator)
        at = self.blanks(self.stop)
        if COND_END.match(text, at):
            raise self.unexpected(at)
        words.append(self.word(at, regex=operator.text == "=~", extended=operator.text in ("=", "==", "!=")))
        return self.gap(self.stop)

    # Redirects and heredocs

    def redirect(self, found: re.Match[str]) -> int:
        if self.state == FRESH and self.before and self.before[-1].kind == "function":
            raise self.unexpected(found.start())
        start, operator = found.start(), found[2] or found[0]
        at = self.blanks(found.end())
        if operator in (">&", "<&") and self.text.startswith("-", at):
            # Closing a descriptor is done with the `-`; what is glued to it is the next word.
            self.stop = at + 1
            target = read_word(self.text, at, at + 1)
        else:
            target = self.word(at)
            follows = REDIRECT.match(self.text, at)
            if follows and follows[1] and operator not in (">&", "<&"):
                raise self.unexpected(self.stop)
        if operator in ("<<", "<<-"):
            target = target._replace(programs=())
        redirect = Redirect(operator, found[1], target, None, start, target.end)
        if operator in ("<<", "<<-"):
            if len(self.pending) == HEREDOCS:
                raise Refused(f"more than {HEREDOCS} heredocs begin on one line, which is more than bash reads")
            self.pending.append(Pending(self.size, redirect, target))
        stop = self.stop
        self.put("redirect", "> x", start, target.end, (), redirect)
        if self.state == FRESH:
            self.state = BEGUN
        return stop

    def bodies(self, i: int) -> int:
        """The bodies of the heredocs of the line that ended before `i`; returns where the next line begins."""
        if not self.pending:
            return i
        word_so_far = self.programs, self.ends
        for place, redirect, delimiter in self.pending:
            strip = redirect.op == "<<-"
            quoted = delimiter.text != delimiter.value
            start, continued = i, False
            while True:
                if i >= len(self.text):
                    raise Refused(f"the heredoc at character {redirect.start} does not end")
                stop = self.text.find("\n", i)
                stop = len(self.text) if stop < 0 else stop
                line = self.text[i:stop]
                if not continued and (line.lstrip("\t") if strip else line) == delimiter.value:
                    break
                continued = not quoted and (len(line) - len(line.rstrip("\\"))) % 2 == 1
                i = stop + 1
            self.programs, self.ends = [], {}
            if not quoted:
                self.in_body(start, i)
            body = read_heredoc(self.text, start, i, strip, quoted, tuple(self.programs))
            self.tokens[place] = self.tokens[place]._replace(redirect=redirect._replace(body=body))
            i = min(stop + 1, len(self.text))
        self.pending.clear()
        self.programs, self.ends = word_so_far
        return i

    def in_body(self, i: int, end: int) -> None:
        """Finds the programs in a heredoc's body."""
        while found := IN_BODY.search(self.text, i, end):
            i = found.start()
            if found[0] == "\\":
                i += 2
            elif found[0] == "`":
                i = self.backtick(i, double=False)
            else:
                i = self.dollar(i, double=True)
            if i > end:
                raise Refused("an expansion in a heredoc is not closed")

    # The parts of a word

    def word(
        self, i: int, assign: bool = False, array: bool = False, regex: bool = False, extended: bool = False
    ) -> Word:
        """The word at `i`; `self.stop` is then where reading goes on (behind a line continuation that ends the word)."""
        text = self.text
        plain = PLAIN.match(text, i)
        if plain and (plain.end() == len(text) or text[plain.end()] in " \t\n;|&)") and not regex:
            self.stop = plain.end()
            return read_word(text, i, self.stop)
        self.programs, self.ends, self.notes = [], {}, []
        self.stop, end = self.scan(i, assign, array, regex, extended)
        if end == i or text[i] == "#":
            raise self.unexpected(i)
        if not self.notes:
            return self.made(i, end)
        chars = list(text[:end])
        for start, stop in self.notes:
            chars[start:stop] = " " * (stop - start)
        return read_word("".join(chars), i, end, tuple(self.programs), self.ends)._replace(text=text[i:end])

    def made(self, start: int, end: int) -> Word:
        return read_word(self.text, start, end, tuple(self.programs), self.ends)

    def scan(self, i: int, assign: bool, array: bool, regex: bool, extended: bool) -> tuple[int, int]:
        """Where the word at `i` ends, with the line continuations behind it and without."""
        text, start, end = self.text, i, i
        name = NAME.match(text, i) if assign else None
        subscript = name.end() if name else -1
        while i < len(text):
            char = text[i]
            if char == "\\":
                i += 2
                if text[i - 1 : i] == "\n":
                    continue
            elif char == "'":
                i = self.single(i)
            elif char == '"':
                i = self.double(i + 1)
            elif char == "`":
                i = self.backtick(i, double=False)
            elif char == "$":
                i = self.dollar(i, double=False)
            elif char in "<>" and text.startswith("(", i + 1):
                i = self.substitution(i)
            elif char == "[" and i == subscript:
                i = self.group(i + 1, "[", "]", i)
            elif char == "=" and array and text.startswith("(", i + 1) and ARRAY.fullmatch(text, start, i):
                i = self.array(i + 2)
            elif regex and char in "(|":
                i = self.group(i + 1, "(", ")", i) if char == "(" else i + 1
            elif char in "?*+@!" and extended and text.startswith("(", i + 1):
                i = self.group(i + 2, "(", ")", i)
            elif char in BREAKS:
                break
            else:
                run = RUN.match(text, i)
                i = run.end() if run else i + 1
            end = i
        return min(i, len(text)), min(end, len(text))

    def array(self, i: int) -> int:
        """The rest of `name=(…)`."""
        while True:
            comments = len(self.comments)
            i = self.gap(i)
            self.notes.extend([(comment.start, comment.end) for comment in self.comments[comments:]])
            if self.text.startswith(")", i):
                return i + 1
            start = i
            if self.text.startswith("[", i):
                i = self.group(i + 1, "[", "]", i)
            i = self.scan(i, False, False, False, False)[0]
            if i == start:
                raise self.unexpected(i)

    def single(self, i: int) -> int:
        close = self.text.find("'", i + 1)
        if close < 0:
            raise Refused(f"the quote at character {i} is not closed")
        return close + 1

    def double(self, i: int) -> int:
        start = i - 1
        while found := IN_DOUBLE.search(self.text, i):
            i = found.start()
            if found[0] == '"':
                return i + 1
            if found[0] == "\\":
                i += 2
            elif found[0] == "`":
                i = self.backtick(i, double=True)
            else:
                i = self.dollar(i, double=True)
        raise Refused(f"the double quote at character {start} is not closed")

    def dollar(self, i: int, double: bool) -> int:
        """Behind the `$` at `i` and what it makes of the next characters."""
        text = self.text
        follows = text[i + 1 : i + 2]
        if text.startswith("\\\n", i + 1):
            raise Refused(f"the `$` at character {i} is parted from what it expands by a line's end")
        if follows == "(":
            return self.substitution(i)
        if follows == "{":
            if text[i + 2 : i + 3] in (" ", "\t", "\n", "|"):
                raise Refused(
                    f"`${{ …}}` at character {i} means a command in some versions of bash, an error in others"
                )
            end = self.group(i + 2, "", "}", i)
        elif follows == "[":
            end = self.group(i + 2, "[", "]", i)
        elif follows == "'" and not double:
            end = i + 2
            while text[end : end + 1] != "'":
                end += 2 if text[end : end + 1] == "\\" else 1
                if end >= len(text):
                    raise Refused(f"the quote at character {i + 1} is not closed")
            return end + 1
        elif follows == '"' and not double:
            return self.double(i + 2)
        else:
            return i + 2 if follows == "$" else i + 1
        self.ends[i] = end
        return end

    def group(self, i: int, opener: str, closer: str, start: int) -> int:
        """Behind the `closer` that fits what was opened before `i`; what it quotes and substitutes on the way counts."""
        text, count = self.text, 1
        while found := IN_GROUP.search(text, i):
            char, i = found[0], found.start()
            if char == closer:
                count -= 1
                i += 1
                if not count:
                    return i
            elif char == "\\":
                i += 2
            elif char == "'":
                i = self.single(i)
            elif char == '"':
                i = self.double(i + 1)
            elif char == "`":
                i = self.backtick(i, double=False)
            elif char == "$":
                i = self.dollar(i, double=False)
            elif char in "<>" and text.startswith("(", i + 1) and closer != ")":
                i = self.substitution(i)
            else:
                count += char == opener
                i += 1
        raise Refused(f"what begins at character {start} is not closed by a `{closer}`")

    def arithmetic(self, i: int) -> int:
        """Where the `((…))` at `i` ends, or 0 when it is no arithmetic but a parenthesis in a parenthesis."""
        self.programs, self.ends = [], {}
        end = self.group(i + 2, "(", ")", i)
        return end + 1 if self.text.startswith(")", end) else 0

    def substitution(self, i: int) -> int:
        """Behind the `$(…)`, `$((…))`, `<(…)` or `>(…)` at `i`."""
        if i not in self.known:
            self.known[i] = self.substituted(i)
        end, programs = self.known[i]
        self.programs.extend(programs)
        self.ends[i] = end
        return end

    def substituted(self, i: int) -> tuple[int, tuple[Node, ...]]:
        """Where the substitution at `i` ends and the programs in it.

        Kept in `known`, because what looked like arithmetic may be read once more as commands, at each level.
        """
        self.deeper()
        if self.text.startswith("$((", i):
            outer = self.programs, self.ends
            self.programs, self.ends = [], {}
            end = self.group(i + 3, "(", ")", i)
            programs = tuple(self.programs)
            self.programs, self.ends = outer
            if self.text.startswith(")", end):
                self.level -= 1
                return end + 1, programs
        inner = Skeleton(self.text, self.build, self.level, self.known)
        end = inner.read(i + 2, ")") + 1
        self.level -= 1
        return end, self.build(inner)

    def backtick(self, i: int, double: bool) -> int:
        """Behind the command substitution between the backtick at `i` and the next."""
        escapable = '$`\\"' if double else "$`\\"
        text, at = self.text, i + 1
        chars: list[str] = []
        where: list[int] = []
        while text[at : at + 1] != "`":
            if at >= len(text):
                raise Refused(f"the backtick at character {i} is not closed")
            if text.startswith("\\\n", at):
                at += 2
                continue
            if text[at] == "\\" and text[at + 1 : at + 2] and text[at + 1] in escapable:
                at += 1
            elif text[at] == "\\" and text[at + 1 : at + 2]:
                chars.append(text[at])
                where.append(at)
                at += 1
            chars.append(text[at])
            where.append(at)
            at += 1
        where.append(at)
        self.deeper()
        inner = Skeleton("".join(chars), self.build, self.level)
        inner.read()
        places = range(i + 1, at + 1) if len(where) == at - i else where
        self.programs.extend([relocated(node, places) for node in self.build(inner)])
        self.level -= 1
        self.ends[i] = at + 1
        return at + 1

    # Between words

    def blanks(self, i: int) -> int:
        return BLANKS.match(self.text, i).end()  # type: ignore[union-attr]

    def comment(self, i: int) -> int:
        end = self.text.find("\n", i)
        end = len(self.text) if end < 0 else end
        self.comments.append(Comment(self.text[i:end], i, end))
        return end

    def gap(self, i: int) -> int:
        """Behind blanks, newlines and comments, where a newline ends nothing; bodies of heredocs are read at the newline."""
        while True:
            i = self.blanks(i)
            if self.text.startswith("\n", i):
                i = self.bodies(i + 1)
            elif self.text.startswith("#", i):
                i = self.comment(i)
            else:
                return i
