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
        help="check a TOML, YAML or JSON document against the schema (of a tool: also its patterns and examples), exit 1 if it is invalid; - reads TOML or JSON from stdin",
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
    lines = diagnostics.report(shown_name, problems, formats.locator(source, text))
    if name == "tool" and not lines:
        lines = problems_of_tools(source, text, content, shown_name)
    for line in lines:
        print(line)
    if not lines:
        say(f"{shown_name} fits the schema {name}")
    return ExitCode.FINDINGS if lines else ExitCode.DONE


def problems_of_tools(source: str, text: str, content: object, shown_name: str) -> list[str]:
    """Return the mistakes that no schema finds in a tool file, such as wrong patterns, and the examples that are judged otherwise."""
    from pueue_skill.configuration import formats, tools
    from pueue_skill.configuration.errors import ConfigError
    from pueue_skill.rules.model import Preferences

    try:
        if formats.format_of(source) == "toml":
            loaded = tools.load_own(text, content, shown_name)
        else:
            loaded = tools.load(content, shown_name, formats.locator(source, text))
    except ConfigError as error:
        return [line for line in str(error).splitlines() if line != tools.ALL_KEYS]
    return tools.misjudged(loaded, Preferences(tools=tools.by_program([loaded])))
