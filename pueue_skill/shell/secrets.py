"""Finds and masks secrets: text in, true or false, or the text with the secrets masked, out.

For text that is displayed, logged or stored, and for labels; a command itself is never changed. Two readers look for
secrets: FORMS describes the text around one (`NAME=…`, a header, a URL) and the tokens of services; `word_secrets`
reads shell words and knows which options of which programs take a secret. They find the usual forms and cannot find
all. Both take time linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pueue_skill.startup.regex import regex

MASK = "***"

SENSITIVE_NAME = (
    r"(?:(?:passw(?:or)?d|passphrase|pwd|secret|api[_-]?key|credential)s?|token|auth|(?<![A-Za-z])pass|cookie|bearer|passcode|otp|jwt"
    r"|(?:access|account|app|auth|client|consumer|deploy|encryption|hmac|jwt|license|master|private|secret|service|session|shared|signing"
    r"|storage|subscription)[_-]?key|connection[_-]?string|session[_-]?id|webhook(?:[_-]?url)?)"
)
"""The end of a secret's name. The rest of the name is not matched: that takes long in long words."""
NOT_SENSITIVE_NAME = regex(
    r"(?i)(?:^|[^a-z])(?:old)?pwd$|(?:^|[^a-z])(?:no|ask|show|prompt|use|with|max|min|num|n)[_-][a-z_-]*$"
)
"""Names that only end like those of secrets: PWD=/tmp, max_token=5, --no-password."""

# Prefixes of tokens, by the characters that may follow. From the rules of gitleaks 8.30 (MIT license, github.com/gitleaks/gitleaks,
# config/gitleaks.toml), which require exact lengths; here a part of a token is masked too.
ALPHANUMERIC_PREFIXES = """ghp_ gho_ ghu_ ghs_ ghr_ hf_ api_org_ npm_ lin_api_ ntn_ pnu_ rdme_ rubygems_ dapi doo_v1_ dop_v1_ dor_v1_ dt0c01. shpat_ shpca_
 shppa_ shpss_ shippo_live_ shippo_test_ sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_ sntryu_ sm_aat_ sm_pat_ sm_sat_ AKCp cmVmd
 LTAI ABSK EZAK EZTK GR1348941 AGE-SECRET-KEY-1 lin_oauth_ SG. 1//0 ya29."""
DASHED_PREFIXES = """github_pat_ glpat- glptt- gldt- glft- glrt- glcbt- glimt- glagent- gloas- glffct- glsoat- sk- sk-ant- sk-proj- xoxa- xoxb- xoxe-
 xoxo- xoxp- xoxr- xoxs- xapp- xoxe.xoxb- xoxe.xoxp- AIza pypi- clojars_ dp.pt. dp.st. duffel_live_ duffel_test_ fio-u- fo1_ fm1a_ fm1r_ fm2_
 glc_ glsa_ hvb. hvs. ico- ops_ p8e- PMAK- pplx- pscale_oauth_ pscale_pw_ pscale_tkn_ pul- sgp_ sha256~ sntrys_ sq0atp- sq0csp- tk-us-
 xkeysib- HRKU-AA FLWSECK_TEST- tfp_ dckr_pat_ dckr_oat_ rnd_ re_live_ whsec_"""


VARIABLE = r"\$[\w{(@*]"


def alternatives(prefixes: str) -> str:
    """A pattern that matches any of `prefixes`, separated by blanks."""
    return "(?:" + "|".join([prefix.replace(".", r"\.") for prefix in prefixes.split()]) + ")"


FORMS: Mapping[str, tuple[str, str]] = {
    "block": (r"-----BEGIN[ A-Z0-9_-]{0,60}PRIVATE KEY(?: BLOCK)?-----", r"(?s:.*?)(?:(?=-----END)|\Z)"),
    "url": (r"://[^\s/:@\"']{0,200}:", r"[^\s/\"']+(?=@)"),
    "user": (r"://", r"(?=[A-Za-z_-]{0,60}[0-9])[\w-]{20,}(?=@)"),
    "service": (
        r"\bhooks\.slack\.com/\w+/|\bdiscord(?:app)?\.com/api/(?:v\d+/)?webhooks/|\boffice(?:365)?\.com/webhook\w*/"
        r"|\bapi\.telegram\.org/bot|/trigger/\w+/with/key/|\bhooks\.zapier\.com/hooks/|\bhc-ping\.com/",
        r"[^\s\"'?#]+",
    ),
    "hook": (r"/[\w-]{0,30}hooks?/", r"(?=[^\s\"'?#]{0,200}?[\w-]{16})(?=[^\s\"'?#\d]{0,200}\d)[^\s\"'?#]+"),
    "query": (
        r"[?&](?i:[\w.-]{0,40}(?:token|signature|secret|passw(?:or)?d|pwd|key|auth|credential|session|jwt)|sig|code|pass|hmac)=",
        r"[^&\s\"'#]+",
    ),
    "authorization": (
        r"(?i:authorization)[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:(?i:basic|bearer|token|digest|negotiate|apikey|bot)\s{1,4})?",
        rf"(?!{VARIABLE})[^\s\"',]+",
    ),
    "header": (
        r"(?i:\b(?:set-)?cookie|\bx-[\w-]{0,40}(?:key|token|auth|secret|signature))[\"']?[ \t]{0,4}:[ \t]{0,4}[\"']?",
        rf"(?!{VARIABLE})[^\s\"'][^\"'\n]*",
    ),
    "named": (
        rf"(?i:{SENSITIVE_NAME})[\"']?(?:=>|:=|=|[ \t]{{1,4}}(?:=>|:=|=)[ \t]{{1,4}}|[ \t]{{0,4}}:(?!/)[ \t]{{0,8}})",
        rf"(?:\\?\"(?!{VARIABLE})[^\"]*(?:\"|$)|\\?'[^']*(?:'|$)|\$'[^']*'|[^\s\"'\\$&;|<>][^\s\"'&;|]*)",
    ),
    "sql": (r"\b(?i:passw(?:or)?d|passphrase|identified\s{1,4}by)\s{1,4}", r"(?:'[^']+'|\"[^\"$]+\")"),
    "bearer": (r"\b(?i:bearer)\s{1,4}", r"(?=[A-Za-z._~+/-]{0,60}\d)[A-Za-z0-9._~+/=-]{8,}"),
    "basic": (r"\b(?i:basic)\s{1,4}", r"(?=[A-Za-z]{0,60}[0-9+/=])[A-Za-z0-9+/]{8,}={0,2}"),
    "token": (
        r"\b",
        rf"(?:{alternatives(ALPHANUMERIC_PREFIXES)}[A-Za-z0-9._]{{16,}}|{alternatives(DASHED_PREFIXES)}(?=[A-Za-z_.-]{{0,60}}\d)[\w.=-]{{12,}}"
        r"|(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}|SK[0-9a-f]{32}\b|ey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*)",
    ),
}  # fmt: skip
"""By name, the pattern of the text before a secret, which stays, and of the secret. Each form matches a text in at
most one way."""
FORM = regex("|".join([f"(?P<{name}>{before}){hidden}" for name, (before, hidden) in FORMS.items()]))

PROGRAMS: Mapping[str, str] = {
    "curl": "-u* --user -U* --proxy-user -b* --cookie -E*",
    "http https xh xhs": "-a* --auth",
    "sshpass": "-p*",
    "redis-cli keydb-cli valkey-cli": "-a*",
    "mysql mysqldump mysqladmin mysqlimport mysqlshow mysqlcheck mysqlslap mysqlbinlog mysqlsh mariadb mariadb-dump mariadb-admin": "-p~",
    "mongo mongosh mongodump mongorestore mongoexport mongoimport influx beeline": "-p*",
    "sqlcmd bcp isql tsql zip unzip zipcloak ipmitool": "-P*",
    "ldapsearch ldapadd ldapmodify ldapdelete ldappasswd ldapwhoami": "-w*",
    "smbclient rpcclient": "-U*",
    "lftp": "-u*",
    "openssl": "-k -K -passin -passout -pass",
    "7z 7za 7zz": "-p~",
    "rar unrar": "-p~ -hp~",
    "xfreerdp rdesktop": "-p*",
    "snmpget snmpwalk": "-A* -X* -c*",
    "docker/login podman/login nerdctl/login buildah/login skopeo/login crane/login helm/login az/login oras/login": "-p*",
    "cf/login ibmcloud/login oc/login poetry/publish twine/upload": "-p*",
    "vault/login cargo/login wandb/login": "login",
    "ngrok": "authtoken add-authtoken",
    "doctl": "-t*",
    "nmcli": "password wifi-sec.psk",
    "ssh-keygen": "-N* -P*",
    "aws/set": "aws_access_key_id aws_secret_access_key aws_session_token",
    "gh/secret": "-b* --body",
}  # fmt: skip
"""Programs, and the words that precede their secrets, in addition to options with a SENSITIVE_NAME.

With `*` the value may be in the same word, with `~` it always is. After a slash: only if the command contains that word
too.
"""
SECRET_OPTIONS = {name: behind.split() for names, behind in PROGRAMS.items() for name in names.split()}
NAMES = {name.partition("/")[0] for name in SECRET_OPTIONS}

OPTION = regex(rf"--?(?:[A-Za-z0-9_-]*[_-])?(?i:{SENSITIVE_NAME})")
STDIN_SECRET = regex(
    r"--[\w-]{0,40}(?:pass|token|secret|stdin)|\b(?:\w{0,20}passwd|kinit|cryptsetup|login|secrets?|unlock)\b|\bsudo\s(?:[^|;&]{0,60}\s)?-S\b"
)
"""Text in a command that reads a secret from stdin."""
VARIABLE_NAME = regex(rf"(?i:{SENSITIVE_NAME})")
READ_COMMAND = regex(r"\bread\s[^|;&]{0,60}\Z")
"""`read` and what may precede the name of its variable. One pattern for both would search for the name 60 times per
`read`."""
NOT_SECRET = regex(
    rf"[\"']?{VARIABLE}|-$|--?[A-Za-z]|(?:id|type|env|file|fd)[=:]|(?:stdin|none|basic|digest|ntlm|true|false)$|\*\*\*"
    r"|(?:~|\.\.?)/|/(?:etc|home|root|run|tmp|usr|var|opt|mnt|data|srv|dev|Users)/|[\w./-]+\.(?:txt|json|ya?ml|pem|key|crt|env|jar|cfg|ini)$"
)
"""The beginning of a word that is not a secret: a variable, an option, a file, stdin."""
SHELL = regex(
    r"(?P<end>\n|\|[|&]?|&&?|;;?|[()`])|(?P<here><<<[ \t]*)|(?P<redirect>[<>]+&?)"
    r"|(?P<word>(?:\\.?|\"(?:[^\"\\]|\\.?)*(?:\"|$)|'[^']*(?:'|$)|[^\s;|&()<>\"'\\`]+)+)",
    re.DOTALL,
)
QUOTED = regex(r"[\"'](?=[^\"']*\s)")
MAX_NESTED_SHELLS = 4
"""Depth of nested shells whose words are read."""


def holds_secret(text: str) -> bool:
    """Whether `text` contains a likely secret, or is the name of one."""
    return (
        next(secret_spans(text), None) is not None
        or re.fullmatch(rf"(?i)[a-z0-9_-]*?{SENSITIVE_NAME}", text) is not None
    )


def masked(text: str) -> str:
    """`text` with MASK in place of each likely secret."""
    parts, done = [], 0
    for start, end in sorted(secret_spans(text)):
        if start >= done:
            parts += [text[done:start], MASK]
        done = max(done, end)
    return "".join([*parts, text[done:]])


def secret_spans(text: str) -> Iterator[tuple[int, int]]:
    """The (start, end) spans of likely secrets, unordered; they may overlap."""
    for match in FORM.finditer(text):
        form = match.lastgroup or ""
        name = text[max(0, match.start() - 60) : match.end(form)].rstrip("=:> \t\"'")
        if not text.startswith(MASK, match.end(form)) and (form != "named" or not NOT_SENSITIVE_NAME.search(name)):
            yield match.end(form), match.end()
    yield from word_secrets(text, 0, len(text), MAX_NESTED_SHELLS)


def word_secrets(text: str, start: int, end: int, depth: int) -> Iterator[tuple[int, int]]:
    """The spans of secrets passed to commands by options, a here-string or echo, in the shell text between `start` and
    `end`."""
    words: list[tuple[int, int]] = []
    given: list[tuple[int, int]] = []
    before = ""
    for match in SHELL.finditer(text, start, end):
        kind, span = match.lastgroup, match.span()
        if kind == "end":
            yield from command_secrets(text, words, given)
            piped = match[0] in ("|", "|&") and words and text[slice(*words[0])] in ("echo", "printf")
            words, given = [], words[1:] if piped else []
        elif kind == "word" and before == "here":
            given.append(span)
        elif kind == "word" and before != "redirect":
            words.append(span)
        inner = QUOTED.search(match[0]) if kind == "word" and depth else None
        if inner:
            yield from word_secrets(text, span[0] + inner.end(), span[1] - (match[0][-1] in "\"'"), depth - 1)
        before = kind or ""
    yield from command_secrets(text, words, given)


def command_secrets(
    text: str, words: Sequence[tuple[int, int]], given: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """The spans of secrets among the words of one command, and in its input `given`."""
    program, behind = "", list[str]()
    found = []
    for i, (start, end) in enumerate(words):
        word = text[start:end]
        name = word.rpartition("/")[2]
        if name in NAMES:
            program, behind = name, SECRET_OPTIONS.get(name, [])
        behind = SECRET_OPTIONS.get(f"{program}/{word}", behind)
        at = value_start(word, behind)
        if at is not None and at < len(word):
            found.append((start + at, end))
        elif at is not None and i + 1 < len(words):
            found.append(words[i + 1])
    if given and words and reads_secret(text, words[0][0], words[-1][1]):
        found += given
    yield from [place for place in found if not NOT_SECRET.match(text, *place)]


def reads_secret(text: str, start: int, end: int) -> bool:
    """Whether the command between `start` and `end` reads a secret from stdin."""
    if STDIN_SECRET.search(text, start, end):
        return True
    names = VARIABLE_NAME.finditer(text, start, end)
    return any(READ_COMMAND.search(text, max(start, name.start() - 66), name.start()) for name in names)


def value_start(word: str, behind: Sequence[str]) -> int | None:
    """The offset in `word` at which a secret begins; the word's length if the next word is one; None for neither."""
    if word.lstrip("\"'").startswith("pass:"):
        return word.index("pass:") + 5
    option, equals, _ = word.partition("=")
    if equals:
        return len(option) + 1 if option in behind else None
    if word in behind or (OPTION.fullmatch(word) and not NOT_SENSITIVE_NAME.search(word)):
        return len(word)
    for option in behind:
        letter, kind = option[:-1], option[-1]
        if kind in "*~" and word.startswith(letter):
            return len(letter) if len(word) > len(letter) else len(word) if kind == "*" else None
        if kind == "*" and word[:1] == "-" and word[1:].isalpha() and word.endswith(letter[1]):
            return len(word)  # a cluster of options, the last with a value
    return None
