"""The real collector, on a free port with a folder of its own, and a link that breaks in front of it."""

import http.client
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BINARY = os.environ.get("HEADWATER_BIN")
REFUSAL = (
    b'{"success":false,"error":{"code":"busy","message":"send again after the time in Retry-After"},'
    b'"code":"busy","message":"send again after the time in Retry-After"}'
)


class Collector:
    def __init__(self):
        if not BINARY:
            raise RuntimeError("HEADWATER_BIN must name the collector; scripts/test-clients.sh sets it")
        self.data = tempfile.mkdtemp(prefix="headwater-clients-")
        self.process = subprocess.Popen(
            [BINARY, "dev", "--port", "0", "--data", self.data],
            stdout=subprocess.PIPE,
            env={**os.environ, "HEADWATER_LOG": "warn"},
            text=True,
        )
        first = self.process.stdout.readline()
        if not first.startswith("listening on "):
            raise RuntimeError(f"the collector said {first!r}")
        self.url = first.split()[-1]

    def events(self):
        """All stored events, as `headwater export` writes them."""
        done = subprocess.run([BINARY, "export", "--data", self.data], stdout=subprocess.PIPE, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.process.stdout.close()
        shutil.rmtree(self.data, ignore_errors=True)


class Link:
    """Meets the first requests with a fault each: a status with its Retry-After, "cut" or "lost answer"."""

    def __init__(self, collector, faults):
        link = self
        link.requests = []
        lock = threading.Lock()
        host = urllib.parse.urlsplit(collector.url).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with lock:
                    fault = faults[len(link.requests)] if len(link.requests) < len(faults) else None
                    link.requests.append({"at": time.monotonic(), "headers": dict(self.headers), "body": body})
                if isinstance(fault, tuple):
                    status, seconds = fault
                    return self.reply(status, REFUSAL, {"Retry-After": str(seconds)})
                if fault == "cut":
                    return self.hang_up()
                onward = http.client.HTTPConnection(host)
                onward.request("POST", self.path, body, dict(self.headers))
                answer = onward.getresponse()
                content = answer.read()
                onward.close()
                if fault == "lost answer":
                    return self.hang_up()
                return self.reply(answer.status, content, {})

            def reply(self, status, content, headers):
                self.send_response(status)
                for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(content)}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(content)

            def hang_up(self):
                self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
