"""Drives `fake-service serve` with the unmodified client of OpenAI, as a program would that knows nothing of us.

usage: PYTHONPATH=.build/openai python3 openai_client.py FAKE_SERVICE
Ends with "all N checks passed", or with the traceback of the first that did not.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import openai

warnings.simplefilter("ignore")
checks = 0


def check(condition, *facts):
    global checks
    assert condition, facts
    checks += 1


class Service:
    """A service of its own, with a client."""

    def __init__(self, *words):
        self.folder = tempfile.TemporaryDirectory()
        command = [sys.argv[1], "serve", f"state={self.folder.name}/state", *words]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.lines = []
        while not (match := re.search(r"listening on http://127\.0\.0\.1:(\d+)", self.lines[-1] if self.lines else "")):
            line = self.process.stderr.readline()
            assert line, self.lines
            self.lines.append(line)
        self.port = int(match[1])
        threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True).start()
        self.client = self.connect()

    def connect(self, **options):
        options = {"api_key": "unused", "max_retries": 0, "base_url": f"http://127.0.0.1:{self.port}/v1"} | options
        return openai.OpenAI(**options)

    def let_pass(self, steps):
        """Clips of "fake:held" may make so many steps in all."""
        path = f"{self.folder.name}/state/fake-leave"
        with open(path + ".new", "w") as file:
            file.write(str(steps))
        os.rename(path + ".new", path)

    def wait(self, video, condition):
        """Asks until it is so, or for some minutes."""
        end = time.monotonic() + 240
        while not condition(now := self.client.videos.retrieve(video.id)):
            assert time.monotonic() < end, now
            time.sleep(0.01)

    def count(self):
        return len(list(self.client.videos.list(limit=100)))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.terminate()
        check(self.process.wait(60) == 0, self.process.returncode, self.lines)
        check(not any("ThreadSanitizer" in line for line in self.lines), self.lines)


def fails(kind, call, **facts):
    try:
        call()
    except kind as error:
        for name, value in facts.items():
            check(getattr(error, name) == value, name, getattr(error, name), error)
        return error
    raise AssertionError(f"no {kind.__name__}")


def every_method():
    with Service() as service:
        videos = service.client.videos
        video = videos.create(prompt="a red circle fake:held", model="built-in", seconds="2", size="96x64",
                              extra_body={"seed": 42, "guidance_scale": 5.0, "metadata": {"who": "me"}, "fps": 8,
                                          "negative_prompt": "blue", "num_inference_steps": 8, "quality": None})
        check(video.id.startswith("video_") and video.object == "video" and video.status == "queued", video)
        check(video.seed == 42 and video.fps == 8 and video.num_frames == 17 and video.metadata == {"who": "me"}, video)
        check(video.size == "96x64" and video.seconds == "2.125" and video.eta_seconds >= 0, video)
        check(video.progress == 0 and video.error is None and video.queue_position is not None, video)

        seen = []
        for steps in (0, 2, 4, 6):
            service.let_pass(steps)
            service.wait(video, lambda now: seen.append(now.progress) or now.step == steps)
        check(seen == sorted(seen) and len(set(seen)) > 3 and max(seen) < 100, seen)
        service.let_pass(1000)
        service.wait(video, lambda now: now.status == "completed")
        now = videos.retrieve(video.id)
        check(now.progress == 100, now)
        check(now.bytes > 1000 and len(now.sha256) == 64 and now.provider == "local" and now.attempt == 1, now)
        check(now.completed_at >= now.created_at and now.expires_at > now.completed_at, now)

        whole = videos.download_content(video.id).read()
        check(len(whole) == now.bytes and whole[4:8] == b"ftyp")
        part = videos.download_content(video.id, extra_headers={"Range": "bytes=4-7"})
        check(part.response.status_code == 206 and part.read() == b"ftyp")
        with videos.with_streaming_response.download_content(video.id) as answer:
            check(b"".join(answer.iter_bytes()) == whole)
        fails(openai.APIStatusError, lambda: videos.download_content(video.id, extra_headers={"Range": "bytes=9999999-"}),
              status_code=416)
        thumbnail = videos.download_content(video.id, variant="thumbnail").read()
        sheet = videos.download_content(video.id, variant="spritesheet").read()
        check(is_picture(thumbnail) and is_picture(sheet) and thumbnail != sheet)
        check(videos.download_content(video.id, variant="thumbnail").read() == thumbnail)
        fails(openai.BadRequestError, lambda: videos.download_content(video.id, variant="audio"), param="variant")

        remix = videos.remix(video.id, prompt="a green square")
        check(remix.remixed_from_video_id == video.id and remix.prompt == "a green square" and remix.seed == 42)
        check(remix.size == "96x64" and remix.num_inference_steps == 8)
        check(videos.poll(remix.id).status == "completed")

        check([v.id for v in videos.list()] == [remix.id, video.id])
        check([v.id for v in videos.list(order="asc")] == [video.id, remix.id])
        gone = videos.delete(video.id)
        check(gone.deleted is True and gone.id == video.id and gone.object == "video.deleted")
        fails(openai.NotFoundError, lambda: videos.retrieve(video.id), code="video_not_found")
        fails(openai.NotFoundError, lambda: videos.download_content(video.id))

        done = videos.create_and_poll(prompt="x fake:step=0.01")
        check(done.status == "completed")
        failed = videos.create_and_poll(prompt="x fake:fail=out_of_memory@2")
        check(failed.status == "failed" and failed.error.code == "out_of_memory" and "/" not in failed.error.message)
        check(service.client.models.list().data[0].id == "built-in")
        check(service.client.models.retrieve("built-in").id == "built-in")


def is_picture(data):
    return data[:3] == b"\xff\xd8\xff" or data[:8] == b"\x89PNG\r\n\x1a\n" or data[8:12] == b"WEBP"


def other_bodies():
    with Service() as service:
        client = service.client
        video = client.post("/videos", cast_to=openai.types.Video, body={"prompt": "x", "seconds": "2", "fps": 8})
        check(video.num_frames == 17 and client.videos.poll(video.id).status == "completed")
        plan = client.post("/videos", cast_to=object, body={"prompt": "x", "dry_run": True})
        check(plan["object"] == "video.dry_run" and plan["would_be_accepted"] is True and plan["eta_seconds_p90"] > 0)
        again = client.videos.create(prompt="x", extra_body={"dry_run": True, "num_frames": 16})
        check(again.num_frames == 17 and again.object == "video.dry_run")
        check(service.count() == 1)
        picture = ("r.png", b"\x89PNG\r\n\x1a\n", "image/png")
        fails(openai.BadRequestError, lambda: client.videos.create(prompt="x", input_reference=picture),
              param="input_reference")
        url = {"input_reference": {"image_url": "http://169.254.169.254/latest/meta-data"}}
        fails(openai.BadRequestError, lambda: client.videos.create(prompt="x", extra_body=url), code="remote_reference")
        check(service.count() == 1)


def refusals():
    with Service() as service:
        client = service.client
        create = client.videos.create
        error = fails(openai.BadRequestError, lambda: create(prompt="x", extra_body={"num_inference_step": 4}),
                      param="num_inference_step", code="unknown_parameter", type="invalid_request_error")
        check("num_inference_steps" in error.message and error.request_id.startswith("req_"), error)
        fails(openai.BadRequestError, lambda: create(prompt="x", size="97x96"), param="size")
        fails(openai.BadRequestError, lambda: create(prompt=""), param="prompt")
        fails(openai.BadRequestError, lambda: create(prompt="x", seconds="nan"), param="seconds")
        fails(openai.BadRequestError, lambda: create(prompt="x", extra_body={"seed": -1}), param="seed")
        fails(openai.NotFoundError, lambda: create(prompt="x", model="sora-2"), param="model", code="model_not_found")
        fails(openai.BadRequestError, lambda: client.videos.retrieve("../../etc/passwd"))
        fails(openai.NotFoundError, lambda: client.videos.retrieve("video_123"), code="video_not_found")
        fails(openai.BadRequestError, lambda: client.videos.edit(prompt="x", video=("v.mp4", b"x", "video/mp4")))
        fails(openai.BadRequestError,
              lambda: client.videos.extend(prompt="x", seconds="4", video=("v.mp4", b"x", "video/mp4")))
        fails(openai.NotFoundError, lambda: client.videos.create_character(name="n", video=("v.mp4", b"x", "video/mp4")))
        fails(openai.NotFoundError, lambda: client.videos.get_character("char_1"))
        check(service.count() == 0)


def pages():
    with Service("max-queued=300") as service:
        made = [service.client.videos.create(prompt=f"clip {number} fake:step=0", extra_body={"num_inference_steps": 1})
                for number in range(251)]
        ids = [video.id for video in made]
        check([v.id for v in service.client.videos.list(order="asc", limit=100)] == ids)
        check([v.id for v in service.client.videos.list()] == ids[::-1])
        page = service.client.videos.list(limit=7, after=ids[10])
        check([v.id for v in page.data] == ids[9:2:-1] and page.has_next_page())
        service.client.videos.delete(ids[200])
        check(service.client.videos.list(order="asc", after=ids[199], limit=1).data[0].id == ids[201])


def cancelling():
    with Service() as service:
        client = service.client
        # These would never end.
        video = client.videos.create(prompt="x fake:held")
        service.let_pass(1)
        service.wait(video, lambda now: now.step == 1)
        client.post(f"/videos/{video.id}/cancel", cast_to=object)
        end = client.videos.poll(video.id)
        check(end.status == "failed" and end.error.code == "cancelled")
        following = client.videos.create_and_poll(prompt="y")
        check(following.status == "completed")
        running = client.videos.create(prompt="x fake:held")
        service.wait(running, lambda now: now.status == "in_progress")
        check(client.videos.delete(running.id).deleted)
        fails(openai.NotFoundError, lambda: client.videos.retrieve(running.id))


def full_queue():
    with Service("max-queued=1") as service:
        client = service.client
        # The service learns that clips take no time, and asks nobody to stay away for long.
        check(client.videos.create_and_poll(prompt="x").status == "completed")
        first = client.videos.create(prompt="x fake:held")
        service.wait(first, lambda now: now.status == "in_progress")
        client.videos.create(prompt="x")
        error = fails(openai.RateLimitError, lambda: client.videos.create(prompt="x"), code="queue_full")
        check(1 <= int(error.response.headers["retry-after"]) <= 120)
        service.let_pass(1000)
        check(service.connect(max_retries=5).videos.create_and_poll(prompt="x").status == "completed")
        check(service.count() == 4)


def lost_answer():
    """The connection breaks after the service has taken the job: the client asks again, and there is one job."""
    with Service() as service:
        listener = socket.create_server(("127.0.0.1", 0))
        lost = []

        def forward():
            while True:
                near = listener.accept()[0]
                with near, socket.create_connection(("127.0.0.1", service.port)) as far:
                    request = b""
                    while b"\r\n\r\n" not in request:
                        request += near.recv(65536)
                    length = int(re.search(rb"(?i)content-length: (\d+)", request)[1])
                    while len(request.split(b"\r\n\r\n", 1)[1]) < length:
                        request += near.recv(65536)
                    far.sendall(re.sub(rb"(?i)connection: keep-alive", b"connection: close", request, count=1))
                    answer = b""
                    while piece := far.recv(65536):
                        answer += piece
                    lost.append(answer)
                    if len(lost) > 1:
                        near.sendall(answer)

        threading.Thread(target=forward, daemon=True).start()
        client = service.connect(base_url=f"http://localhost:{listener.getsockname()[1]}/v1", max_retries=2)
        video = client.videos.create(prompt="x fake:step=0.05", extra_body={"seed": 7})
        check(len(lost) == 2 and service.count() == 1, len(lost), service.count())
        check(json.loads(lost[0].split(b"\r\n\r\n", 1)[1])["id"] == video.id)
        check(service.client.videos.poll(video.id).status == "completed" and service.count() == 1)


def keys():
    folder = tempfile.TemporaryDirectory()
    path = folder.name + "/keys"
    with open(path, "w", opener=lambda name, flags: __import__("os").open(name, flags, 0o600)) as file:
        file.write("alice alice-0123456789abcdef\nbob bob-0123456789abcdef\n")
    with Service(f"keys={path}", "verbose=true") as service:
        alice = service.connect(api_key="alice-0123456789abcdef")
        bob = service.connect(api_key="bob-0123456789abcdef")
        fails(openai.AuthenticationError, lambda: service.client.videos.list())
        video = alice.videos.create_and_poll(prompt="secret words")
        check(video.status == "completed" and alice.videos.retrieve(video.id).id == video.id)
        for call in (bob.videos.retrieve, bob.videos.delete, bob.videos.download_content):
            fails(openai.NotFoundError, lambda: call(video.id), code="video_not_found")
        fails(openai.NotFoundError, lambda: bob.videos.remix(video.id, prompt="x"))
        check(list(bob.videos.list()) == [] and len(list(alice.videos.list())) == 1)
    text = "".join(service.lines)
    check("alice-0123" not in text and "secret words" not in text and video.id in text, text)


for part in (every_method, other_bodies, refusals, pages, cancelling, full_queue, lost_answer, keys):
    began = time.monotonic()
    part()
    print(f"{part.__name__}: {time.monotonic() - began:.1f} s", flush=True)
print(f"all {checks} checks passed with openai {openai.__version__}")
