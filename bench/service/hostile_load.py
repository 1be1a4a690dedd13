#!/usr/bin/env python3
"""What one hostile key does to another key's calls; prints JSON.

    python3 bench/service/hostile_load.py http://127.0.0.1:8000 --hostile-key KEY --key KEY [--seconds 30] [--attacks …]

The hostile client does four things at once, each again and again: `waiters` orders 64 clips at /v1/videos/sync and hangs
up; `uploads` sends 16 bodies a byte at a time; `orders` fills the queue with the highest priority; `connections` holds
2,100 idle ones. The other client, a process of its own, orders a clip every two seconds, asks for one's status twenty
times a second on a kept connection and five times on a new one, and looks at /health and /ready on new ones. Long clips
make the queue full: give both keys a prompt and settings that take seconds (`--clip`).
"""

import argparse
import collections
import http.client
import json
import multiprocessing
import resource
import selectors
import socket
import sys
import time
import urllib.parse

ATTACKS = ("waiters", "uploads", "orders", "connections")


class Target:
    def __init__(self, url, key):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port or 80
        self.fields = {"Authorization": f"Bearer {key}"}

    def connect(self):
        return socket.create_connection((self.host, self.port), timeout=10)

    def head(self, method, path, length, more=""):
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAuthorization: "
            f"{self.fields['Authorization']}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n"
        ).encode()


def repeat(turn, pause):
    """Does it again and again; what the server does about it is the server's affair."""
    while True:
        try:
            turn()
        except OSError:
            pass
        time.sleep(pause)


def attack_waiters(target, clip):
    body = json.dumps(clip).encode()

    def turn():
        connections = []
        for _ in range(64):
            connection = target.connect()
            connection.sendall(target.head("POST", "/v1/videos/sync", len(body)) + body)
            connections.append(connection)
        time.sleep(1)
        for connection in connections:
            connection.close()

    repeat(turn, 0.5)


def attack_uploads(target, clip):
    connections = [None] * 16

    def turn():
        for number, connection in enumerate(connections):
            try:
                if connection is None:
                    connections[number] = connection = target.connect()
                    connection.sendall(target.head("POST", "/v1/videos", 100_000))
                connection.sendall(b" ")
                connection.setblocking(False)
                # An answer is a refusal.
                if connection.recv(1) is not None:
                    connection.close()
                    connections[number] = None
            except BlockingIOError:
                pass
            except OSError:
                connections[number] = None

    repeat(turn, 0.5)


def attack_orders(target, clip):
    body = json.dumps(dict(clip, priority=100)).encode()

    def turn():
        connection = target.connect()
        connection.sendall(target.head("POST", "/v1/videos", len(body), "Connection: close\r\n") + body)
        connection.recv(65536)
        connection.close()

    repeat(turn, 0.02)


def attack_connections(target, clip):
    selector = selectors.DefaultSelector()
    held = 0
    while True:
        # Those that were ended are opened again.
        for key, _ in selector.select(0):
            selector.unregister(key.fileobj)
            key.fileobj.close()
            held -= 1
        for _ in range(min(2100 - held, 200)):
            try:
                connection = target.connect()
            except OSError:
                break
            selector.register(connection, selectors.EVENT_READ)
            held += 1
        time.sleep(0.2)


class Measure:
    def __init__(self):
        self.latencies = collections.defaultdict(list)
        self.outcomes = collections.defaultdict(collections.Counter)

    def call(self, name, target, method, path, body=None, connection=None):
        start = time.monotonic()
        own = connection or http.client.HTTPConnection(target.host, target.port, timeout=10)
        text = None
        try:
            fields = dict(target.fields, **({"Content-Type": "application/json"} if body else {}))
            own.request(method, path, body and json.dumps(body), fields)
            answer = own.getresponse()
            text = answer.read()
            self.outcomes[name][str(answer.status)] += 1
        except (OSError, http.client.HTTPException) as error:
            self.outcomes[name][type(error).__name__] += 1
            own.close()
        if connection is None:
            own.close()
        self.latencies[name].append(time.monotonic() - start)
        return text

    def result(self):
        return {
            name: {"outcomes": dict(self.outcomes[name]), **milliseconds(values)}
            for name, values in sorted(self.latencies.items())
        }


def milliseconds(values):
    ordered = sorted(values)
    at = lambda share: round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)
    return {"calls": len(ordered), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1)}


def measured(target, clip, seconds):
    measure = Measure()
    known = None
    kept = http.client.HTTPConnection(target.host, target.port, timeout=10)
    start = time.monotonic()
    turn = 0
    while time.monotonic() - start < seconds:
        if turn % 40 == 0:
            made = measure.call("order", target, "POST", "/v1/videos", clip)
            known = json.loads(made).get("id", known) if made else known
        path = f"/v1/videos/{known}" if known else "/v1/videos?limit=1"
        measure.call("status", target, "GET", path, connection=kept)
        if turn % 4 == 0:
            measure.call("status, new connection", target, "GET", path)
            measure.call("health", target, "GET", "/health")
            measure.call("ready", target, "GET", "/ready")
        turn += 1
        time.sleep(max(0, start + turn * 0.05 - time.monotonic()))
    return measure.result()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--hostile-key", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--attacks", default=",".join(ATTACKS), help="which of them, or 'none'")
    parser.add_argument("--clip", type=json.loads, default={"prompt": "a red circle moves up", "size": "96x96"})
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    hostile = Target(arguments.url, arguments.hostile_key)
    names = [] if arguments.attacks == "none" else arguments.attacks.split(",")
    processes = [
        multiprocessing.Process(target=globals()["attack_" + name], args=(hostile, arguments.clip), daemon=True)
        for name in names
    ]
    for process in processes:
        process.start()
    if names:
        time.sleep(5)
    result = measured(Target(arguments.url, arguments.key), arguments.clip, arguments.seconds)
    for process in processes:
        process.terminate()
    print(json.dumps({"attacks": names, "seconds": arguments.seconds, "calls": result}, indent=2))


if __name__ == "__main__":
    main()
