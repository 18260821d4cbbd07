"""A server that fails as it is told, alone or in front of another."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Fault = Literal["", "500", "silent", "cut before", "cut after"]


class FaultyServer(ThreadingHTTPServer):
    """A server that answers `{}`, or what the server behind it answers, unless there is a fault.

    A connection is cut in place of a response, before or after the server behind has the request.

    Args:
        fault: The fault of a request, by its number from 1.
        behind: Port of another server on this machine.

    Attributes:
        num_requests: Requests so far.
        freed: Ends the silence of all that wait.
    """

    daemon_threads = True

    def __init__(
        self, fault: Callable[[int], Fault] = lambda _: "", *, behind: int | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fault = fault
        self.behind = behind
        self.num_requests = 0
        self.freed = threading.Event()
        self._lock = threading.Lock()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_fault(self) -> Fault:
        with self._lock:
            self.num_requests += 1
            return self.fault(self.num_requests)


class _Handler(BaseHTTPRequestHandler):
    """Handler of the requests of one connection."""

    protocol_version = "HTTP/1.1"
    server: FaultyServer

    def handle_request(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.next_fault()
        if fault == "silent":
            self.server.freed.wait()
        if fault == "cut after":
            self._forward(body)
        if fault in ("silent", "cut before", "cut after"):
            self.close_connection = True
        else:
            self._respond(*((500, b"{}") if fault == "500" else self._forward(body)))

    def _forward(self, body: bytes) -> tuple[int, bytes]:
        if self.server.behind is None:
            return 200, b"{}"
        behind = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        try:
            behind.request(self.command, self.path, body, headers)
            response = behind.getresponse()
            return response.status, response.read()
        except OSError:
            return 502, b"{}"
        finally:
            behind.close()

    def _respond(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request  # noqa: N815


@contextmanager
def serving(server: FaultyServer) -> Iterator[FaultyServer]:
    """Run a server inside the block."""
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.freed.set()
            server.shutdown()
            thread.join()
