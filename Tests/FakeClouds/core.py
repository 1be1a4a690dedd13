"""What all fake clouds share: an HTTP server on 127.0.0.1, a script of faults, clips, and hosts of files.

Standard library only. Every cloud has three ports: its API, a host of files (a CDN), and a second host of files under
the name localhost, where a redirect can lead. A test steers a cloud over HTTP:

  POST /_fake/script   {"submit": [...], "poll": [...], "download": [...], "cancel": [...], "ends": [...], ...}
  GET  /_fake/log      every request that came, in order, of the API and of both hosts of files
  GET  /_fake/jobs     every job that was accepted: to see that no order was placed twice
  POST /_fake/reset    no script, no log, no jobs

A step of a list is used up by one request; null lets that request pass:
  {"fault": KIND, "status": n, "retry_after": "2"}   the cloud's own way to say KIND: rate_limit, balance, capacity,
      server, policy, bad_request, auth, forbidden, not_found, retired
  {"fault": "drop"}          the connection breaks before anything is done
  {"fault": "drop_after"}    the request is carried out, then the connection breaks without an answer
  {"fault": "hang", "seconds": n}, {"fault": "html"} (a gateway's page, 502), {"fault": "garbage"} (200, no JSON)
Downloads also know:
  {"fault": "expired"}       what the host says of a link that is too old; the cloud gives a fresh link when asked again
  {"fault": "short"}         fewer bytes than the length says    {"fault": "long"}  more bytes than the length says
  {"fault": "cut", "at": n}  the connection breaks after n bytes {"fault": "chunked"} no length at all
  {"fault": "redirect"}      to the second host                  {"fault": "loop"}  to itself, for ever
  {"fault": "junk"}          200, and the bytes are no video
"ends" has one word a job: done, failed, policy, policy_output, capacity, timeout, bad_input, cancelled, empty.
"queued_polls" and "working_polls" say how many looks a job is in these states; "expires": true spoils every link
that was given out so far; "clip": {"width": w, "height": h, "seconds": s, "audio": b} overrides what is made.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"


class Clips:
    """Small real MP4s (H.264, AAC where there is sound), made when first asked for."""

    def __init__(self, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="fake-clips-")
        self.lock = threading.Lock()

    def make(self, width=320, height=180, seconds=1.0, audio=False, rate=24):
        name = f"{width}x{height}-{seconds}s-{rate}fps-{'audio' if audio else 'silent'}.mp4"
        path = os.path.join(self.folder, name)
        with self.lock:
            if not os.path.exists(path):
                command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i",
                           f"testsrc=size=160x90:rate={rate}:duration={seconds},"
                           f"scale={width}:{height}:flags=neighbor"]
                if audio:
                    command += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}", "-c:a", "aac"]
                part = path + ".part.mp4"
                command += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "40", "-pix_fmt", "yuv420p",
                            "-movflags", "+faststart", part]
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
                os.rename(part, path)
        with open(path, "rb") as file:
            return file.read()


class Request:
    def __init__(self, method, target, headers, body):
        self.method = method
        self.target = target
        split = urllib.parse.urlsplit(target)
        self.path = urllib.parse.unquote(split.path)
        self.query = {key: values[-1] for key, values in urllib.parse.parse_qs(split.query, True).items()}
        self.headers = {key.lower(): value for key, value in headers.items()}
        self.body = body
        self.groups = ()

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def form(self):
        """The parts of a form: [(name, file name or None, media type or None, bytes)]; None where it is none."""
        match = re.search(r'multipart/form-data;.*boundary="?([^";]+)"?', self.headers.get("content-type", ""))
        if not match:
            return None
        parts = []
        for piece in self.body.split(b"--" + match.group(1).encode())[1:]:
            if piece.startswith(b"--"):
                break
            head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            text = head.decode("utf-8", "replace")
            name = re.search(r'[; ]name="([^"]*)"', text)
            file = re.search(r'filename="([^"]*)"', text)
            media = re.search(r"(?im)^content-type:\s*(\S+)", text)
            parts.append((name.group(1) if name else "", file.group(1) if file else None,
                          media.group(1) if media else None, content.removesuffix(b"\r\n")))
        return parts

    def summary(self):
        shown = {"method": self.method, "target": self.target, "headers": self.headers, "bytes": len(self.body)}
        if self.form is not None:
            shown["form"] = [
                {"name": name, "file": file, "type": media, "bytes": len(content)}
                | ({"text": content.decode("utf-8", "replace")} if file is None else {})
                for name, file, media, content in self.form]
        elif self.body:
            shown["json"] = shortened(self.json)
        return shown


def shortened(value):
    """Without the long strings of embedded pictures."""
    if isinstance(value, dict):
        return {key: shortened(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shortened(inner) for inner in value]
    if isinstance(value, str) and len(value) > 4000:
        return f"{value[:60]}... ({len(value)} characters)"
    return value


class Reply:
    def __init__(self, status, body=None, headers=None, kind="application/json"):
        self.status = status
        self.headers = dict(headers or {})
        self.body = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        if body is not None:
            self.headers.setdefault("Content-Type", kind)
        # Oddities of a download.
        self.declared = None
        self.cut = None
        self.chunked = False


class Dropped(Exception):
    """The connection is to break now."""


class Script:
    LISTS = ("submit", "poll", "download", "cancel", "other", "ends")

    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        self.lists = {name: [] for name in self.LISTS}
        self.queued_polls = 1
        self.working_polls = 1
        self.held = False
        self.clip = {}
        self.options = {}

    def load(self, fields):
        with self.lock:
            for name, value in fields.items():
                if name in self.LISTS:
                    self.lists[name] = list(value)
                elif name in ("queued_polls", "working_polls"):
                    setattr(self, name, int(value))
                elif name == "held":
                    self.held = bool(value)
                elif name == "clip":
                    self.clip = dict(value)
                elif name != "expires":
                    self.options[name] = value

    def take(self, name):
        with self.lock:
            return self.lists[name].pop(0) if self.lists[name] else None


class Job:
    """One order: QUEUED for some looks, WORKING for some, then at its END."""

    def __init__(self, cloud, model, fields, width, height, seconds, audio):
        self.script = cloud.script
        self.id = cloud.new_id()
        self.model = model
        self.fields = fields
        clip = {"width": width, "height": height, "seconds": seconds, "audio": audio} | cloud.script.clip
        self.width, self.height = clip["width"], clip["height"]
        self.seconds, self.audio = clip["seconds"], clip["audio"]
        self.end = cloud.script.take("ends") or "done"
        self.queued = cloud.script.queued_polls
        self.working = cloud.script.working_polls
        self.created = time.time()
        self.looks = 0
        self.cancelled = False
        self.extra = {}

    @property
    def state(self):
        if self.cancelled:
            return "cancelled"
        if self.looks <= self.queued:
            return "queued"
        if self.looks <= self.queued + self.working or self.script.held:
            return "working"
        return self.end

    def look(self):
        self.looks += 1
        return self.state

    @property
    def progress(self):
        """0 to 1."""
        return min(max(self.looks - self.queued, 0) / (self.working + 1), 1.0)


class Server:
    """One port; hands every request to a function."""

    def __init__(self, answer, tls=None):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            server_version = "fake"
            sys_version = ""

            def log_message(self, *_):
                pass

            def handle_one_request(self):
                try:
                    super().handle_one_request()
                except (ConnectionError, TimeoutError):
                    self.close_connection = True

            def serve(self):
                try:
                    outer.reply(self, answer(self.read()))
                except Dropped:
                    # Linger of 0: the other side sees a reset.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    self.connection.close()

            def read(self):
                if "chunked" in self.headers.get("Transfer-Encoding", ""):
                    body = b""
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                return Request(self.command, self.path, self.headers, body)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = serve

        class Threads(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass

        self.http = Threads((HOST, 0), Handler)
        if tls:
            import ssl

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        self.scheme = "https" if tls else "http"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def url(self, host=HOST):
        return f"{self.scheme}://{host}:{self.port}"

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    @staticmethod
    def reply(handler, reply):
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        body = reply.body
        if reply.chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        elif reply.status != 204:
            handler.send_header("Content-Length", str(len(body) if reply.declared is None else reply.declared))
        if reply.declared is not None or reply.cut is not None:
            handler.send_header("Connection", "close")
        handler.end_headers()
        if handler.command == "HEAD" or reply.status == 204:
            return
        if reply.chunked:
            for start in range(0, len(body), 4096):
                piece = body[start:start + 4096]
                handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            handler.wfile.write(b"0\r\n\r\n")
        elif reply.cut is not None:
            handler.wfile.write(body[:reply.cut])
            handler.wfile.flush()
            raise Dropped
        else:
            handler.wfile.write(body)
        if reply.declared is not None:
            handler.close_connection = True


class Cloud:
    """A cloud: `routes` of (stage, method, pattern, name of a method); the first that fits answers."""

    name = ""
    routes = ()
    #: Whether the host of files refuses a key beside the link's own permission, as object stores do.
    refuses_keys = True

    def __init__(self, clips, key="fake-key", tls=None):
        self.clips = clips
        self.key = key
        self.script = Script()
        self.log = []
        self.jobs = {}
        self.links = {}
        self.uploads = {}
        self.lock = threading.RLock()
        self.counter = 0
        self.server = Server(self.answer, tls)
        self.files = Server(lambda request: self.file(request, "files"), tls)
        self.other = Server(lambda request: self.file(request, "other"), tls)
        self.url = self.server.url()

    def close(self):
        for server in (self.server, self.files, self.other):
            server.close()

    # What a cloud says of itself.

    def new_id(self):
        return str(uuid.uuid4())

    def authorised(self, request):
        """None, or the answer to who has no valid key."""
        return None if request.headers.get("authorization") == f"Bearer {self.key}" else self.refusal("auth", {})

    def refusal(self, kind, step):
        raise NotImplementedError

    # Requests.

    def answer(self, request):
        if request.path.startswith("/_fake/"):
            return self.control(request)
        with self.lock:
            entry = {"at": round(time.time(), 3), "port": "api"} | request.summary()
            self.log.append(entry)
        for stage, method, pattern, function in self.routes:
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                break
        else:
            entry["status"] = 404
            return self.refusal("not_found", {})
        refused = self.authorised(request)
        if refused:
            entry["status"] = refused.status
            return refused
        request.groups = match.groups()
        step = self.script.take(stage)
        reply = self.faulty(stage, step, lambda: getattr(self, function)(request))
        entry["status"] = reply.status
        return reply

    def faulty(self, stage, step, carry_out):
        if not step:
            return carry_out()
        fault = step["fault"]
        if fault == "drop":
            raise Dropped
        if fault == "drop_after":
            carry_out()
            raise Dropped
        if fault == "hang":
            time.sleep(step.get("seconds", 60))
            return carry_out()
        if fault == "html":
            return Reply(step.get("status", 502), b"<html><body>Bad gateway</body></html>", kind="text/html")
        if fault == "garbage":
            return Reply(200, b"\x00\x01 no JSON")
        if stage == "download" and fault in ("expired", "short", "long", "cut", "chunked", "redirect", "loop", "junk"):
            return self.odd_download(step, carry_out)
        return self.finish(self.refusal(fault, step), step)

    @staticmethod
    def finish(reply, step):
        if "status" in step:
            reply.status = step["status"]
        if "retry_after" in step:
            reply.headers["Retry-After"] = str(step["retry_after"])
        return reply

    def control(self, request):
        action = request.path.removeprefix("/_fake/")
        if action == "script":
            fields = request.json or {}
            if fields.get("expires"):
                with self.lock:
                    for link in self.links.values():
                        link["old"] = True
            self.script.load(fields)
            return Reply(200, {})
        if action == "log":
            return Reply(200, self.log)
        if action == "jobs":
            return Reply(200, [
                {"id": job.id, "model": job.model, "state": job.state, "looks": job.looks, "cancelled": job.cancelled,
                 "fields": shortened(job.fields)} for job in self.jobs.values()])
        if action == "reset":
            with self.lock:
                self.script.reset()
                self.log.clear()
                self.jobs.clear()
                self.links.clear()
            return Reply(200, {})
        return Reply(404, {})

    # Jobs and clips.

    def accept(self, model, fields, width=320, height=180, seconds=1.0, audio=False):
        with self.lock:
            job = Job(self, model, fields, width, height, seconds, audio)
            self.jobs[job.id] = job
            return job

    def retrieve(self, request):
        job = self.jobs.get(request.groups[0])
        if job is None:
            return self.refusal("not_found", {})
        job.look()
        return Reply(200, self.shown(job))

    def clip(self, job):
        return self.clips.make(job.width, job.height, job.seconds, job.audio)

    def link(self, job, suffix=".mp4"):
        """A fresh link to the job's clip."""
        with self.lock:
            self.counter += 1
            token = hashlib.sha256(f"{job.id} {self.counter}".encode()).hexdigest()[:24]
            self.links[token] = {"job": job, "old": False}
        return f"{self.files.url()}/{self.name}/{job.id}{suffix}?token={token}"

    def file(self, request, port):
        with self.lock:
            entry = {"at": round(time.time(), 3), "port": port} | request.summary()
            self.log.append(entry)
        if request.method in ("POST", "PUT"):
            reply = self.stored(request)
        else:
            step = self.script.take("download") if port == "files" else None
            reply = self.faulty("download", step, lambda: self.handed_out(request))
        entry["status"] = reply.status
        return reply

    def stored(self, request):
        """A file is put where the cloud said."""
        with self.lock:
            self.uploads[request.path] = request
        return Reply(204)

    def handed_out(self, request):
        # As object stores do: one permission is enough, two are an error.
        if self.refuses_keys and "authorization" in request.headers:
            return Reply(400, b"<Error><Code>InvalidArgument</Code></Error>", kind="application/xml")
        link = self.links.get(request.query.get("token", ""))
        if link is None or link["old"]:
            return Reply(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
                         kind="application/xml")
        return self.video(link["job"])

    def video(self, job):
        return Reply(200, self.clip(job), kind="video/mp4")

    def odd_download(self, step, carry_out):
        fault = step["fault"]
        if fault == "expired":
            return Reply(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
                         kind="application/xml")
        if fault == "junk":
            return Reply(200, b"this is no video\n" * 300, kind="video/mp4")
        reply = carry_out()
        if reply.status != 200:
            return reply
        if fault in ("redirect", "loop"):
            with self.lock:
                self.counter += 1
                token = f"moved{self.counter}"
                job = list(self.jobs.values())[-1]
                self.links[token] = {"job": job, "old": False}
            if fault == "redirect":
                return Reply(302, b"", {"Location": f"{self.other.url('localhost')}/moved/{job.id}.mp4?token={token}"})
            self.script.lists["download"].insert(0, step)
            return Reply(302, b"", {"Location": f"{self.files.url()}/moved/{job.id}.mp4?token={token}"})
        if fault == "short":
            reply.declared = len(reply.body) + step.get("by", 1000)
        elif fault == "long":
            reply.declared = len(reply.body) - step.get("by", 1000)
        elif fault == "cut":
            reply.cut = step.get("at", len(reply.body) // 2)
        elif fault == "chunked":
            reply.chunked = True
        return reply


def decoded(text):
    """The bytes of a base64 text or data URI; None where it is none."""
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except (ValueError, AttributeError):
        return None


def stamp(seconds=None):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + ".000Z"


def run(classes):
    """As a program: starts the clouds named (or all), says where they are, and ends when its input ends."""
    import argparse

    parser = argparse.ArgumentParser(description="Fake clouds on 127.0.0.1, for tests.")
    parser.add_argument("clouds", nargs="*", choices=[[], *classes], metavar="CLOUD", help=", ".join(classes))
    parser.add_argument("--clips", help="a folder to keep clips in")
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"), help="serve everything over https")
    options = parser.parse_args()
    folder = options.clips or tempfile.mkdtemp(prefix="fake-clips-")
    clips = Clips(folder)
    for name in options.clouds or classes:
        cloud = classes[name](clips, tls=options.tls)
        print(json.dumps({"cloud": name, "url": cloud.url, "key": cloud.key, "files": cloud.files.url()}), flush=True)
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.read()
    if not options.clips:
        shutil.rmtree(folder, ignore_errors=True)
