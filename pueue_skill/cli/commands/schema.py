"""`schema`: prints the JSON Schema of a file or an output, or validates a document."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from pueue_skill.cli.console import ExitCode, failed, say
from pueue_skill.cli.parsing import listed

NAMES = (
    "acts audit batch batch-acts batch-check batch-status changes check config doctor history jobs notifications outcome rules run setup status "
    "suggestion timeline tool"
).split()
"""The names of schemas.SCHEMAS, which takes long to import."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("schema", metavar="NAME", choices=NAMES, help=listed(NAMES))
    parser.add_argument(
        "--validate",
        metavar="FILE",
        help="check a TOML, YAML or JSON document against the schema, exit 1 if it is invalid; - reads TOML or JSON from stdin",
    )


def main(options: argparse.Namespace) -> int:
    from pueue_skill.cli.schemas import SCHEMAS

    schema = SCHEMAS[options.schema]()
    if options.validate is not None:
        return validate(options.validate, options.schema, schema)
    print(json.dumps(schema, indent=2))
    return ExitCode.DONE


def validate(file: str, name: str, schema: dict[str, object]) -> int:
    """Print a line FILE:LINE: KEY: ERROR for each error of the document; return the exit code."""
    import jsonschema

    from pueue_skill.configuration import diagnostics, formats

    shown_name = "stdin" if file == "-" else file
    try:
        text = (sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()).decode("utf-8")
        # All our documents are tables: as JSON they begin with a brace, which TOML never does.
        source = ("stdin.json" if text.lstrip().startswith("{") else "stdin.toml") if file == "-" else file
        content = formats.with_text_keys(formats.parse(source, text))
    except UnicodeDecodeError as error:
        return failed(ExitCode.USAGE, f"{shown_name}: not UTF-8: {error.reason} at byte {error.start}")
    except OSError as error:
        return failed(ExitCode.USAGE, f"{shown_name}: {error.strerror}")
    except formats.FormatError as error:
        return failed(ExitCode.USAGE, f"{shown_name}{f':{error.line}' if error.line else ''}: {error}")
    except RecursionError:
        return failed(ExitCode.USAGE, f"{shown_name}: nested too deeply")
    problems = diagnostics.problems_of_schema(
        jsonschema.Draft202012Validator(schema).iter_errors(content), content, schema
    )
    for line in diagnostics.report(shown_name, problems, formats.locator(source, text)):
        print(line)
    if not problems:
        say(f"{shown_name} fits the schema {name}")
    return ExitCode.FINDINGS if problems else ExitCode.DONE
