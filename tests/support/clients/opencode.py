"""Runs OpenCode once with a scripted model: see scripted.py.

The scenario: "binary" (OpenCode's own executable), "home", "cwd", "prompt", "turns" (a list of {"bash": COMMAND, ...other
arguments of the tool} or {"text": ANSWER}), and optionally "args", "env" and "timeout".
"""

from __future__ import annotations

import json
from typing import Any

import scripted

CONFIG = {
    "model": "scripted/model",
    "small_model": "scripted/model",
    "autoupdate": False,
    "share": "disabled",
    "formatter": False,
    "lsp": False,
}


def config(url: str) -> str:
    """Configuration in addition to the files of the user and the project: one provider, which OpenCode's package contains."""
    models = {"model": {"name": "Scripted", "tool_call": True, "limit": {"context": 200000, "output": 8000}}}
    options = {"baseURL": f"{url}/v1", "apiKey": "scripted"}
    provider = {"npm": "@ai-sdk/openai-compatible", "name": "Scripted", "options": options, "models": models}
    return json.dumps({**CONFIG, "enabled_providers": ["scripted"], "provider": {"scripted": provider}})


def delta(turn: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a turn as the message of a chat completion, unstreamed."""
    if "bash" not in turn:
        return {"role": "assistant", "content": turn["text"]}
    arguments = {"command": turn["bash"], "description": "scripted", **turn}
    del arguments["bash"]
    function = {"name": "bash", "arguments": json.dumps(arguments)}
    return {
        "role": "assistant",
        "tool_calls": [{"index": 0, "id": f"call_{number}", "type": "function", "function": function}],
    }


def completion(turn: dict[str, Any], number: int) -> scripted.Answer:
    """A streamed chat completion."""
    head = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 0, "model": "model"}
    reason = "tool_calls" if "bash" in turn else "stop"
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    chunks = [
        {**head, "choices": [{"index": 0, "delta": delta(turn, number), "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage},
    ]
    return "text/event-stream", [f"data: {item}\n\n".encode() for item in [*map(json.dumps, chunks), "[DONE]"]]


def server(turns: list[dict[str, Any]], requests: list[dict[str, Any]]) -> scripted.Server:
    """The model. Its requests go to `requests`, except those without tools, which only ask for a title."""
    left = iter(turns)

    def answer(path: str, body: Any) -> scripted.Answer | None:
        if not path.endswith("/chat/completions"):
            return None
        if not body.get("tools"):
            return completion({"text": "A title"}, 0)
        requests.append(body)
        return completion(next(left, {"text": "(no more turns)"}), len(requests))

    return scripted.Server(answer)


def drive(scenario: dict[str, Any]) -> dict[str, Any]:
    """Run `opencode run`; return its result and its requests to the model."""
    requests: list[dict[str, Any]] = []
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": scenario["home"],
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "SHELL": "/bin/bash",
        "OPENCODE_CONFIG_CONTENT": config(server(scenario["turns"], requests).url),
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_SHARE": "1",
        # Where there are plugins, it first waits for an npm install, which gives up on a network after a minute.
        "npm_config_offline": "true",
    }
    command = [scenario["binary"], "run", "--format", "json", *scenario.get("args", []), scenario["prompt"]]
    return {**scripted.run(command, scenario, env), "requests": requests}


if __name__ == "__main__":
    scripted.main(drive)
