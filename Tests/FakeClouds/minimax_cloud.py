"""MiniMax, faked. What was guessed of it is marked with GUESS."""

import threading
import time
import uuid

from core import Cloud, Reply, decoded
from shapes import size, unknown


class MiniMax(Cloud):
    """V1 (Hailuo 2.3): every answer is 200, and base_resp says what went wrong. V2 (H3): real statuses."""

    name = "minimax"
    routes = (
        ("submit", "POST", "/v1/video_generation", "create"),
        ("poll", "GET", "/v1/query/video_generation", "query"),
        ("other", "GET", "/v1/files/retrieve", "retrieve_file"),
        ("submit", "POST", "/v2/video_generation", "create2"),
        ("poll", "GET", "/v2/query/video_generation/([^/]+)", "query2"),
        ("other", "GET", "/v2/query/video_generation", "list2"),
        ("cancel", "DELETE", "/v2/video_generation/([^/]+)", "delete2"),
    )
    #: Model: whether a text alone will do, and what resolutions go with what lengths.
    models = {
        "MiniMax-Hailuo-2.3": (True, {"768P": (6, 10), "1080P": (6,)}),
        "MiniMax-Hailuo-2.3-Fast": (False, {"768P": (6, 10), "1080P": (6,)}),
        "MiniMax-Hailuo-02": (True, {"512P": (6, 10), "768P": (6, 10), "1080P": (6,)}),
        "T2V-01": (True, {"720P": (6,)}),
    }
    codes = {"rate_limit": (1002, "rate limit", 429, "rate_limit_error"),
             "balance": (1008, "insufficient balance", 402, "insufficient_balance_error"),
             "capacity": (1041, "conn limit", 429, "rate_limit_error"),
             "server": (1033, "system error / downstream service error", 500, "server_error"),
             "policy": (1026, "input new_sensitive", 422, "unprocessable_entity_error"),
             "bad_request": (2013, "invalid params", 400, "bad_request_error"),
             "auth": (1004, "login fail: Please carry the API secret key", 401, "authorized_error"),
             "forbidden": (2049, "invalid api key", 401, "authorized_error"),
             "not_found": (2013, "invalid params, invalid task_id", 400, "bad_request_error"),
             "retired": (2013, "invalid params, model not exist", 400, "bad_request_error")}

    def new_id(self):
        self.counter += 1
        return str(424010985738000 + self.counter)

    def answer(self, request):
        self.local.version = request.path[:3]
        return super().answer(request)

    def __init__(self, *arguments, **named):
        self.local = threading.local()
        super().__init__(*arguments, **named)

    def refusal(self, kind, step, text=None):
        code, message, status, type_ = self.codes[kind]
        message = text or message
        if getattr(self.local, "version", "/v1") == "/v1":
            return Reply(200, {"base_resp": {"status_code": code, "status_msg": message}},
                         {"Trace-Id": uuid.uuid4().hex})
        return Reply(status, {"type": "error", "error": {"type": type_, "message": f"{message} ({code})",
                                                         "http_code": str(status)}, "request_id": uuid.uuid4().hex})

    def answered(self, fields):
        return Reply(200, fields | {"base_resp": {"status_code": 0, "status_msg": "success"}})

    def create(self, request):
        body = request.json
        if not isinstance(body, dict):
            return self.refusal("bad_request", {})
        known = ("model", "prompt", "duration", "resolution", "first_frame_image", "last_frame_image", "callback_url",
                 "prompt_optimizer", "fast_pretreatment", "subject_reference", "aigc_watermark")
        if extra := unknown(body, known):
            return self.refusal("bad_request", {}, f"invalid params, {extra[0]}")
        if body.get("model") not in self.models:
            return self.refusal("retired", {})
        alone, resolutions = self.models[body["model"]]
        picture = body.get("first_frame_image")
        if picture is None and not (alone and body.get("prompt")):
            return self.refusal("bad_request", {}, "invalid params, first_frame_image is required")
        if picture is not None and not picture.startswith("https://") and not decoded(picture):
            return self.refusal("bad_request", {}, "invalid params, first_frame_image")
        if len(body.get("prompt", "")) > 2000:
            return self.refusal("bad_request", {}, "invalid params, prompt is too long")
        resolution, seconds = body.get("resolution", "768P"), body.get("duration", 6)
        if seconds not in resolutions.get(resolution, ()) or isinstance(seconds, bool):
            return self.refusal("bad_request", {}, "invalid params, model not support this duration and resolution")
        # The documents give 1366x768 for 768P.
        dimensions = (1366, 768) if resolution == "768P" else size(int(resolution[:-1]))
        job = self.accept(body["model"], body, *dimensions, seconds, False)
        return self.answered({"task_id": job.id})

    def query(self, request):
        job = self.jobs.get(request.query.get("task_id", ""))
        if job is None:
            return self.refusal("not_found", {})
        state = job.look()
        if state in ("policy", "policy_output"):
            code = 1026 if state == "policy" else 1027
            return Reply(200, {"task_id": job.id, "status": "Fail", "file_id": "", "base_resp": {
                "status_code": code, "status_msg": "input new_sensitive" if code == 1026 else "output new_sensitive"}})
        name = {"queued": "Preparing" if job.looks < 2 else "Queueing", "working": "Processing",
                "done": "Success"}.get(state, "Fail")
        fields = {"task_id": job.id, "status": name, "file_id": ""}
        if state == "done":
            fields |= {"file_id": job.id, "video_width": job.width, "video_height": job.height}
        return self.answered(fields)

    def retrieve_file(self, request):
        job = self.jobs.get(request.query.get("file_id", ""))
        if job is None or job.state != "done":
            return self.refusal("not_found", {})
        return self.answered({"file": {"file_id": int(job.id), "bytes": len(self.clip(job)), "created_at":
                                       int(job.created), "filename": "output.mp4", "purpose": "video_generation",
                                       "download_url": self.link(job)}})

    # Version 2.

    def create2(self, request):
        body = request.json
        if not isinstance(body, dict):
            return self.refusal("bad_request", {})
        if extra := unknown(body, ("model", "content", "resolution", "duration", "ratio", "callback_url",
                                   "aigc_watermark", "extra")):
            return self.refusal("bad_request", {}, f"invalid params, {extra[0]}")
        resolutions = {"MiniMax-H3": ("768P", "2K"), "MiniMax-H3-Max": ("480P", "768P")}.get(body.get("model"))
        if resolutions is None:
            return self.refusal("retired", {})
        content = body.get("content")
        if not isinstance(content, list) or not any(
                item.get("type") == "text" and item.get("text") for item in content):
            return self.refusal("bad_request", {}, "invalid params, text is required")
        for item in content:
            kind = item.get("type")
            if kind not in ("text", "image_url", "video_url", "audio_url"):
                return self.refusal("bad_request", {}, "invalid params, content type")
            if kind != "text" and not item.get(kind, {}).get("url"):
                return self.refusal("bad_request", {}, "invalid params, url")
        framed = any(item.get("role") in ("first_frame", "last_frame") for item in content)
        if framed and any(str(item.get("role", "")).startswith("reference_") for item in content):
            return self.refusal("bad_request", {}, "invalid params, frames and references exclude each other")
        resolution, seconds = body.get("resolution", "768P"), body.get("duration", 5)
        if resolution not in resolutions or isinstance(seconds, bool) or seconds not in range(4, 16):
            return self.refusal("bad_request", {}, "invalid params, resolution or duration")
        ratio = body.get("ratio", "16:9")
        if ratio not in ("adaptive", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16"):
            return self.refusal("bad_request", {}, "invalid params, ratio")
        side = {"480P": 480, "768P": 768, "2K": 1440}[resolution]
        return Reply(200, {"task_id": self.accept(body["model"], body, *size(side, ratio), seconds, True).id})

    def task2(self, job):
        state = job.state
        name = {"queued": "queued", "working": "running", "done": "succeeded", "empty": "succeeded",
                "cancelled": "cancelled"}.get(state, "failed")
        task = {"id": job.id, "model": job.model, "status": name, "created_at": int(job.created), "updated_at":
                int(time.time()), "resolution": job.fields.get("resolution", "768P"), "duration": job.seconds,
                "ratio": job.fields.get("ratio", "16:9"), "task_type": "generation", "modality": "video"}
        if state == "done":
            task |= {"content": {"url": self.link(job)}, "usage": {"total_seconds": job.seconds, "input_seconds": 0,
                                                                   "output_seconds": job.seconds}}
        elif name == "failed":
            code, text = {"policy": ("1026", "input new_sensitive"), "policy_output": ("1027", "output new_sensitive"),
                          "bad_input": ("2013", "invalid params"), "capacity": ("1002", "rate limit"), "timeout":
                          ("1001", "request timeout")}.get(state, ("1033", "system error"))
            task["error"] = {"code": code, "message": text}
        return task

    def query2(self, request):
        job = self.jobs.get(request.groups[0])
        if job is None:
            return self.refusal("not_found", {})
        job.look()
        return Reply(200, {"task": self.task2(job)})

    def list2(self, request):
        jobs = list(reversed(self.jobs.values()))
        count, page = int(request.query.get("page_size", 20)), int(request.query.get("page_num", 1))
        return Reply(200, {"items": [self.task2(job) for job in jobs[(page - 1) * count:page * count]],
                           "total": len(jobs)})

    def delete2(self, request):
        job = self.jobs.get(request.groups[0])
        if job is None:
            return self.refusal("not_found", {})
        if job.state == "working":
            # GUESS: only what waits can be cancelled; what has ended is deleted.
            return self.refusal("bad_request", {}, "invalid params, the task is running")
        job.cancelled = True
        return Reply(200, {"task_id": job.id, "status": "cancelled"})
