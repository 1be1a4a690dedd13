"""fal, faked. What was guessed of it is marked with GUESS."""

from core import Cloud, Reply
from shapes import size


class Fal(Cloud):
    """POST /{model id}, then the three addresses that come back: status, response, cancel.

    The queue takes any order; what is wrong with it comes out at the response.
    """

    name = "fal"
    routes = (
        ("poll", "GET", "/([^/]+/[^/]+)/requests/([^/]+)/status", "status"),
        ("cancel", "PUT", "/([^/]+/[^/]+)/requests/([^/]+)/cancel", "cancel"),
        ("other", "GET", "/([^/]+/[^/]+)/requests/([^/]+)", "response"),
        ("submit", "POST", "/(.+)", "create"),
    )
    kling = {"prompt": str, "multi_prompt": list, "duration": tuple(map(str, range(3, 16))), "negative_prompt": str,
             "cfg_scale": (int, float), "generate_audio": bool, "shot_type": ("customize", "intelligent"),
             "voice_ids": list, "elements": list}
    # As fal's pages say it.
    veo = {"prompt": str, "duration": ("4s", "6s", "8s"), "resolution": ("720p", "1080p", "4k"),
           "generate_audio": bool, "negative_prompt": str, "seed": int, "auto_fix": bool}
    veo_words = veo | {"aspect_ratio": ("16:9", "9:16")}
    veo_picture = veo | {"aspect_ratio": ("auto", "16:9", "9:16"), "image_url": str}
    # Its older kin's pages say the same; GUESS for 2.3.
    hailuo = {"prompt": str, "duration": ("6", "10"), "prompt_optimizer": bool}
    # GUESS: as its fast kin.
    ltx = {"prompt": str, "duration": (6, 8, 10), "resolution": ("1080p", "1440p", "2160p"),
           "aspect_ratio": ("16:9",), "fps": (25, 50), "generate_audio": bool}
    models = {
        "fal-ai/veo3.1": veo_words, "fal-ai/veo3.1/fast": veo_words,
        "fal-ai/veo3.1/image-to-video": veo_picture, "fal-ai/veo3.1/fast/image-to-video": veo_picture,
        "fal-ai/minimax/hailuo-2.3/standard/text-to-video": hailuo,
        "fal-ai/minimax/hailuo-2.3/standard/image-to-video": hailuo | {"image_url": str},
        "fal-ai/ltx-2/text-to-video": ltx, "fal-ai/ltx-2/image-to-video": ltx | {"image_url": str},
        "fal-ai/ltx-2/image-to-video/fast": ltx | {"duration": (6, 8, 10, 12, 14, 16, 18, 20), "image_url": str},
        "fal-ai/kling-video/v3/standard/image-to-video": kling | {"start_image_url": str, "end_image_url": str},
        "fal-ai/kling-video/v3/pro/text-to-video": kling | {"aspect_ratio": ("16:9", "9:16", "1:1")},
        "fal-ai/kling-video/v3/standard/text-to-video": kling | {"aspect_ratio": ("16:9", "9:16", "1:1")},
        "fal-ai/kling-video/v3/pro/image-to-video": kling | {"start_image_url": str, "end_image_url": str},
        "fal-ai/wan/v2.6/text-to-video": {
            "prompt": str, "duration": ("5", "10", "15"), "resolution": ("720p", "1080p"), "negative_prompt": str,
            "aspect_ratio": ("16:9", "9:16", "1:1", "4:3", "3:4"), "seed": int, "multi_shots": bool, "audio_url": str,
            "enable_prompt_expansion": bool, "enable_safety_checker": bool},
        "fal-ai/ltx-2/text-to-video/fast": {
            "prompt": str, "duration": (6, 8, 10, 12, 14, 16, 18, 20), "resolution": ("1080p", "1440p", "2160p"),
            "aspect_ratio": ("16:9",), "fps": (25, 50), "generate_audio": bool},
        "bytedance/seedance-2.0/text-to-video": {
            "prompt": str, "duration": ("auto",) + tuple(map(str, range(4, 16))), "resolution":
            ("480p", "720p", "1080p", "4k"), "aspect_ratio": ("auto", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16"),
            "generate_audio": bool, "seed": int, "end_user_id": str},
    }

    def authorised(self, request):
        return None if request.headers.get("authorization") == f"Key {self.key}" else self.refusal("auth", {})

    def refusal(self, kind, step):
        status, text, type_ = {
            "rate_limit": (429, "Too many requests", None), "balance": (403, "User is locked. Reason: Exhausted "
                                                                             "balance.", None),
            "capacity": (503, "No runner could be allocated", "runner_scheduling_failure"),
            "server": (500, "Internal server error", "internal_error"), "bad_request": (400, "Bad request",
                                                                                       "bad_request"),
            "policy": (422, None, "content_policy_violation"),
            "auth": (401, "Authentication is required to access this application.", None),
            "forbidden": (403, "Forbidden", None), "not_found": (404, "Request not found", None),
            "retired": (404, "Application not found", None),
        }[kind]
        if text is None:
            return self.wrong(type_, "The content could not be processed.", ["body", "prompt"])
        headers = {"X-Fal-Error-Type": type_} if type_ else {}
        return Reply(status, {"detail": text} | ({"error_type": type_} if type_ else {}), headers)

    @staticmethod
    def wrong(type_, text, place, status=422, retryable="false"):
        return Reply(status, {"detail": [{"loc": place, "msg": text, "type": type_,
                                          "url": "https://docs.fal.ai/errors#" + type_, "input": None}]},
                     {"X-Fal-Retryable": retryable})

    def create(self, request):
        if request.groups[0] not in self.models:
            return self.refusal("retired", {})
        body = request.json
        if not isinstance(body, dict):
            return self.wrong("json_invalid", "JSON decode error", ["body"])
        ratio = body.get("aspect_ratio", "16:9")
        side = {"480p": 480, "720p": 720, "1080p": 1080, "1440p": 1440, "2160p": 2160, "4k": 2160}.get(
            body.get("resolution"), 1080)
        try:
            seconds = float(str(body.get("duration", 5)).removesuffix("s"))
        except (TypeError, ValueError):
            seconds = 5
        job = self.accept(request.groups[0], body, *size(side, ratio), seconds, body.get("generate_audio", True))
        owner = "/".join(request.groups[0].split("/")[:2])
        base = f"{self.url}/{owner}/requests/{job.id}"
        return Reply(200, {"status": "IN_QUEUE", "request_id": job.id, "response_url": base, "queue_position": 1,
                           "status_url": base + "/status", "cancel_url": base + "/cancel"})

    def found(self, request):
        job = self.jobs.get(request.groups[1])
        return job if job and (job.model + "/").startswith(request.groups[0] + "/") else None

    def problem(self, job):
        """What is wrong with the order, as the model says it; None where nothing is."""
        schema = self.models[job.model]
        for name in ("start_image_url", "image_url"):
            if "image-to-video" in job.model and name in schema and name not in job.fields:
                return self.wrong("missing", "Field required", ["body", name])
        if "prompt" not in job.fields and "multi_prompt" not in job.fields:
            return self.wrong("missing", "Field required", ["body", "prompt"])
        for name, value in job.fields.items():
            kind = schema.get(name)
            if kind is None:
                # GUESS: pydantic's default passes over what it does not know; an adapter must not rely on it.
                return self.wrong("extra_forbidden", "Extra inputs are not permitted", ["body", name])
            if isinstance(kind, tuple) and not isinstance(kind[0], type):
                if value not in kind or isinstance(value, bool):
                    return self.wrong("literal_error", f"Input should be one of {kind}", ["body", name])
            elif not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
                return self.wrong("type_error", f"Input should be {kind}", ["body", name])
        return None

    def status(self, request):
        job = self.found(request)
        if job is None:
            return self.refusal("not_found", {})
        state = job.look()
        base = f"{self.url}/{request.groups[0]}/requests/{job.id}"
        fields = {"request_id": job.id, "response_url": base, "status_url": base + "/status",
                  "cancel_url": base + "/cancel"}
        if state == "queued":
            return Reply(202, fields | {"status": "IN_QUEUE", "queue_position": max(job.queued - job.looks, 0)})
        if state == "working":
            return Reply(202, fields | {"status": "IN_PROGRESS", "logs": []})
        fields |= {"status": "COMPLETED", "logs": [], "metrics": {"inference_time": 1.5}}
        if state == "capacity":
            fields |= {"error": "The runner disconnected", "error_type": "runner_disconnected"}
        if state == "timeout":
            fields |= {"error": "Request timed out", "error_type": "request_timeout"}
        return Reply(200, fields)

    def response(self, request):
        job = self.found(request)
        if job is None:
            return self.refusal("not_found", {})
        state = job.state
        if state in ("queued", "working"):
            return Reply(400, {"detail": "Request is still in progress"})
        if problem := self.problem(job):
            return problem
        if state in ("policy", "policy_output"):
            return self.refusal("policy", {})
        if state == "capacity":
            return Reply(503, {"detail": "The runner disconnected", "error_type": "runner_disconnected"},
                         {"X-Fal-Error-Type": "runner_disconnected"})
        if state == "timeout":
            return Reply(504, {"detail": "Request timed out", "error_type": "request_timeout"},
                         {"X-Fal-Error-Type": "request_timeout"})
        if state == "bad_input":
            return self.wrong("image_load_error", "The image could not be loaded.", ["body", "start_image_url"])
        if state == "cancelled":
            return Reply(400, {"detail": "The request was cancelled", "error_type": "client_cancelled"})
        if state == "empty":
            return Reply(200, {})
        if state != "done":
            return self.wrong("internal_server_error", "Internal server error", ["body"], 500, "true")
        return Reply(200, {"video": {"url": self.link(job), "content_type": "video/mp4", "file_name": "output.mp4",
                                     "file_size": len(self.clip(job))}})

    def cancel(self, request):
        job = self.found(request)
        if job is None:
            return Reply(404, {"status": "NOT_FOUND"})
        if job.state not in ("queued", "working"):
            return Reply(400, {"status": "ALREADY_COMPLETED"})
        job.cancelled = True
        return Reply(202, {"status": "CANCELLATION_REQUESTED"})
