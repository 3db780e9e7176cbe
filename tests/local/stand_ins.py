"""`./sts up` with small stand-ins for the parts that have tests of their own: run as a program, `DATA PORT_BASE`."""

import sys
from pathlib import Path

from local.__main__ import explained
from local.up import Programs, up

_DEMO = """
import json, sys
facts = {"staff": [{"who": "Kim", "email": "kim@example.org", "password": "pass word"}], "clients": [],
         "api_key": "key", "click": ["Sign in."]}
open(sys.argv[2], "w").write(json.dumps(facts))
"""
_API = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
    def log_message(self, *_): pass
HTTPServer((os.environ["STS_API_HOST"], int(os.environ["STS_API_PORT"])), Ready).serve_forever()
"""
_WORKER = "import time; print('at work'); time.sleep(3600)"

STAND_INS = Programs(
    migrate=(sys.executable, "-c", "print('migrated')"),
    demo=(sys.executable, "-c", _DEMO),
    api=(sys.executable, "-c", _API),
    worker=(sys.executable, "-c", _WORKER),
    worker_polls=False,
)

if __name__ == "__main__":
    sys.exit(explained(up(Path(sys.argv[1]), int(sys.argv[2]), STAND_INS)))
