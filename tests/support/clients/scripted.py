"""Runs a real agent client with a scripted model: a scenario as JSON on stdin, the result as JSON on stdout.

Each client's module in this folder is such a program: it passes `main` a function that runs the client once with a Server. The program
starts itself again in a separate network namespace that contains only loopback, so neither the client nor its commands can reach a
network. The client's environment contains only the scenario's variables.
"""

from __future__ import annotations

import fcntl
import http.server
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

UP = 0x8914, 0x1 | 0x8  # SIOCSIFFLAGS: IFF_UP, IFF_LOOPBACK (netdevice(7))

Answer = tuple[str, Iterable[bytes]]
"""A content type, and the parts of a body."""


class Server:
    """A model's endpoint on loopback. `answer(path, body)` returns the response to a POST, or None for an empty JSON object.

    `requests` holds the bodies of all POSTs, in order.
    """

    def __init__(self, answer: Callable[[str, Any], Answer | None]) -> None:
        self.requests: list[dict[str, Any]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                raw = self.rfile.read(length)
                body = json.loads(raw) if raw[:1] in (b"{", b"[") else None
                if self.command == "POST":
                    outer.requests.append({"path": self.path, "body": body})
                given = answer(self.path, body) if self.command == "POST" else None
                kind, parts = given or ("application/json", [b"{}"])
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                if self.command == "HEAD":
                    return
                for part in parts:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")

            do_POST = do_PUT = do_HEAD = do_GET

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


def events(items: Iterable[tuple[str, dict[str, Any]]]) -> Answer:
    """Server-sent events with names."""
    return "text/event-stream", [f"event: {name}\ndata: {json.dumps(data)}\n\n".encode() for name, data in items]


def run(command: list[str], scenario: dict[str, Any], env: dict[str, str], stdin: bytes = b"") -> dict[str, Any]:
    """Run the client until it ends, at most scenario["timeout"] seconds (60); return its exit code (None: it was killed) and output."""
    process = subprocess.Popen(
        command,
        cwd=scenario["cwd"],
        env={**env, **scenario.get("env", {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(stdin, scenario.get("timeout", 60))
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        code = None
    return {"code": code, "stdout": out.decode("utf-8", "replace"), "stderr": err.decode("utf-8", "replace")}


def main(drive: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Drive the client through the scenario on stdin, in a separate namespace."""
    if "--inside" not in sys.argv:
        flags = "-n" if os.geteuid() == 0 else "-rn"
        os.execvp("unshare", ["unshare", flags, sys.executable, *sys.argv, "--inside"])  # noqa: S606
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as loopback:
        fcntl.ioctl(loopback, UP[0], struct.pack("16sh", b"lo", UP[1]))
    print(json.dumps(drive(json.load(sys.stdin))))
