"""Luma, faked. What was guessed of it is marked with GUESS."""

from core import Cloud, Reply, decoded, stamp
from shapes import RATIOS, size, unknown


class Luma(Cloud):
    """The older Dream Machine API: ray-2. POST /generations/video, GET and DELETE /generations/{id}."""

    name = "luma"
    base = "/dream-machine/v1"
    routes = (
        ("submit", "POST", base + "/generations(?:/video)?", "create"),
        ("other", "GET", base + "/generations", "listing"),
        ("poll", "GET", base + "/generations/([^/]+)", "retrieve"),
        ("cancel", "DELETE", base + "/generations/([^/]+)", "delete"),
        ("other", "GET", base + "/credits", "credits"),
        ("other", "GET", base + "/ping", "ping"),
    )

    def refusal(self, kind, step, text=None):
        status, detail = {
            "rate_limit": (429, "Too many requests"), "balance": (400, "Insufficient credits"),
            "capacity": (503, "Service unavailable"), "server": (500, "Internal server error"),
            "policy": (400, "Prompt was flagged by moderation"), "bad_request": (400, "Invalid request"),
            "auth": (403, "Not authenticated"), "forbidden": (403, "Forbidden"), "not_found": (404, "Not found"),
            "retired": (400, "Invalid model")}[kind]
        return Reply(status, {"detail": text or detail})

    def create(self, request):
        body = request.json
        if not isinstance(body, dict):
            return self.refusal("bad_request", {})
        if extra := unknown(body, ("model", "prompt", "aspect_ratio", "callback_url", "concepts", "duration",
                                   "generation_type", "keyframes", "loop", "resolution")):
            return self.refusal("bad_request", {}, f"{extra[0]}: extra field")
        if body.get("model") not in ("ray-2", "ray-flash-2"):
            return self.refusal("retired", {})
        seconds, resolution = body.get("duration", "5s"), body.get("resolution", "720p")
        ratio = body.get("aspect_ratio", "16:9")
        if seconds not in ("5s", "9s") or resolution not in ("540p", "720p", "1080p", "4k"):
            return self.refusal("bad_request", {}, "duration or resolution is invalid")
        if ratio not in ("1:1", "16:9", "9:16", "4:3", "3:4", "21:9", "9:21"):
            return self.refusal("bad_request", {}, "aspect_ratio is invalid")
        if not body.get("prompt") and not body.get("keyframes"):
            return self.refusal("bad_request", {}, "prompt is required")
        for frame in (body.get("keyframes") or {}).values():
            # Only an address of the web will do: no bytes, no upload.
            if frame and frame.get("type") == "image" and not frame.get("url", "").startswith("https://"):
                return self.refusal("bad_request", {}, "keyframes: url is invalid")
        side = {"540p": 540, "720p": 720, "1080p": 1080, "4k": 2160}[resolution]
        job = self.accept(body["model"], body, *size(side, ratio), int(seconds[:-1]))
        return Reply(201, self.shown(job))

    def shown(self, job):
        state = job.state
        name = {"queued": "queued", "working": "dreaming", "done": "completed", "empty": "completed"}.get(
            state, "failed")
        shown = {"id": job.id, "generation_type": "video", "state": name, "failure_reason": None, "created_at":
                 stamp(job.created), "assets": None, "model": job.model, "request": job.fields | {
                     "generation_type": "video"}}
        if state == "done":
            shown["assets"] = {"video": self.link(job), "image": None, "progress_video": None}
        elif name == "failed":
            shown["failure_reason"] = {"policy": "Prompt was flagged by moderation", "policy_output":
                                       "Frame moderation failed"}.get(state, "Generation failed")
        return shown

    def retrieve(self, request):
        job = self.jobs.get(request.groups[0])
        if job is None or job.cancelled:
            return self.refusal("not_found", {})
        job.look()
        return Reply(200, self.shown(job))

    def listing(self, request):
        jobs = [job for job in reversed(self.jobs.values()) if not job.cancelled]
        return Reply(200, {"generations": [self.shown(job) for job in jobs], "has_more": False, "count": len(jobs),
                           "limit": 100, "offset": 0})

    def delete(self, request):
        job = self.jobs.get(request.groups[0])
        if job is None or job.cancelled:
            return self.refusal("not_found", {})
        job.cancelled = True
        return Reply(204)

    def credits(self, request):
        return Reply(200, {"credit_balance": 1000})

    def ping(self, request):
        return Reply(200, {"message": "pong"})


class LumaAgents(Cloud):
    """The newer Agents API: ray-3.2. POST /v1/generations, GET /v1/generations/{id}; nothing cancels."""

    name = "luma-agents"
    routes = (
        ("submit", "POST", "/v1/generations", "create"),
        ("poll", "GET", "/v1/generations/([^/]+)", "retrieve"),
    )

    def refusal(self, kind, step, text=None):
        status, code = {"rate_limit": (429, "rate_limited"), "balance": (402, "budget_exhausted"), "capacity":
                        (503, "unavailable"), "server": (500, "generation_failed"), "policy":
                        (422, "content_moderated"), "bad_request": (400, "invalid_request"), "auth":
                        (401, "unauthorized"), "forbidden": (403, "forbidden"), "not_found": (404, "not_found"),
                        "retired": (400, "invalid_request")}[kind]
        # GUESS: the client reads no field of an error's body.
        return Reply(status, {"detail": text or code, "code": code})

    def create(self, request):
        body = request.json
        if not isinstance(body, dict):
            return self.refusal("bad_request", {})
        if extra := unknown(body, ("prompt", "aspect_ratio", "image_ref", "layering", "model", "output_format",
                                   "source", "style", "type", "user_id", "video", "web_search")):
            return self.refusal("bad_request", {}, f"{extra[0]}: extra field")
        if body.get("model") != "ray-3.2" or body.get("type") != "video" or not body.get("prompt"):
            return self.refusal("bad_request", {}, "model, type and prompt are required")
        video = body.get("video") or {}
        if extra := unknown(video, ("duration", "edit", "end_frame", "exr_export", "hdr", "keyframe_indexes",
                                    "keyframes", "loop", "resolution", "source_position", "start_frame")):
            return self.refusal("bad_request", {}, f"video.{extra[0]}: extra field")
        seconds, resolution = video.get("duration", "5s"), video.get("resolution", "720p")
        ratio = body.get("aspect_ratio", "16:9")
        if seconds not in ("5s", "10s") or resolution not in ("360p", "540p", "720p", "1080p") or ratio not in RATIOS:
            return self.refusal("bad_request", {}, "duration, resolution or aspect_ratio is invalid")
        for frame in (video.get("start_frame"), video.get("end_frame")):
            if frame and sum(name in frame for name in ("url", "data", "file_id", "generation_id")) != 1:
                return self.refusal("bad_request", {}, "exactly one of url, data, generation_id, file_id")
            if frame and "data" in frame and (not decoded(frame["data"]) or not frame.get("media_type")):
                return self.refusal("bad_request", {}, "data needs a media_type")
        job = self.accept("ray-3.2", body, *size(int(resolution[:-1]), ratio), int(seconds[:-1]))
        return Reply(201, self.shown(job), {"X-API-Version": "2026-04-01"})

    def shown(self, job):
        state = job.state
        name = {"queued": "queued", "working": "processing", "done": "completed", "empty": "completed"}.get(
            state, "failed")
        shown = {"id": job.id, "created_at": stamp(job.created), "model": job.model, "state": name, "type": "video",
                 "output": [], "failure_code": None, "failure_reason": None}
        if state == "done":
            shown["output"] = [{"type": "video", "url": self.link(job)}]
        elif name == "failed":
            shown |= {"failure_code": {"policy": "content_moderated", "policy_output": "content_moderated",
                                       "bad_input": "corrupt_input", "capacity": "rate_limited"}.get(
                                           state, "generation_failed"), "failure_reason": "It failed."}
        return shown
