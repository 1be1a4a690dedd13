"""OpenAI, faked. What was guessed of it is marked with GUESS."""

import time
import uuid

from core import Cloud, Reply
from shapes import unknown


class OpenAI(Cloud):
    """POST /v1/videos (a form), GET /v1/videos/{id}, GET /v1/videos/{id}/content."""

    name = "openai"
    routes = (
        ("submit", "POST", "/v1/videos", "create"),
        ("other", "GET", "/v1/videos", "listing"),
        ("poll", "GET", "/v1/videos/([^/]+)", "retrieve"),
        ("cancel", "DELETE", "/v1/videos/([^/]+)", "delete"),
        ("download", "GET", "/v1/videos/([^/]+)/content", "content"),
        ("other", "GET", "/v1/models", "models"),
        ("other", "GET", "/v1/models/([^/]+)", "model"),
    )
    sizes = {"sora-2": ("720x1280", "1280x720"),
             "sora-2-pro": ("720x1280", "1280x720", "1024x1792", "1792x1024")}

    def new_id(self):
        return "video_" + uuid.uuid4().hex

    def refusal(self, kind, step):
        status, type_, code, text = {
            "rate_limit": (429, "requests", "rate_limit_exceeded", "Rate limit reached for requests."),
            "balance": (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
            "capacity": (503, "server_error", "server_overloaded", "The servers are overloaded."),
            "server": (500, "server_error", None, "The server had an error."),
            "policy": (400, "invalid_request_error", "moderation_blocked", "Blocked by our moderation system."),
            "bad_request": (400, "invalid_request_error", "invalid_value", "Invalid value."),
            "auth": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
            "forbidden": (403, "invalid_request_error", None, "Your organization must be verified."),
            "not_found": (404, "invalid_request_error", None, "Not found."),
            "retired": (404, "invalid_request_error", "model_not_found", "The model does not exist."),
        }[kind]
        return Reply(status, {"error": {"message": text, "type": type_, "param": step.get("param"), "code": code}},
                     {"x-request-id": "req_" + uuid.uuid4().hex})

    def wrong(self, parameter, text, code="invalid_value"):
        return Reply(400, {"error": {"message": text, "type": "invalid_request_error", "param": parameter,
                                     "code": code}})

    def create(self, request):
        parts = request.form
        if parts is None:
            return self.wrong(None, "Expected multipart/form-data.")
        fields = {name: content.decode("utf-8", "replace") for name, file, _, content in parts if file is None}
        files = {name: (media, content) for name, file, media, content in parts if file is not None}
        if extra := unknown(list(fields) + list(files), ("prompt", "model", "seconds", "size", "input_reference")):
            return self.wrong(extra[0], f"Unknown parameter: '{extra[0]}'.", "unknown_parameter")
        model = fields.get("model", "sora-2")
        if model not in self.sizes:
            return self.refusal("retired", {})
        seconds, dimensions = fields.get("seconds", "4"), fields.get("size", "720x1280")
        if not fields.get("prompt"):
            return self.wrong("prompt", "Missing required parameter: 'prompt'.", "missing_required_parameter")
        if seconds not in ("4", "8", "12"):
            return self.wrong("seconds", f"Invalid value: '{seconds}'. Supported values are: '4', '8', and '12'.")
        if dimensions not in self.sizes[model]:
            return self.wrong("size", f"Invalid size {dimensions} for {model}.")
        if "input_reference" in files and files["input_reference"][0] not in ("image/jpeg", "image/png", "image/webp"):
            return self.wrong("input_reference", "Unsupported mimetype.")
        width, height = map(int, dimensions.split("x"))
        return Reply(200, self.shown(self.accept(model, fields | {"files": sorted(files)}, width, height,
                                                 int(seconds), True)))

    def shown(self, job):
        state = job.state
        video = {"id": job.id, "object": "video", "created_at": int(job.created), "model": job.model,
                 "progress": int(job.progress * 100), "seconds": str(job.seconds), "size": f"{job.width}x{job.height}",
                 "status": {"queued": "queued", "working": "in_progress", "done": "completed"}.get(state, "failed"),
                 "completed_at": None, "expires_at": None, "error": None, "prompt": job.fields.get("prompt"),
                 "remixed_from_video_id": None}
        if state in ("done", "empty"):
            video |= {"status": "completed", "progress": 100, "completed_at": int(time.time()),
                      "expires_at": int(time.time()) + 3600}
        elif state not in ("queued", "working"):
            code = {"policy": "moderation_blocked", "policy_output": "moderation_blocked",
                    "bad_input": "invalid_input", "capacity": "server_overloaded"}.get(state, "video_generation_failed")
            video["error"] = {"code": code, "message": "The video could not be made."}
        return video

    def found(self, request):
        return self.jobs.get(request.groups[0])

    def retrieve(self, request):
        job = self.found(request)
        if job is None or job.cancelled:
            return self.refusal("not_found", {})
        job.look()
        return Reply(200, self.shown(job), {"openai-poll-after-ms": "100"})

    def listing(self, request):
        jobs = [job for job in reversed(self.jobs.values()) if not job.cancelled][:int(request.query.get("limit", 20))]
        data = [self.shown(job) for job in jobs]
        return Reply(200, {"object": "list", "data": data, "has_more": False,
                           "first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None})

    def delete(self, request):
        job = self.found(request)
        if job is None or job.cancelled:
            return self.refusal("not_found", {})
        # GUESS: the client's words are that a finished clip is deleted; of one in the making nothing is said.
        job.cancelled = True
        return Reply(200, {"id": job.id, "object": "video.deleted", "deleted": True})

    def content(self, request):
        job = self.found(request)
        if job is None or job.state != "done":
            return self.refusal("not_found", {})
        return self.video(job)

    def models(self, request):
        return Reply(200, {"object": "list", "data": [
            {"id": name, "object": "model", "created": 0, "owned_by": "openai"} for name in self.sizes]})

    def model(self, request):
        if request.groups[0] not in self.sizes:
            return self.refusal("retired", {})
        return Reply(200, {"id": request.groups[0], "object": "model", "created": 0, "owned_by": "openai"})
