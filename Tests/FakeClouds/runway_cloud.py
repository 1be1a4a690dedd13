"""Runway, faked. What was guessed of it is marked with GUESS."""

import re
import uuid

from core import Cloud, Reply, decoded, stamp
from shapes import unknown


class Runway(Cloud):
    """POST /v1/text_to_video or /v1/image_to_video, GET and DELETE /v1/tasks/{id}."""

    name = "runway"
    routes = (
        ("submit", "POST", "/v1/(text_to_video|image_to_video)", "create"),
        ("poll", "GET", "/v1/tasks/([^/]+)", "retrieve"),
        ("cancel", "DELETE", "/v1/tasks/([^/]+)", "delete"),
        ("other", "POST", "/v1/uploads", "upload"),
        ("other", "GET", "/v1/organization", "organization"),
    )
    wide = ("1280:720", "720:1280", "1104:832", "960:960", "832:1104", "1584:672")
    #: Model: ratios of text, ratios of image, lengths, further fields, credits a second.
    models = {
        "gen4.5": (wide[:2], wide, range(2, 11), ("seed", "contentModeration", "outputFormat", "proresProfile"), 12),
        "gen4_turbo": ((), wide, range(2, 11), ("seed", "contentModeration"), 5),
        "veo3.1": (("1280:720", "720:1280", "1080:1920", "1920:1080"),) * 2 + (
            (4, 6, 8), ("seed", "audio", "negativePrompt"), 40),
        "veo3.1_fast": (("1280:720", "720:1280", "1080:1920", "1920:1080"),) * 2 + (
            (4, 6, 8), ("seed", "audio", "negativePrompt"), 15),
        "kling3.0_pro": (("1920:1080", "1080:1920", "1440:1440"),) * 2 + (
            range(3, 16), ("audio", "cfgScale", "providerSettings"), 15),
        "kling3.0_standard": (("1280:720", "720:1280", "960:960"),) * 2 + (
            range(3, 16), ("audio", "cfgScale", "providerSettings"), 10),
    }

    def authorised(self, request):
        refused = super().authorised(request)
        if refused is None and request.headers.get("x-runway-version") != "2024-11-06":
            return self.wrong("A valid X-Runway-Version header is required.")
        return refused

    def refusal(self, kind, step):
        status, text = {
            "rate_limit": (429, "Too many requests."), "balance": (400, "You do not have enough credits to run this "
                                                                        "task."),
            "capacity": (503, "Service unavailable."), "server": (500, "Internal server error."),
            "policy": (400, "Your request was rejected by content moderation."), "bad_request": (400, "Validation of "
                                                                                                      "body failed"),
            "auth": (401, "The API key is not valid."), "forbidden": (403, "Model variant is not available."),
            "not_found": (404, "Not found."), "retired": (403, "Model variant is not available."),
        }[kind]
        return Reply(status, {"error": text})

    def wrong(self, text, field=None):
        issue = {"code": "custom", "message": text, "path": [field] if field else []}
        return Reply(400, {"error": "Validation of body failed", "issues": [issue],
                           "docUrl": "https://docs.dev.runwayml.com/api"})

    def create(self, request):
        body, kind = request.json, request.groups[0]
        if not isinstance(body, dict):
            return self.wrong("The body is no object.")
        if body.get("model") not in self.models:
            return self.wrong("Invalid discriminator value.", "model")
        texts, images, lengths, more, credits = self.models[body["model"]]
        ratios = texts if kind == "text_to_video" else images
        if not ratios:
            return self.wrong("The model makes no video of a text alone.", "model")
        known = ("model", "promptText", "ratio", "duration") + more
        if kind == "image_to_video":
            known += ("promptImage",)
        if extra := unknown(body, known):
            return self.wrong(f"Unrecognized key: {extra[0]}", extra[0])
        if body.get("ratio", ratios[0] if kind == "image_to_video" else None) not in ratios:
            return self.wrong(f"The ratio must be one of {', '.join(ratios)}.", "ratio")
        text = body.get("promptText")
        count = len((text or "").encode("utf-16-le")) // 2
        if kind == "text_to_video" and not text or text is not None and not 0 < count <= 1000:
            return self.wrong("The prompt must have 1 to 1000 UTF-16 code units.", "promptText")
        seconds = body.get("duration", 5 if 5 in lengths else 8)
        if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds not in lengths:
            return self.wrong("The duration is not one of the model's.", "duration")
        if "duration" not in body and body["model"] == "gen4.5":
            return self.wrong("Required", "duration")
        if kind == "image_to_video":
            given = body.get("promptImage")
            frames = given if isinstance(given, list) else [{"uri": given, "position": "first"}]
            for frame in frames:
                uri = frame.get("uri") or ""
                if not re.match(r"(https://|runway://|data:image/)", uri):
                    return self.wrong("Expected an https URL, a runway URI or a data URI.", "promptImage")
                if uri.startswith("data:") and (not decoded(uri) or len(uri) > 5 << 20):
                    return self.wrong("The data URI is not valid, or over 5 MB.", "promptImage")
                if uri.startswith("runway://") and uri not in self.uploads:
                    return self.wrong("The upload does not exist.", "promptImage")
                if frame.get("position") not in ("first", "last"):
                    return self.wrong("Invalid position.", "promptImage")
        width, height = map(int, body.get("ratio", ratios[0]).split(":"))
        job = self.accept(body["model"], body, width, height, seconds, body.get("audio", False))
        job.extra["credits"] = credits * seconds
        return Reply(200, {"id": job.id})

    def retrieve(self, request):
        job = self.jobs.get(request.groups[0])
        if job is None or job.cancelled:
            return self.refusal("not_found", {})
        state = job.look()
        task = {"id": job.id, "createdAt": stamp(job.created)}
        if state in ("queued", "working"):
            task["estimatedCost"] = {"credits": job.extra["credits"]}
            if state == "working":
                return Reply(200, task | {"status": "RUNNING", "progress": job.progress})
            return Reply(200, task | {"status": "THROTTLED" if self.script.options.get("throttled") else "PENDING"})
        if state in ("done", "empty"):
            output = [self.link(job)] if state == "done" else []
            return Reply(200, task | {"status": "SUCCEEDED", "output": output,
                                      "cost": {"credits": job.extra["credits"]}})
        if state == "cancelled":
            return Reply(200, task | {"status": "CANCELLED", "cost": {"credits": 0}})
        code = {"policy": "SAFETY.INPUT.TEXT", "policy_output": "SAFETY.OUTPUT.VIDEO", "bad_input":
                "INPUT_PREPROCESSING.SAFETY.TEXT" if self.script.options.get("third_party") else "ASSET.INVALID",
                "capacity": "THIRD_PARTY.UNAVAILABLE", "timeout": "INTERNAL.BAD_OUTPUT.CODE01"}.get(state, "INTERNAL")
        return Reply(200, task | {"status": "FAILED", "failure": "An error occurred.", "failureCode": code,
                                  "cost": {"credits": 0}})

    def delete(self, request):
        job = self.jobs.get(request.groups[0])
        if job is None or job.cancelled:
            return self.refusal("not_found", {})
        job.cancelled = True
        return Reply(204)

    def upload(self, request):
        body = request.json or {}
        if not body.get("filename") or body.get("type") != "ephemeral":
            return self.wrong("Expected a filename and the type ephemeral.")
        name = uuid.uuid4().hex
        self.uploads["runway://" + name] = body["filename"]
        return Reply(200, {"uploadUrl": f"{self.files.url()}/upload/{name}", "runwayUri": "runway://" + name,
                           "fields": {"key": name, "policy": "cG9saWN5"}})

    def organization(self, request):
        return Reply(200, {"creditBalance": 1000, "tier": {"maxMonthlyCreditSpend": 9000, "models": {
            name: {"maxConcurrentGenerations": 3, "maxDailyGenerations": 50} for name in self.models}},
            "usage": {"models": {name: {"dailyGenerations": 0} for name in self.models}}})
