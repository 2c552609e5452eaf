"""A receiver of notifications on loopback, and labels that would run a command if they could."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOSTILE = [
    "$(touch RAN)", "`touch RAN`", "'; touch RAN; '", '"; touch RAN; "', "a\ntouch RAN\n", "{{ command }}", "\\'; touch RAN #", "| touch RAN &",
]  # fmt: skip


class Receiver:
    """An HTTP server that records POST requests; `answers` is the status of its responses."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.answers = 200
        self.port = 0
        self.server: ThreadingHTTPServer | None = None
        self.up()

    def up(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.answers == 200:
                    receiver.got.append(json.loads(body))
                self.send_response(receiver.answers)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    @property
    def url(self) -> str:
        return f"json://me:pass-word@127.0.0.1:{self.port}/hidden-hook?x=deep-secret"

    def bodies(self) -> list[str]:
        return [one["message"] for one in self.got]
