"""`check`: checks the shell text of files, and of the files below folders, against the rules."""

from __future__ import annotations

import argparse
import json
import sys

from pueue_skill.cli import options as shared
from pueue_skill.cli.console import ExitCode, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        metavar="FILE|FOLDER",
        nargs="+",
        help="the file; its name determines its type; or a folder, for all such files below it",
    )
    output = parser.add_mutually_exclusive_group()
    shared.add_json(output, "check", "the findings")
    output.add_argument("--sarif", action="store_true", help="print the findings as SARIF 2.1.0")


def main(options: argparse.Namespace) -> int:
    from pueue_skill.configuration import settings
    from pueue_skill.lint import check as checker

    current = settings.current()
    files = checker.check_files(options.files, current.hosts, current.preferences)
    report = checker.report(files)
    if options.json or options.sarif:
        print(json.dumps(checker.sarif(report) if options.sarif else report, indent=2))
    else:
        text = "".join([checker.findings_text(file) for file in files])
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    for file in files:
        for line in checker.unread_lines(file):
            say(line)
    if report["errors"]:
        return ExitCode.USAGE
    return ExitCode.FINDINGS if report["findings"] else ExitCode.DONE
