#!/usr/bin/env python3
"""Mixed traffic on a running service for some minutes; how its memory and descriptors grow, as JSON.

soak.py URL PID [--minutes 10] [--threads 8] [--key KEY] [--prompt TEXT]

Standard library only. Creates, reads, lists, watches, downloads in ranges, cancels, deletes, and sends what is
malformed. Status 0 where nothing grew, nothing crashed and every answer was one that should come.
"""
import argparse, collections, http.client, json, os, random, socket, sys, threading, time, urllib.parse

# What grows to these after the warm-up is no leak: caches, arenas, threads that come and go.
RSS_LIMIT_BYTES = 48 << 20
DESCRIPTOR_LIMIT = 16
WARM_UP = 0.25  # of the time
EXPECTED = {200, 206, 304, 400, 401, 403, 404, 405, 410, 413, 414, 415, 416, 422, 429, 431, 503, 505}


class Service:
    def __init__(self, arguments):
        address = urllib.parse.urlsplit(arguments.url)
        self.host, self.port = address.hostname, address.port or 80
        self.key, self.prompt = arguments.key, arguments.prompt
        self.counts, self.unexpected, self.seconds = collections.Counter(), [], collections.defaultdict(list)
        self.lock, self.ids = threading.Lock(), collections.deque(maxlen=64)

    def note(self, kind, status, seconds):
        with self.lock:
            self.counts[f"{kind} {status}"] += 1
            self.seconds[kind].append(seconds)
            if status not in EXPECTED and len(self.unexpected) < 20:
                self.unexpected.append(f"{kind}: {status}")

    def headers(self, more=None):
        return {**({"Authorization": "Bearer " + self.key} if self.key else {}), **(more or {})}

    def call(self, kind, method, path, body=None, headers=None, read=None):
        start = time.monotonic()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, body, self.headers(headers))
            answer = connection.getresponse()
            data = answer.read() if read is None else answer.read(read)
            self.note(kind, answer.status, time.monotonic() - start)
            return answer.status, data
        except (OSError, http.client.HTTPException) as error:
            self.note(kind, type(error).__name__, time.monotonic() - start)
            return 0, b""
        finally:
            connection.close()

    def some(self):
        with self.lock:
            return random.choice(self.ids) if self.ids else "video_" + "0" * 32


def create(service):
    fields = {"prompt": service.prompt, "seed": random.randrange(1 << 32)}
    if random.random() < 0.5:
        body, kind = json.dumps(fields), "application/json"
    else:
        edge = "x" * 30
        body = "".join(f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                       for name, value in fields.items()) + f"--{edge}--\r\n"
        kind = "multipart/form-data; boundary=" + edge
    status, data = service.call("create", "POST", "/v1/videos", body, {"Content-Type": kind})
    if status == 200:
        with service.lock:
            service.ids.append(json.loads(data)["id"])
    elif status in (429, 503):
        time.sleep(0.2)


def retrieve(service):
    service.call("retrieve", "GET", "/v1/videos/" + service.some())


def listing(service):
    service.call("list", "GET", f"/v1/videos?limit={random.randrange(1, 101)}&order={random.choice(['asc', 'desc'])}")


def watch(service):
    # Half of the watchers leave early.
    service.call("events", "GET", f"/v1/videos/{service.some()}/events", read=random.choice([64, None]))


def download(service):
    first = random.randrange(4000)
    span = random.choice([None, f"bytes={first}-", f"bytes={first}-{first + 500}", "bytes=-100", "bytes=9999999-"])
    variant = random.choice(["", "", "", "?variant=thumbnail", "?variant=spritesheet"])
    service.call("content", random.choice(["GET", "GET", "HEAD"]), f"/v1/videos/{service.some()}/content{variant}",
                 headers={"Range": span} if span else None)


def cancel(service):
    service.call("cancel", "POST", f"/v1/videos/{service.some()}/cancel")


def delete(service):
    service.call("delete", "DELETE", "/v1/videos/" + service.some())


def about(service):
    service.call("about", "GET", random.choice(
        ["/", "/start.js", "/health", "/ready", "/metrics", "/v1/models", "/v1/capabilities", "/v1/nothing"]))


WRONG = [
    b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", b"\x00\x01\x02\r\n\r\n",
    b"GET /v1/videos HTTP/1.1\r\nHost: evil.test\r\n\r\n", b"GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"a\":[[[}",
    b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 50000 + b"\r\n\r\n",
    b"POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\nContent-Length: 0\r\n\r\n",
    b"POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    b"Content-Length: 12\r\n\r\n--x\r\nbroken\r\n",
]


def malformed(service):
    text = bytearray(random.choice(WRONG))
    for _ in range(random.randrange(4)):
        text[random.randrange(len(text))] = random.randrange(256)
    start, status = time.monotonic(), "closed"
    try:
        with socket.create_connection((service.host, service.port), timeout=2) as connection:
            connection.sendall(text)
            if random.random() < 0.7:
                head = connection.recv(64)
                status = int(head[9:12]) if head[9:12].isdigit() else "closed"
    except OSError:
        status = "closed"
    with service.lock:
        service.counts[f"malformed {status}"] += 1
        if status == 500 and len(service.unexpected) < 20:
            service.unexpected.append(f"malformed: {bytes(text)!r}")


TRAFFIC = [(create, 4), (retrieve, 14), (listing, 4), (watch, 3), (download, 8), (cancel, 1), (delete, 2), (about, 4),
           (malformed, 6)]


def measure(pid):
    with open(f"/proc/{pid}/statm") as file:
        rss = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {"rss": rss, "descriptors": len(os.listdir(f"/proc/{pid}/fd")), "threads": len(os.listdir(f"/proc/{pid}/task"))}


def work(service, end):
    actions = [action for action, weight in TRAFFIC for _ in range(weight)]
    while time.monotonic() < end:
        random.choice(actions)(service)


def calm(service):
    """Waits until nothing is in the queue and connections have closed."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        status, data = service.call("list", "GET", "/v1/videos?limit=100")
        if status == 200 and all(clip["status"] in ("completed", "failed") for clip in json.loads(data)["data"]):
            break
        time.sleep(0.5)
    time.sleep(2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("pid", type=int)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--key")
    parser.add_argument("--prompt", default="a red ball rolls")
    arguments = parser.parse_args()
    service = Service(arguments)
    samples, died = [], None

    def run(seconds):
        nonlocal died
        end = time.monotonic() + seconds
        threads = [threading.Thread(target=work, args=(service, end), daemon=True) for _ in range(arguments.threads)]
        for thread in threads:
            thread.start()
        while time.monotonic() < end and died is None:
            try:
                samples.append({"at": round(time.monotonic() - begin, 1), **measure(arguments.pid)})
            except OSError:
                died = round(time.monotonic() - begin, 1)
            time.sleep(min(5, max(0.1, seconds / 40)))
        for thread in threads:
            thread.join(90)

    begin, total = time.monotonic(), arguments.minutes * 60
    run(total * WARM_UP)
    calm(service)
    before = measure(arguments.pid) if died is None else None
    run(total * (1 - WARM_UP))
    calm(service)
    after = None
    try:
        after = measure(arguments.pid)
    except OSError:
        died = died or round(time.monotonic() - begin, 1)
    growth = {name: after[name] - before[name] for name in before} if before and after else None
    calls = sum(service.counts.values())
    latency = {kind: round(sorted(times)[int(len(times) * 0.99)] * 1000, 1) for kind, times in service.seconds.items()}
    passed = (died is None and not service.unexpected and growth is not None
              and growth["rss"] <= RSS_LIMIT_BYTES and growth["descriptors"] <= DESCRIPTOR_LIMIT)
    print(json.dumps({
        "passed": passed, "minutes": arguments.minutes, "threads": arguments.threads, "calls": calls,
        "calls_per_second": round(calls / total, 1), "died_after_seconds": died, "before": before, "after": after,
        "growth": growth, "peak_rss": max((sample["rss"] for sample in samples), default=None),
        "peak_descriptors": max((sample["descriptors"] for sample in samples), default=None),
        "p99_milliseconds": latency, "unexpected": service.unexpected, "counts": dict(sorted(service.counts.items())),
        "samples": samples[:: max(1, len(samples) // 40)],
    }, indent=1))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
