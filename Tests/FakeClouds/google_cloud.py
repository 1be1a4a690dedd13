"""Google, faked. What was guessed of it is marked with GUESS."""

import base64
import re
import time
import uuid

from core import Cloud, Reply, decoded, stamp
from shapes import size, unknown


class Veo(Cloud):
    """What Gemini's and Vertex's way to Veo share."""

    models = {"veo-3.1-generate-preview", "veo-3.1-fast-generate-preview", "veo-3.1-lite-generate-preview",
              "veo-3.1-generate-001", "veo-3.1-fast-generate-001", "veo-3.1-lite-generate-001"}
    parameters = ()

    def refusal(self, kind, step):
        status, code, text, details = {
            "rate_limit": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", [
                {"@type": "type.googleapis.com/google.rpc.RetryInfo",
                 "retryDelay": f"{step.get('retry_after', 2)}s"}]),
            "balance": (429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", []),
            "capacity": (503, "UNAVAILABLE", "The model is overloaded. Please try again later.", []),
            "server": (500, "INTERNAL", "An internal error has occurred.", []),
            "policy": (400, "INVALID_ARGUMENT", "The prompt could not be submitted: it contains words that violate "
                       "the usage guidelines. Support codes: 58061214", []),
            "bad_request": (400, "INVALID_ARGUMENT", "Request contains an invalid argument.", []),
            "auth": (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
                 "domain": "googleapis.com"}]),
            "forbidden": (403, "PERMISSION_DENIED", "Permission denied.", []),
            "not_found": (404, "NOT_FOUND", "Requested entity was not found.", []),
            "retired": (404, "NOT_FOUND", "This model is no longer available.", []),
        }[kind]
        return Reply(status, {"error": {"code": status, "message": text, "status": code, "details": details}})

    @staticmethod
    def finish(reply, step):
        # The wait is in the body here; the header is only sent where a test asks for a status of its own.
        return Cloud.finish(reply, {key: value for key, value in step.items() if key != "retry_after"})

    def wrong(self, text):
        return Reply(400, {"error": {"code": 400, "message": text, "status": "INVALID_ARGUMENT"}})

    def ordered(self, request, model):
        """The job, or the answer to a wrong order."""
        if model not in self.models:
            return self.refusal("retired", {})
        body = request.json
        instances = body.get("instances") if isinstance(body, dict) else None
        if not isinstance(instances, list) or len(instances) != 1:
            return self.wrong("One instance is expected.")
        if extra := unknown(body, ("instances", "parameters", "labels", "webhookConfig")):
            return self.wrong(f"Unknown name \"{extra[0]}\".")
        instance, parameters = instances[0], body.get("parameters", {})
        if extra := unknown(instance, ("prompt", "image", "lastFrame", "referenceImages", "video")):
            return self.wrong(f"Unknown name \"{extra[0]}\" at 'instances[0]'.")
        if extra := unknown(parameters, self.parameters):
            return self.wrong(f"`{extra[0]}` isn't supported by this model.")
        if not instance.get("prompt") and "image" not in instance:
            return self.wrong("The prompt is missing.")
        for image in [instance.get("image"), instance.get("lastFrame")] + [
                reference.get("image") for reference in instance.get("referenceImages", [])]:
            if image and "gcsUri" not in image and (
                    not decoded(image.get("bytesBase64Encoded", "")) or not image.get("mimeType")):
                return self.wrong("`inlineData` isn't supported by this model; an image needs bytesBase64Encoded "
                                  "and mimeType.")
        seconds = parameters.get("durationSeconds", 8)
        if isinstance(seconds, bool) or seconds not in (4, 6, 8):
            return self.wrong("The number value for `durationSeconds` is out of bound: 4, 6 or 8.")
        resolution, ratio = parameters.get("resolution", "720p"), parameters.get("aspectRatio", "16:9")
        if ratio not in ("16:9", "9:16") or resolution not in ("720p", "1080p", "4k"):
            return self.wrong("The aspect ratio or the resolution is not supported.")
        if seconds != 8 and (resolution != "720p" or instance.get("referenceImages")):
            return self.wrong("1080p, 4k and reference images need 8 seconds.")
        if "lite" in model and resolution == "4k":
            return self.wrong("4k is not supported by this model.")
        if parameters.get("sampleCount", 1) != 1 and "preview" in model:
            return self.wrong("One video at a time.")
        width, height = size({"720p": 720, "1080p": 1080, "4k": 2160}[resolution], ratio)
        return self.accept(model, body, width, height, seconds, parameters.get("generateAudio", True))

    def error(self, job):
        """The operation's own error; None where it has none."""
        code, text = {"failed": (13, "Internal error."), "timeout": (4, "Deadline exceeded."),
                      "capacity": (8, "The service is currently experiencing high load."),
                      "bad_input": (3, "The image could not be read."), "cancelled": (1, "Cancelled."),
                      "policy": (3, "The prompt violates the usage guidelines. Support codes: 58061214"),
                      }.get(job.state, (0, ""))
        return {"code": code, "message": text} if code else None


class Gemini(Veo):
    """POST /v1beta/models/{model}:predictLongRunning, GET /v1beta/{operation}, GET /v1beta/files/{id}:download."""

    name = "gemini"
    routes = (
        ("submit", "POST", "/v1beta/models/([^/:]+):predictLongRunning", "create"),
        ("poll", "GET", "/v1beta/(models/[^/:]+/operations/[^/:]+)", "retrieve"),
        ("download", "GET", "/v1beta/files/([^/:]+):download", "content"),
        ("other", "GET", "/v1beta/models", "models_list"),
        ("other", "GET", "/v1beta/models/([^/:]+)", "model"),
    )
    parameters = ("aspectRatio", "durationSeconds", "resolution", "negativePrompt", "personGeneration", "sampleCount",
                  "enhancePrompt", "seed")

    def new_id(self):
        return uuid.uuid4().hex[:12]

    def authorised(self, request):
        given = request.headers.get("x-goog-api-key") or request.query.get("key")
        if given is None:
            return Reply(403, {"error": {"code": 403, "message": "Method doesn't allow unregistered callers.",
                                         "status": "PERMISSION_DENIED"}})
        return None if given == self.key else self.refusal("auth", {})

    def create(self, request):
        job = self.ordered(request, request.groups[0])
        return job if isinstance(job, Reply) else Reply(
            200, {"name": f"models/{job.model}/operations/{job.id}"})

    def retrieve(self, request):
        job = self.jobs.get(request.groups[0].rpartition("/")[2])
        if job is None:
            return self.refusal("not_found", {})
        operation = {"name": request.groups[0]}
        if job.look() in ("queued", "working"):
            return Reply(200, operation)
        operation["done"] = True
        if error := self.error(job):
            return Reply(200, operation | {"error": error})
        made = {"generatedSamples": [{"video": {"uri": f"{self.url}/v1beta/files/{job.id}:download?alt=media"}}]}
        if job.state == "policy_output":
            made = {"raiMediaFilteredCount": 1,
                    "raiMediaFilteredReasons": ["The video was blocked by the safety filters. Support code: 29310472"]}
        elif job.state == "empty":
            made = {}
        return Reply(200, operation | {"response": {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse",
            "generateVideoResponse": made}})

    def content(self, request):
        job = self.jobs.get(request.groups[0])
        if job is None or job.state != "done":
            return self.refusal("not_found", {})
        # The documents' own example follows redirects.
        if self.script.options.get("direct"):
            return self.video(job)
        return Reply(302, b"", {"Location": self.link(job)}, kind="text/html")

    def models_list(self, request):
        return Reply(200, {"models": [{"name": "models/" + name, "supportedGenerationMethods": ["predictLongRunning"]}
                                      for name in sorted(self.models)]})

    def model(self, request):
        if request.groups[0] not in self.models:
            return self.refusal("not_found", {})
        return Reply(200, {"name": "models/" + request.groups[0],
                           "supportedGenerationMethods": ["predictLongRunning"]})


class Omni(Gemini):
    """What the Gemini API has instead of Veo since October 2026: POST and GET /v1/interactions."""

    name = "omni"
    routes = (
        ("submit", "POST", "/v1(?:beta)?/interactions", "create"),
        ("poll", "GET", "/v1(?:beta)?/interactions/([^/]+)", "retrieve"),
        ("cancel", "POST", "/v1(?:beta)?/interactions/([^/]+)/cancel", "cancel"),
        ("download", "GET", "/v1(?:beta)?/files/([^/:]+):download", "content"),
    )
    models = {"gemini-omni-1.1-flash", "gemini-omni-1.2-flash"}

    def create(self, request):
        body = request.json
        if not isinstance(body, dict):
            return self.wrong("The body is no object.")
        if extra := unknown(body, ("model", "input", "background", "store", "response_format", "generation_config",
                                   "previous_interaction_id", "labels", "webhook_config", "system_instruction")):
            return self.wrong(f"Unknown name \"{extra[0]}\".")
        if body.get("model") not in self.models:
            return self.refusal("retired", {})
        form = body.get("response_format") or {}
        if extra := unknown(form, ("type", "aspect_ratio", "delivery", "duration", "gcs_uri", "resolution")):
            return self.wrong(f"Unknown name \"{extra[0]}\" at 'response_format'.")
        words = body.get("input")
        # Words, content, or turns with content.
        parts = [{"type": "text", "text": words}] if isinstance(words, str) else [
            part for step in words or [] for part in step.get("content", [step])]
        if form.get("type") != "video" or not any(
                part.get("type") == "text" and part.get("text") for part in parts):
            return self.wrong("A text and the response format video are needed.")
        for part in parts:
            if part.get("type") == "image" and not (
                    decoded(part.get("data", "")) and part.get("mime_type") or part.get("uri")):
                return self.wrong("An image needs data and mime_type, or a uri.")
        seconds = re.fullmatch(r"(\d+)s", form.get("duration", "8s"))
        if not seconds or not 3 <= int(seconds[1]) <= (15 if "1.2" in body["model"] else 10):
            return self.wrong("The duration is out of bounds.")
        ratio, resolution = form.get("aspect_ratio", "16:9"), form.get("resolution", "720p")
        if ratio not in ("16:9", "9:16") or resolution not in ("360p", "720p", "1080p", "4k"):
            return self.wrong("The aspect ratio or the resolution is not supported.")
        side = {"360p": 360, "720p": 720, "1080p": 1080, "4k": 2160}[resolution]
        job = self.accept(body["model"], body, *size(side, ratio), int(seconds[1]), True)
        job.extra["inline"] = form.get("delivery", "inline") == "inline"
        return Reply(200, self.shown(job))

    def shown(self, job):
        state = job.state
        name = {"queued": "queued", "working": "in_progress", "done": "completed", "empty": "completed",
                "policy_output": "completed", "cancelled": "cancelled"}.get(state, "failed")
        shown = {"id": job.id, "object": "interaction", "model": job.model, "status": name,
                 "created": stamp(job.created), "updated": stamp(), "steps": []}
        if state == "done":
            video = {"data": base64.b64encode(self.clip(job)).decode()} if job.extra["inline"] else {
                "uri": f"{self.url}/v1beta/files/{job.id}:download?alt=media"}
            video |= {"type": "video", "mime_type": "video/mp4"}
            shown["steps"] = [{"type": "model_output", "content": [video]}]
        elif state == "policy_output":
            # GUESS: a refusal in words instead of a clip.
            shown["steps"] = [{"type": "model_output", "content": [{"type": "text", "text": "I cannot make that."}]}]
        elif name == "failed":
            shown["errors"] = [{"code": "content_policy" if state == "policy" else "internal", "message": "It failed."}]
        return shown

    def retrieve(self, request):
        job = self.jobs.get(request.groups[0])
        if job is None:
            return self.refusal("not_found", {})
        job.look()
        return Reply(200, self.shown(job))

    def cancel(self, request):
        job = self.jobs.get(request.groups[0])
        if job is None:
            return self.refusal("not_found", {})
        job.cancelled = True
        return Reply(200, self.shown(job))


class Vertex(Veo):
    """…/publishers/google/models/{model}:predictLongRunning and :fetchPredictOperation; the bytes come in the answer.

    With a storageUri they are put into a bucket, and read from there.
    """

    name = "vertex"
    place = "/v1(?:beta1)?/(projects/[^/]+/locations/[^/]+/publishers/google/models/([^/:]+))"
    routes = (
        ("submit", "POST", place + ":predictLongRunning", "create"),
        ("poll", "POST", place + ":fetchPredictOperation", "retrieve"),
        ("download", "GET", "/(?:download/)?storage/v1/b/([^/]+)/o/(.+)", "stored_object"),
    )
    parameters = Gemini.parameters + ("generateAudio", "storageUri", "fps", "pubsubTopic", "compressionQuality",
                                      "resizeMode")

    def refusal(self, kind, step):
        if kind == "auth":
            return Reply(401, {"error": {"code": 401, "status": "UNAUTHENTICATED", "message":
                                         "Request had invalid authentication credentials."}})
        return super().refusal(kind, step)

    def create(self, request):
        job = self.ordered(request, request.groups[1])
        if isinstance(job, Reply):
            return job
        job.extra["name"] = f"{request.groups[0]}/operations/{job.id}"
        return Reply(200, {"name": job.extra["name"]})

    def retrieve(self, request):
        name = (request.json or {}).get("operationName", "")
        job = self.jobs.get(name.rpartition("/")[2])
        if job is None or job.extra["name"] != name:
            return self.refusal("not_found", {})
        operation = {"name": name}
        if job.look() in ("queued", "working"):
            return Reply(200, operation)
        operation["done"] = True
        if error := self.error(job):
            return Reply(200, operation | {"error": error})
        made = {"raiMediaFilteredCount": 0}
        if job.state == "policy_output":
            made = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["Blocked. Support code: 29310472"]}
        elif job.state == "done":
            bucket = job.fields.get("parameters", {}).get("storageUri")
            video = {"gcsUri": f"{bucket.rstrip('/')}/{job.id}/sample_0.mp4"} if bucket else {
                "bytesBase64Encoded": base64.b64encode(self.clip(job)).decode()}
            made["videos"] = [video | {"mimeType": "video/mp4"}]
        return Reply(200, operation | {"response": {
            "@type": "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"} | made})

    def stored_object(self, request):
        job = next((job for job in self.jobs.values() if job.id in request.groups[1]), None)
        if job is None or job.state != "done" or request.query.get("alt") != "media":
            return self.refusal("not_found", {})
        return self.video(job)
