"""Replicate, faked. What was guessed of it is marked with GUESS."""

import hashlib
import re
import time
import uuid

from core import Cloud, Reply, stamp
from shapes import size, unknown


class Replicate(Cloud):
    """POST /v1/models/{owner}/{name}/predictions, GET and POST …/cancel at /v1/predictions/{id}."""

    name = "replicate"
    # Its own client sends the key there.
    refuses_keys = False
    routes = (
        ("submit", "POST", "/v1/models/([^/]+/[^/]+)/predictions", "create"),
        ("submit", "POST", "/v1/predictions", "create_version"),
        ("other", "GET", "/v1/predictions", "listing"),
        ("poll", "GET", "/v1/predictions/([^/]+)", "retrieve"),
        ("cancel", "POST", "/v1/predictions/([^/]+)/cancel", "cancel"),
        ("other", "POST", "/v1/files", "upload"),
        ("other", "GET", "/v1/account", "account"),
    )
    models = {
        "wan-video/wan-2.2-t2v-fast": {"prompt": str, "aspect_ratio": str, "resolution": str, "num_frames": int,
                                       "frames_per_second": int, "seed": int, "go_fast": bool, "sample_shift":
                                       (int, float), "optimize_prompt": bool, "interpolate_output": bool},
        "minimax/hailuo-2.3": {"prompt": str, "duration": int, "resolution": str, "prompt_optimizer": bool,
                               "first_frame_image": str},
        "google/veo-3.1": {"prompt": str, "duration": int, "resolution": str, "aspect_ratio": str, "image": str,
                           "last_frame": str, "reference_images": list, "generate_audio": bool, "negative_prompt": str,
                           "seed": int},
    }

    def new_id(self):
        return uuid.uuid4().hex[:26]

    def refusal(self, kind, step, text=None):
        status, title, detail = {
            "rate_limit": (429, "Request was throttled", "Request was throttled. Expected available in 1 second."),
            "balance": (402, "Insufficient credit", "You have insufficient credit to run this model."),
            "capacity": (503, "Service unavailable", "Service unavailable."),
            "server": (500, "Internal server error", "Internal server error."),
            "policy": (422, "Input validation failed", "The input was flagged as sensitive. (E005)"),
            "bad_request": (422, "Input validation failed", "- input: wrong"),
            "auth": (401, "Unauthenticated", "You did not pass a valid authentication token"),
            "forbidden": (403, "Forbidden", "You do not have permission to perform this action."),
            "not_found": (404, "Not found", "The requested resource could not be found."),
            "retired": (404, "Not found", "The requested resource could not be found."),
        }[kind]
        return Reply(status, {"title": title, "detail": text or detail, "status": status},
                     kind="application/problem+json")

    def create(self, request, model=None):
        model, body = model or request.groups[0], request.json
        if model not in self.models:
            return self.refusal("not_found", {})
        if not isinstance(body, dict) or not isinstance(body.get("input"), dict):
            return self.refusal("bad_request", {}, "- input is required")
        if extra := unknown(body, ("input", "webhook", "webhook_events_filter", "stream", "version")):
            return self.refusal("bad_request", {}, f"- {extra[0]} is not allowed")
        fields = body["input"]
        if not fields.get("prompt"):
            return self.refusal("bad_request", {}, "- input: prompt is required")
        for name, value in fields.items():
            kind = self.models[model].get(name)
            if kind is None or not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
                return self.refusal("bad_request", {}, f"- input.{name}: Invalid type or unknown")
        side = int(re.sub(r"\D", "", fields.get("resolution", "480p")) or 480)
        seconds = fields.get("duration") or fields.get("num_frames", 81) / fields.get("frames_per_second", 16)
        job = self.accept(model, fields, *size(side, fields.get("aspect_ratio", "16:9")), seconds,
                          fields.get("generate_audio", False))
        return Reply(201, self.shown(job))

    def create_version(self, request):
        version = (request.json or {}).get("version", "")
        return self.create(request, version.partition(":")[0])

    def shown(self, job):
        state = job.state
        status = {"queued": "starting", "working": "processing", "done": "succeeded", "empty": "succeeded",
                  "cancelled": "canceled", "timeout": "aborted"}.get(state, "failed")
        base = f"{self.url}/v1/predictions/{job.id}"
        shown = {"id": job.id, "model": job.model, "version": "hidden", "input": job.fields, "logs": "", "output": None,
                 "data_removed": False, "error": None, "source": "api", "status": status,
                 "created_at": stamp(job.created), "urls": {"get": base, "cancel": base + "/cancel",
                                                            "web": "https://replicate.com/p/" + job.id}}
        if state == "working":
            shown["logs"] = f" {int(job.progress * 100)}%|####      | 1/2 [00:01<00:01]\n"
        if state == "done":
            link = self.link(job)
            # Some models answer with a list.
            shown |= {"output": [link] if self.script.options.get("list") else link, "completed_at": stamp(),
                      "metrics": {"predict_time": 12.5, "total_time": 14.0}}
        elif status == "failed":
            shown["error"] = {"policy": "The input or output was flagged as sensitive. Please try again with "
                              "different inputs. (E005)", "policy_output": "The output was flagged as sensitive. (E005)",
                              "capacity": "Service is temporarily unavailable. Please try again later. (E004)",
                              "bad_input": "Failed to read the image (E006)"}.get(state, "Prediction failed")
        return shown

    def cancel(self, request):
        job = self.jobs.get(request.groups[0])
        if job is None:
            return self.refusal("not_found", {})
        if job.state in ("queued", "working"):
            job.cancelled = True
        return Reply(200, self.shown(job))

    def listing(self, request):
        return Reply(200, {"previous": None, "next": None, "results": [
            self.shown(job) for job in reversed(self.jobs.values())]})

    def upload(self, request):
        parts = request.form or []
        content = next((part for part in parts if part[0] == "content"), None)
        if content is None:
            return self.refusal("bad_request", {}, "- content is required")
        name = uuid.uuid4().hex
        return Reply(201, {"id": name, "name": content[1] or "file", "content_type": content[2] or "image/png", "size":
                           len(content[3]), "etag": "e", "checksums": {"sha256": hashlib.sha256(content[3]).hexdigest(),
                                                                      "md5": hashlib.md5(content[3]).hexdigest()},
                           "metadata": {}, "created_at": stamp(), "expires_at": stamp(time.time() + 86400),
                           "urls": {"get": f"{self.url}/v1/files/{name}"}})

    def account(self, request):
        return Reply(200, {"type": "user", "username": "somebody", "name": "Somebody"})
