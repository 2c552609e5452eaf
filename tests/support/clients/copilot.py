"""Runs GitHub Copilot CLI once, offline, with a scripted model: see scripted.py, and opencode.py for the scenario's form.

It needs no account with a model that its user provides.
"""

from __future__ import annotations

from typing import Any

import opencode
import scripted


def drive(scenario: dict[str, Any]) -> dict[str, Any]:
    requests: list[dict[str, Any]] = []
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": scenario["home"],
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "SHELL": "/bin/bash",
        "COPILOT_OFFLINE": "true",
        "COPILOT_AUTO_UPDATE": "false",
        "COPILOT_PROVIDER_BASE_URL": opencode.server(scenario["turns"], requests).url + "/v1",
        "COPILOT_PROVIDER_API_KEY": "scripted",
        "COPILOT_MODEL": "scripted",
    }
    command = [scenario["binary"], "--no-auto-update", "--no-color", *scenario.get("args", ["--allow-all-tools"])]
    return {**scripted.run([*command, "-p", scenario["prompt"]], scenario, env), "requests": requests}


if __name__ == "__main__":
    scripted.main(drive)
