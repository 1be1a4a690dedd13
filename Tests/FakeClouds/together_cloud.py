"""Together, faked. What was guessed of it is marked with GUESS."""

import time
import uuid

from core import Cloud, Reply
from shapes import unknown


class Together(Cloud):
    """POST /v2/videos, GET /v2/videos/{id}; nothing cancels."""

    name = "together"
    routes = (
        ("submit", "POST", "/v2/videos", "create"),
        ("poll", "GET", "/v2/videos/([^/]+)", "retrieve"),
    )
    models = {"minimax/hailuo-02", "google/veo-3.0", "Wan-AI/Wan2.2-T2V-A14B", "kwaivgI/kling-2.1-standard"}

    def refusal(self, kind, step, text=None):
        status, type_, code, message = {
            "rate_limit": (429, "rate_limit", "rate_limit_exceeded", "Rate limit exceeded"),
            "balance": (402, "credit_limit", "credit_limit", "Credit limit exceeded"),
            "capacity": (503, "service_unavailable", None, "The server is overloaded"),
            "server": (500, "server_error", None, "Internal server error"),
            "policy": (422, "invalid_request_error", "content_moderation", "The prompt was flagged"),
            "bad_request": (400, "invalid_request_error", "invalid_parameter", "Invalid parameter"),
            "auth": (401, "invalid_request_error", "invalid_api_key", "Invalid API key"),
            "forbidden": (403, "invalid_request_error", None, "Forbidden"),
            "not_found": (404, "invalid_request_error", None, "Not found"),
            "retired": (404, "invalid_request_error", "model_not_available", "Unable to access model")}[kind]
        return Reply(status, {"error": {"message": text or message, "type": type_, "param": step.get("param"),
                                        "code": code}, "id": "o" + uuid.uuid4().hex[:8]})

    def create(self, request):
        body = request.json
        if not isinstance(body, dict):
            return self.refusal("bad_request", {})
        if extra := unknown(body, ("model", "fps", "generate_audio", "guidance_scale", "height", "media",
                                   "negative_prompt", "output_format", "output_quality", "prompt", "ratio",
                                   "resolution", "seconds", "seed", "steps", "width")):
            return self.refusal("bad_request", {"param": extra[0]}, f"Unknown parameter {extra[0]}")
        if body.get("model") not in self.models:
            return self.refusal("retired", {})
        seconds = body.get("seconds", "5")
        if not isinstance(seconds, str) or not seconds.isdigit():
            return self.refusal("bad_request", {"param": "seconds"}, "seconds must be a string")
        job = self.accept(body["model"], body, body.get("width", 1280), body.get("height", 720), int(seconds),
                          body.get("generate_audio", False))
        return Reply(200, self.shown(job))

    def shown(self, job):
        state = job.state
        name = {"queued": "in_progress", "working": "in_progress", "done": "completed"}.get(state, "failed")
        shown = {"id": job.id, "object": "video", "created_at": job.created, "model": job.model, "status": name,
                 "seconds": str(job.seconds), "size": f"{job.width}x{job.height}"}
        if state == "done":
            # GUESS: the client says an integer and no unit.
            shown |= {"completed_at": time.time(), "outputs": {"cost": 1, "video_url": self.link(job)}}
        elif name == "failed":
            code = {"policy": "content_moderation", "policy_output": "content_moderation"}.get(state, "internal_error")
            shown["error"] = {"code": code, "message": "It failed."}
        return shown
