"""Gemini CLI (npm: @google/gemini-cli) with a scripted Gemini API.

A turn may have "input": more fields of the shell tool's input (dir_path, is_background).
"""

from __future__ import annotations

import json
from typing import Any

from scripted import Answer, Server, main, run

MODEL = "gemini-2.5-flash"
ARGS = ["--yolo"]  # without it there is no shell tool: nobody could be asked


def part(turn: dict[str, Any]) -> dict[str, Any]:
    if "bash" in turn:
        args = {"command": turn["bash"], **turn.get("input", {})}
        return {"functionCall": {"name": "run_shell_command", "args": args}}
    return {"text": turn["text"]}


def is_main(path: str, body: Any) -> bool:
    """Return whether a request is part of the conversation, not one of the client's own questions (routing, summaries)."""
    return ":streamGenerateContent" in path and bool(body.get("tools"))


def drive(scenario: dict[str, Any]) -> dict[str, Any]:
    turns = iter(scenario["turns"])

    def answer(path: str, body: Any) -> Answer | None:
        if ":countTokens" in path:
            return "application/json", [b'{"totalTokens": 10}']
        turn = next(turns, {"text": "(the script is over)"}) if is_main(path, body) else {"text": "{}"}
        chunk = {
            "candidates": [{"content": {"role": "model", "parts": [part(turn)]}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
            "modelVersion": MODEL,
        }
        data = json.dumps(chunk).encode()
        if ":streamGenerateContent" in path:
            return "text/event-stream", [b"data: " + data + b"\n\n"]
        return "application/json", [data]

    server = Server(answer)
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": scenario["home"],
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        # The kind of access with a base URL that needs nothing in settings.json; the protocol is that of the Gemini API.
        "GOOGLE_GENAI_USE_VERTEXAI": "true",
        "GOOGLE_VERTEX_BASE_URL": server.url,
        "GOOGLE_API_KEY": "made-up",
        "GEMINI_TELEMETRY_ENABLED": "false",
        "GEMINI_CLI_NO_RELAUNCH": "true",
        # Or it stops at once, in a folder that is not trusted. (--skip-trust is read after the project's settings.)
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }
    command = [scenario["binary"], "--model", MODEL, "--prompt", scenario["prompt"], *scenario.get("args", ARGS)]
    result = run(command, scenario, env)
    result["requests"] = [each["body"] for each in server.requests if is_main(each["path"], each["body"])]
    return result


if __name__ == "__main__":
    main(drive)
