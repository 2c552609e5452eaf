"""Drives the Codex CLI (npm @openai/codex) through one `codex exec`, with a scripted Responses API as its model.

A scenario's "args" precede the prompt. Hooks run only if they are trusted: in the configuration below "home", or for the run by the
argument --dangerously-bypass-hook-trust. Commands run without a sandbox by default.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import scripted

KEY = "SCRIPTED_KEY"


def stream(number: int, turn: dict[str, Any], code_mode: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the events of one response: a call of the shell tool, or a final answer.

    In "code mode" the model has no shell tool: it calls a tool that runs a JavaScript program, which calls the shell tool.
    """
    item: dict[str, Any]
    if "bash" in turn:
        arguments = json.dumps({"cmd": turn["bash"], **turn.get("input", {})})
        item = {"call_id": f"call_{number}"}
        if code_mode:
            program = f"text(await tools.exec_command({arguments}))"
            item |= {"type": "custom_tool_call", "namespace": "functions", "name": "exec", "input": program}
        else:
            item |= {"type": "function_call", "name": "exec_command", "arguments": arguments}
    else:
        content = [{"type": "output_text", "text": turn["text"], "annotations": []}]
        item = {"type": "message", "id": f"msg_{number}", "role": "assistant", "content": content}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    response = {"id": f"resp_{number}", "object": "response", "output": []}
    yield "response.created", {"type": "response.created", "response": response}
    yield "response.output_item.done", {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield "response.completed", {"type": "response.completed", "response": {**response, "usage": usage}}


def drive(scenario: dict[str, Any]) -> dict[str, Any]:
    """Run the client once. "requests" are the bodies of its requests to the model."""
    turns = list(scenario["turns"])
    calls: list[dict[str, Any]] = []

    def answer(path: str, body: Any) -> scripted.Answer | None:
        if path != "/v1/responses":
            return None
        calls.append(body)
        turn = turns.pop(0) if turns else {"text": "(no answer is left)"}
        return scripted.events(stream(len(calls), turn, "tools" not in body))

    url = scripted.Server(answer).url
    provider = f'{{name="scripted", base_url="{url}/v1", wire_api="responses", env_key="{KEY}"}}'
    settings = {
        "model_provider": '"scripted"',
        "model_providers.scripted": provider,
        "sandbox_mode": '"danger-full-access"',
        "check_for_update_on_startup": "false",
        "analytics.enabled": "false",
        "feedback.enabled": "false",
        "otel.metrics_exporter": '"none"',
    }
    command = [scenario["binary"], "exec", "--skip-git-repo-check"]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    (Path(scenario["home"]) / ".codex").mkdir(parents=True, exist_ok=True)
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": scenario["home"],
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        KEY: "made-up",
    }
    ended = scripted.run([*command, *scenario.get("args", []), scenario["prompt"]], scenario, env)
    return {**ended, "requests": calls}


if __name__ == "__main__":
    scripted.main(drive)
