#!/usr/bin/env python3
"""Latency of many clients that poll one path, each on a keep-alive connection of its own; prints JSON.

    python3 bench/service/status_load.py http://127.0.0.1:8000 /v1/videos/video_… [--connections 1000] [--interval 1]

Every client sends a GET, reads the whole answer, and sends the next one `interval` seconds after it sent the last; with
an interval of 0 as soon as it has the answer. `lag_ms` says how late this program itself was in sending: where it is not
far below the latencies, they say more about this program than about the server.
"""

import argparse
import collections
import heapq
import json
import resource
import select
import socket
import sys
import time
import urllib.parse


class Client:
    def __init__(self, address, family):
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.sent_at = None
        self.received = b""
        self.missing = None

    def send(self, request, now):
        self.sent_at, self.received, self.missing = now, b"", None
        # Far smaller than the socket's buffer, which is empty.
        if self.socket.send(request) != len(request):
            raise OSError("the request did not fit into the socket's buffer")

    def receive(self):
        """The status of the answer once it is whole, before that None."""
        piece = self.socket.recv(65536)
        if not piece:
            raise OSError("the server closed the connection")
        self.received += piece
        if self.missing is None:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return None
            head = self.received[:end].decode("latin-1").split("\r\n")
            fields = dict(line.lower().split(":", 1) for line in head[1:])
            if "content-length" not in fields:
                raise OSError("the answer has no Content-Length")
            self.missing = end + 4 + int(fields["content-length"])
        if len(self.received) < self.missing:
            return None
        return int(self.received.split(b" ", 2)[1])


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def milliseconds(values):
    return {
        name: round(1000 * percentile(values, share), 3) if values else None
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1))
    }


def measure(clients, request, seconds, interval):
    poll = select.epoll()
    by_descriptor = {}
    for client in clients:
        by_descriptor[client.socket.fileno()] = client
        poll.register(client.socket.fileno(), select.EPOLLIN)
    start = time.monotonic()
    # Spread over the first interval: clients in step would measure their own queue.
    due = [(start + interval * number / len(clients), number) for number in range(len(clients))]
    numbers = {client: number for number, client in enumerate(clients)}
    heapq.heapify(due)
    latencies, lags, statuses, errors = [], [], collections.Counter(), collections.Counter()
    under_way = 0
    while True:
        now = time.monotonic()
        is_over = now - start > seconds
        while due and due[0][0] <= now and not is_over:
            planned, number = heapq.heappop(due)
            now = time.monotonic()
            try:
                clients[number].send(request, now)
            except OSError as error:
                errors[str(error)] += 1
                continue
            lags.append(now - planned)
            under_way += 1
        if (is_over and (under_way == 0 or now - start > seconds + 30)) or (under_way == 0 and not due):
            break
        wait = 0.1 if is_over or not due else max(0.0, min(0.1, due[0][0] - now))
        for descriptor, _ in poll.poll(wait):
            client = by_descriptor[descriptor]
            try:
                status = client.receive()
            except OSError as error:
                errors[str(error)] += 1
                poll.unregister(descriptor)
                client.socket.close()
                under_way -= 1 if client.sent_at is not None else 0
                client.sent_at = None
                continue
            if status is None:
                continue
            now = time.monotonic()
            latencies.append(now - client.sent_at)
            statuses[status] += 1
            under_way -= 1
            heapq.heappush(due, (max(now, client.sent_at + interval), numbers[client]))
            client.sent_at = None
    if under_way:
        errors["no answer within 30 s of the end"] += under_way
    elapsed = time.monotonic() - start
    return {
        "connections": len(clients),
        "interval_seconds": interval,
        "seconds": round(elapsed, 2),
        "requests": len(latencies),
        "requests_per_second": round(len(latencies) / elapsed, 1),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "errors": dict(errors),
        "latency_ms": milliseconds(latencies),
        "lag_ms": milliseconds(lags),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="the server, such as http://127.0.0.1:8000")
    parser.add_argument("path", help="what is polled, such as /health or /v1/videos/video_…")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--interval", type=float, default=1, help="between two polls of one client")
    parser.add_argument("--key-file", help="a file with the key that is sent as a bearer token")
    arguments = parser.parse_args()
    url = urllib.parse.urlsplit(arguments.url)
    if url.scheme != "http" or not url.hostname or arguments.connections < 1 or arguments.interval < 0:
        parser.error("the URL must begin with http://, and the numbers must be positive")
    descriptors = arguments.connections + 64
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < descriptors:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, max(hard, descriptors)))
        except (ValueError, OSError):
            sys.exit(f"{descriptors} open files are needed and {hard} are allowed: ulimit -n {descriptors}")
    fields = [f"Host: {url.netloc}", "Accept: application/json"]
    if arguments.key_file:
        with open(arguments.key_file) as file:
            fields.append("Authorization: Bearer " + file.read().strip())
    request = "\r\n".join([f"GET {arguments.path} HTTP/1.1"] + fields + ["", ""]).encode()
    family, _, _, _, address = socket.getaddrinfo(url.hostname, url.port or 80, type=socket.SOCK_STREAM)[0]
    clients = [Client(address, family) for _ in range(arguments.connections)]
    result = measure(clients, request, arguments.seconds, arguments.interval)
    print(json.dumps(result, indent=2))
    sys.exit(1 if result["errors"] or set(result["statuses"]) != {"200"} else 0)


if __name__ == "__main__":
    main()
