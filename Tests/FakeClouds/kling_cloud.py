"""Kling, faked. What was guessed of it is marked with GUESS."""

import base64
import hashlib
import hmac
import json
import time
import uuid

from core import Cloud, Reply, decoded
from shapes import size, unknown


def jwt_claims(token, secret):
    """The claims of an HS256 token that is signed with the secret; None where it is none."""
    try:
        head, claims, signature = token.split(".")
        plain = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (head, claims)]
        wanted = hmac.new(secret.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
        given = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except (ValueError, AttributeError):
        return None
    if plain[0].get("alg") != "HS256" or plain[0].get("typ") != "JWT" or not hmac.compare_digest(wanted, given):
        return None
    return plain[1]


class Kling(Cloud):
    """First generation: /v1/videos/…, a token signed for each call. Second: the model in the path, a plain key."""

    name = "kling"
    routes = (
        ("submit", "POST", "/v1/videos/(text2video|image2video|multi-image2video|omni-video)", "create"),
        ("poll", "GET", "/v1/videos/(text2video|image2video|multi-image2video|omni-video)/([^/]+)", "query"),
        ("other", "GET", "/v1/videos/(text2video|image2video|multi-image2video|omni-video)", "listing"),
        ("submit", "POST", "/(text-to-video|image-to-video|omni-video)/([^/]+)", "create2"),
        ("poll", "GET", "/tasks", "query2"),
    )
    secret = "fake-secret"
    models = {"kling-v1-6": (5, 10), "kling-v2-1-master": (5, 10), "kling-v2-5-turbo": (5, 10), "kling-v2-6": (5, 10),
              "kling-v3": range(3, 16), "kling-v3-omni": range(3, 16)}
    codes = {"rate_limit": (429, 1302, "API request too fast"), "balance": (429, 1102, "Resource pack depleted"),
             "capacity": (429, 1303, "parallel task over resource pack limit"), "server": (500, 5000, "Internal error"),
             "policy": (400, 1301, "Trigger the content security policy"), "bad_request": (400, 1201,
                                                                                          "Invalid parameter"),
             "auth": (401, 1002, "Authorization is invalid"), "forbidden": (403, 1103, "Unauthorized access"),
             "not_found": (404, 1203, "The requested resource does not exist"),
             "retired": (404, 1203, "The requested model does not exist")}

    def new_id(self):
        self.counter += 1
        return str(882836916432285700 + self.counter)

    def refusal(self, kind, step, text=None):
        status, code, message = self.codes[kind]
        if kind == "capacity" and step.get("status") == 503:
            code, message = 5001, "Temporarily unavailable"
        return Reply(status, {"code": code, "message": text or message, "request_id": str(uuid.uuid4())})

    def authorised(self, request):
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not token:
            return Reply(401, {"code": 1001, "message": "Authorization is empty", "request_id": "r"})
        if token == self.key:
            return None
        claims = jwt_claims(token, self.secret)
        now = time.time()
        if claims is None or claims.get("iss") != self.key or not request.path.startswith("/v1/"):
            return self.refusal("auth", {})
        if claims.get("nbf", 0) > now:
            return Reply(401, {"code": 1003, "message": "Authorization is not yet valid", "request_id": "r"})
        if claims.get("exp", 0) < now:
            return Reply(401, {"code": 1004, "message": "Authorization has expired", "request_id": "r"})
        return None

    def answered(self, data):
        return Reply(200, {"code": 0, "message": "SUCCEED", "request_id": str(uuid.uuid4()), "data": data})

    def taken(self, external):
        return external and any(job.extra.get("external") == external for job in self.jobs.values())

    def create(self, request):
        body, kind = request.json, request.groups[0]
        if not isinstance(body, dict):
            return self.refusal("bad_request", {})
        known = {"model_name", "prompt", "negative_prompt", "cfg_scale", "mode", "sound", "duration", "callback_url",
                 "external_task_id", "watermark_info", "multi_shot", "shot_type", "multi_prompt", "voice_list",
                 "camera_control"}
        known |= {"aspect_ratio"} if kind == "text2video" else {"image", "image_tail", "element_list", "image_list",
                                                               "static_mask", "dynamic_masks", "aspect_ratio"}
        if extra := unknown(body, known):
            return self.refusal("bad_request", {}, f"unknown parameter {extra[0]}")
        lengths = self.models.get(body.get("model_name", "kling-v1-6"))
        if lengths is None:
            return self.refusal("retired", {})
        seconds = body.get("duration", "5")
        if not isinstance(seconds, str) or not seconds.isdigit() or int(seconds) not in lengths:
            return self.refusal("bad_request", {}, "duration value is invalid: a string")
        mode, ratio = body.get("mode", "std"), body.get("aspect_ratio", "16:9")
        if mode not in ("std", "pro", "4k") or ratio not in ("16:9", "9:16", "1:1"):
            return self.refusal("bad_request", {}, "mode or aspect_ratio value is invalid")
        if body.get("sound", "off") not in ("on", "off"):
            return self.refusal("bad_request", {}, "sound value is invalid")
        if kind == "image2video":
            image = body.get("image", "")
            # Base64 goes without the prefix of a data URI.
            if image.startswith("data:") or not (image.startswith("https://") or decoded(image)):
                return self.refusal("bad_request", {}, "image value is invalid")
        shots = body.get("multi_prompt")
        if body.get("multi_shot") and body.get("shot_type") == "customize":
            if not shots or len(shots) > 6 or sum(int(shot["duration"]) for shot in shots) != int(seconds):
                return self.refusal("bad_request", {}, "multi_prompt: up to 6 shots whose durations sum up")
        elif kind == "text2video" and not body.get("prompt"):
            return self.refusal("bad_request", {}, "prompt is required")
        if len(body.get("prompt", "")) > 2500:
            return self.refusal("bad_request", {}, "prompt exceeds 2500 characters")
        if self.taken(body.get("external_task_id")):
            return self.refusal("bad_request", {}, "external_task_id already exists")
        job = self.accept(body.get("model_name", "kling-v1-6"), body, *size(
            {"std": 720, "pro": 1080, "4k": 2160}[mode], ratio), int(seconds), body.get("sound") == "on")
        job.extra |= {"kind": kind, "external": body.get("external_task_id")}
        return self.answered(self.shown(job, "submitted"))

    def shown(self, job, status):
        milliseconds = int(job.created * 1000)
        return {"task_id": job.id, "task_status": status, "task_info": {"external_task_id": job.extra["external"]},
                "created_at": milliseconds, "updated_at": milliseconds}

    def found(self, name):
        return self.jobs.get(name) or next(
            (job for job in self.jobs.values() if job.extra.get("external") == name), None)

    def query(self, request):
        job = self.found(request.groups[1])
        if job is None or job.extra["kind"] != request.groups[0]:
            return self.refusal("not_found", {})
        state = job.look()
        status = {"queued": "submitted", "working": "processing", "done": "succeed", "empty": "succeed"}.get(
            state, "failed")
        data = self.shown(job, status)
        if state == "done":
            data["task_result"] = {"videos": [{"id": str(uuid.uuid4()), "url": self.link(job),
                                               "duration": str(job.seconds)}]}
        elif status == "failed":
            data["task_status_msg"] = self.words(state)
        return self.answered(data)

    @staticmethod
    def words(state):
        return {"policy": "Failure to pass the risk control system", "policy_output":
                "Failure to pass the risk control system", "bad_input": "Image is invalid", "capacity":
                "Service busy", "timeout": "Task timeout"}.get(state, "Internal error")

    def listing(self, request):
        count, page = int(request.query.get("pageSize", 30)), int(request.query.get("pageNum", 1))
        jobs = [job for job in reversed(self.jobs.values()) if job.extra.get("kind") == request.groups[0]]
        return self.answered([self.shown(job, "submitted") for job in jobs[(page - 1) * count:page * count]])

    # Second generation.

    def create2(self, request):
        body, (kind, model) = request.json, request.groups
        if model not in ("kling-3.0", "kling-3.0-turbo", "kling-3.0-omni", "kling-4.0"):
            return self.refusal("retired", {})
        if not isinstance(body, dict):
            return self.refusal("bad_request", {})
        known = ("prompt", "settings", "options") if kind == "text-to-video" else ("contents", "settings", "options")
        if extra := unknown(body, known):
            return self.refusal("bad_request", {}, f"unknown parameter {extra[0]}")
        settings, options = body.get("settings", {}), body.get("options", {})
        if extra := unknown(settings, ("resolution", "aspect_ratio", "duration", "audio", "multi_shot")):
            return self.refusal("bad_request", {}, f"unknown parameter settings.{extra[0]}")
        if extra := unknown(options, ("callback_url", "external_task_id", "watermark_info")):
            return self.refusal("bad_request", {}, f"unknown parameter options.{extra[0]}")
        if kind == "text-to-video" and not body.get("prompt"):
            return self.refusal("bad_request", {}, "prompt is required")
        kinds = ("prompt", "first_frame", "last_frame", "refer_image", "feature_video", "base_video", "element")
        for item in body.get("contents", []):
            if item.get("type") not in kinds:
                return self.refusal("bad_request", {}, "contents.type value is invalid")
        seconds = settings.get("duration", 5)
        if isinstance(seconds, bool) or not isinstance(seconds, int) or not 3 <= seconds <= 15:
            return self.refusal("bad_request", {}, "settings.duration value is invalid: an integer")
        resolution, ratio = settings.get("resolution", "720p"), settings.get("aspect_ratio", "16:9")
        if resolution not in ("720p", "1080p", "4k") or ratio not in ("16:9", "9:16", "1:1"):
            return self.refusal("bad_request", {}, "settings.resolution or aspect_ratio value is invalid")
        if settings.get("audio", "off") not in ("native", "original", "off"):
            return self.refusal("bad_request", {}, "settings.audio value is invalid")
        if self.taken(options.get("external_task_id")):
            return self.refusal("bad_request", {}, "external_task_id already exists")
        job = self.accept(model, body, *size({"720p": 720, "1080p": 1080, "4k": 2160}[resolution], ratio), seconds,
                          settings.get("audio") == "native")
        job.extra |= {"external": options.get("external_task_id")}
        return self.answered(self.shown2(job, "submitted"))

    def shown2(self, job, status):
        milliseconds = int(job.created * 1000)
        return {"id": job.id, "status": status, "create_time": milliseconds, "update_time": milliseconds,
                "external_id": job.extra["external"] or ""}

    def query2(self, request):
        name = request.query.get("task_ids") or request.query.get("external_task_ids") or ""
        job = self.found(name)
        if job is None:
            return self.refusal("not_found", {})
        state = job.look()
        status = {"queued": "submitted", "working": "processing", "done": "succeeded", "empty": "succeeded"}.get(
            state, "failed")
        task = self.shown2(job, status) | {"outputs": [], "message": ""}
        if state == "done":
            task |= {"outputs": [{"type": "video", "id": str(uuid.uuid4()), "url": self.link(job),
                                  "duration": str(job.seconds)}],
                     "billing": [{"charge_type": "cash", "amount": str(0.1 * job.seconds), "cash_type": "balance",
                                  "list_price": str(0.1 * job.seconds), "currency": "USD"}]}
        elif status == "failed":
            task["message"] = self.words(state)
        # Two shapes are reported; a reader must know both.
        if self.script.options.get("tasks_shape") == "result":
            return self.answered({"result": [task], "count": 1})
        return self.answered([task])
