import Foundation
import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoServer
import VideoTypes

/// The service as any program meets it, without a client library.
@Suite(.bounded) struct RawServiceTests {
    @Test func `a clip is ordered, watched, fetched and deleted`() throws {
        let service = try TestService()
        let made = try service.post(
            "/v1/videos", form: [("prompt", "a red circle fake:held"), ("seed", "42"), ("metadata[who]", "me")])
        #expect(made.status == 200 && made["object"] == "video" && made["status"] == "queued")
        #expect(made["seed"] == "42" && made["num_frames"] == "17" && made["metadata", "who"] == "me")
        #expect(made["seconds"] == "2.125" && made["size"] == "96x96" && made["progress"] == "0")
        #expect(made["queue_position"] != nil && made["eta_seconds"] != nil && made["eta_seconds_p90"] != nil)
        #expect(made.header("openai-poll-after-ms").flatMap { Int($0) }.map { (250...10_000).contains($0) } == true)
        #expect(made.header("openai-processing-ms") != nil && made.header("x-request-id")?.isEmpty == false)
        let id = try #require(made["id"])
        #expect(try service.get("/v1/videos/\(id)/content")["error", "code"] == "video_not_ready")
        service.letPass(.max)

        let done = try service.finished(id)
        #expect(done["status"] == "completed" && done["progress"] == "100" && done["attempt"] == "1")
        #expect(done["sha256"]?.count == 64 && done["stage_seconds", "denoise"] != nil)
        #expect(done["cost_dollars"] != nil && done["expires_at"] != nil && done["completed_at"] != nil)
        let bytes = try #require(done["bytes"].flatMap { Int($0) })
        let file = try service.get("/v1/videos/\(id)/content", [("Accept", "application/binary")])
        #expect(file.status == 200 && file.raw.body.count == bytes && file.header("Content-Type") == "video/mp4")
        #expect(file.header("X-Content-Type-Options") == "nosniff")
        #expect(file.header("Content-Disposition")?.hasPrefix("attachment") == true)
        let part = try service.get("/v1/videos/\(id)/content", [("Range", "bytes=4-7")])
        #expect(part.status == 206 && part.raw.body == Array("ftyp".utf8))
        #expect(try service.ask("HEAD", "/v1/videos/\(id)/content").header("Content-Length") == "\(bytes)")

        let deleted = try service.ask("DELETE", "/v1/videos/\(id)")
        #expect(deleted["deleted"] == "true" && deleted["object"] == "video.deleted" && deleted["id"] == id)
        #expect(try service.get("/v1/videos/\(id)").status == 404)
        #expect(try service.get("/v1/videos/\(id)/content").status == 404)
    }

    @Test func `the same seed is the same clip, and a remix keeps everything but the prompt`() throws {
        let service = try TestService()
        let first = try service.finished(service.submit("a", ", \"seed\": 7, \"num_inference_steps\": 3"))
        let again = try service.finished(service.submit("a", ", \"seed\": 7, \"num_inference_steps\": 3"))
        #expect(first["id"] != again["id"] && first["sha256"] == again["sha256"] && first["sha256"] != nil)
        let id = try #require(first["id"])
        let remix = try service.post("/v1/videos/\(id)/remix", json: #"{"prompt": "b"}"#)
        #expect(remix.status == 200 && remix["remixed_from_video_id"] == id && remix["prompt"] == "b")
        #expect(remix["seed"] == "7" && remix["num_inference_steps"] == "3")
        #expect(try service.post("/v1/videos/\(id)/remix", json: #"{"prompt": "b", "seed": 1}"#).status == 400)
        #expect(try service.post("/v1/videos/\(id)/remix", json: #"{}"#)["error", "param"] == "prompt")
    }

    @Test func `a wait is answered when the clip is there`() throws {
        let service = try TestService()
        let made = try service.post(
            "/v1/videos", json: #"{"prompt": "x fake:step=0.02"}"#, [("Prefer", "wait=60")])
        #expect(made["status"] == "completed")
        let clip = try service.post("/v1/videos/sync", form: [("prompt", "x")])
        #expect(clip.status == 200 && clip.header("Content-Type") == "video/mp4" && clip.raw.body.count > 1000)
        let id = try #require(clip.header("x-video-id"))
        #expect(try service.get("/v1/videos/\(id)")["status"] == "completed")
        let failed = try service.post("/v1/videos/sync", form: [("prompt", "x fake:fail=out_of_memory@1")])
        #expect(failed.status == 500 && failed["error", "code"] == "out_of_memory")
    }

    @Test func `a dry run tells what would be and makes nothing`() throws {
        let service = try TestService { $0.economics = .init(gpuDollarsPerHour: 2) }
        let plan = try service.post(
            "/v1/videos", json: #"{"prompt": "x", "dry_run": true, "num_frames": 30, "size": "64x96"}"#)
        #expect(plan.status == 200 && plan["num_frames"] == "29" && plan["size"] == "64x96" && plan["seed"] != nil)
        // The nearest number that this model makes.
        for (asked, made) in [(1, 1), (2, 1), (3, 5), (4, 5), (5, 5), (16, 17), (80, 81), (82, 81)] {
            let near = try service.post(
                "/v1/videos", json: "{\"prompt\": \"x\", \"dry_run\": true, \"num_frames\": \(asked)}")
            #expect(near["num_frames"] == "\(made)", "\(asked)")
        }
        #expect(plan["eta_seconds_p90"] != nil && plan["would_be_accepted"] == "true" && plan["peak_bytes"] != nil)
        #expect(plan["cost_dollars_amortised"].flatMap { Double($0) }.map { $0 > 0 } == true)
        #expect(try service.jobCount == 0)
        let here = try service.get("/v1/capabilities?size=64x96&num_frames=29")
        #expect(here["clip", "size"] == "64x96" && here["limits", "frame_step"] == "4")
        #expect(try service.get("/v1/capabilities?sise=64x96")["error", "code"] == "unknown_parameter")
    }

    @Test func `limits of time and money are kept`() throws {
        let service = try TestService()
        _ = try service.finished(service.submit("x fake:step=0.1"))
        let late = try service.post("/v1/videos", json: #"{"prompt": "x", "max_latency_seconds": 0.001}"#)
        #expect(late.status == 400 && late["error", "code"] == "deadline_exceeded")
        #expect(late["error", "param"] == "max_latency_seconds")
        let dear = try service.post("/v1/videos", json: #"{"prompt": "x", "max_cost_dollars": 0}"#)
        #expect(dear.status == 400 && dear["error", "code"] == "budget_exceeded")
        #expect(try service.jobCount == 1)
        // Who asks again for what is being made is not told that it comes too late.
        // Time enough for this one, and not for those that come before it then.
        let own = try service.post("/v1/videos", json: #"{"prompt": "y", "dry_run": true}"#)
        let time = try #require(own["eta_seconds_p90"].flatMap { Double($0) })
        let order = #"{"prompt": "y fake:held", "max_latency_seconds": \#(4 * time)}"#
        let first = try service.post("/v1/videos", json: order, [("Idempotency-Key", "k")])
        for _ in 0..<3 { _ = try service.submit("z", ", \"num_inference_steps\": 100, \"priority\": 5") }
        let again = try service.post("/v1/videos", json: order, [("Idempotency-Key", "k")])
        #expect(again["id"] == first["id"] && first["id"] != nil, "\(again.text)")
    }

    @Test func `seconds and frames must agree`() throws {
        let service = try TestService()
        let both = #"{"prompt": "x", "dry_run": true, "fps": 8, "seconds": "2.1", "num_frames": 17}"#
        #expect(try service.post("/v1/videos", json: both).status == 200)
        let apart = #"{"prompt": "x", "dry_run": true, "fps": 8, "seconds": "4", "num_frames": 17}"#
        let refused = try service.post("/v1/videos", json: apart)
        #expect(refused.status == 400 && refused["error", "param"] == "seconds")
    }

    @Test func `a refusal of the model names the parameter and the remedy`() throws {
        let service = try TestService()
        for (member, parameter) in [
            (#""size": "97x96""#, "size"), (#""model": "sora-2""#, "model"),
            (#""guidance_scale_2": 3"#, "guidance_scale_2"),
            (#""generate_sound": true"#, "generate_sound"), (#""webhook_url": "https://example.org/x""#, "webhook_url"),
            (#""num_frames": 4097"#, "num_frames"),
        ] {
            let refused = try service.post("/v1/videos", json: "{\"prompt\": \"x\", \(member)}")
            #expect((400..<500).contains(refused.status) || refused.status == 507, "\(member): \(refused.text)")
            #expect(refused["error", "param"] == parameter, "\(refused.text)")
        }
        #expect(try service.jobCount == 0)
    }

    @Test func `what the server has not is said in the API's form`() throws {
        let service = try TestService()
        #expect(try service.post("/v1/videos/edits", form: [("prompt", "x")])["error", "code"] == "not_supported")
        #expect(try service.post("/v1/videos/extensions", form: [("prompt", "x")]).status == 400)
        #expect(try service.get("/v1/videos/characters/char_1").status == 404)
        let text = try service.ask("POST", "/v1/videos", [("Content-Type", "text/plain")], body: Array("x".utf8))
        #expect(text.status == 415)
        #expect(try service.get("/v1/models")["data"] == nil)
        #expect(try service.get("/v1/models").list("data").first?["id"]?.text == "built-in")
        #expect(try service.get("/v1/models/built-in")["object"] == "model")
        #expect(try service.get("/v1/models/sora-2").status == 404)
    }

    @Test func `lists come in pages of a stable order`() throws {
        let service = try TestService { $0.maxQueued = 100 }
        var ids: [String] = []
        for index in 0..<7 { ids.append(try service.submit("x\(index)")) }
        let first = try service.get("/v1/videos?limit=3&order=asc")
        #expect(first.list("data").compactMap { $0["id"]?.text } == Array(ids.prefix(3)) && first["has_more"] == "true")
        #expect(first["first_id"] == ids[0] && first["last_id"] == ids[2])
        let rest = try service.get("/v1/videos?limit=100&order=asc&after=\(ids[2])")
        #expect(
            rest.list("data").compactMap { $0["id"]?.text } == Array(ids.dropFirst(3)) && rest["has_more"] == "false")
        #expect(try service.get("/v1/videos?limit=1").list("data").first?["id"]?.text == ids.last)
        #expect(try service.get("/v1/videos?after=video_00000000000000000000000000000000").status == 400)
    }

    @Test func `a running job is cancelled within a step, a waiting one at once`() throws {
        let service = try TestService()
        let running = try service.submit("x fake:held")
        let waiting = try service.submit("x fake:held")
        service.letPass(1)
        #expect(try eventually { try service.get("/v1/videos/\(running)").step >= 1 })
        for id in [waiting, running] {
            let cancelled = try service.post("/v1/videos/\(id)/cancel", json: "{}")
            #expect(cancelled["status"] == "failed" && cancelled["error", "code"] == "cancelled")
            #expect(try service.get("/v1/videos/\(id)")["status"] == "failed")
        }
        // The worker is free again, though the steps would never be over.
        let next = try service.finished(service.submit("y"))
        #expect(next["status"] == "completed")
        #expect(try service.post("/v1/videos/\(running)/cancel", json: "{}")["status"] == "failed")
        let id = try #require(next["id"])
        #expect(try service.post("/v1/videos/\(id)/cancel", json: "{}")["status"] == "completed")
    }

    @Test func `asking twice is ordering once`() throws {
        let service = try TestService()
        let key = [("Idempotency-Key", "order-1")]
        let first = try service.post("/v1/videos", json: #"{"prompt": "x"}"#, key)
        let again = try service.post("/v1/videos", form: [("prompt", "x")], key)
        #expect(first["id"] == again["id"] && first["seed"] == again["seed"])
        let other = try service.post("/v1/videos", json: #"{"prompt": "y"}"#, key)
        #expect(other.status == 422 && other["error", "code"] == "idempotency_key_reused")
        // A client that has not heard the answer comes with another boundary and says that it tries again.
        let lost = try service.post("/v1/videos", form: [("prompt", "z")], [("x-stainless-retry-count", "0")])
        let retried = try service.post("/v1/videos", form: [("prompt", "z")], [("x-stainless-retry-count", "1")])
        #expect(lost["id"] == retried["id"] && lost["id"] != nil)
        let fresh = try service.post("/v1/videos", form: [("prompt", "z")])
        #expect(fresh["id"] != lost["id"])
        #expect(try service.jobCount == 3)
        #expect(try service.post("/v1/videos", json: #"{"prompt": "x"}"#, [("Idempotency-Key", "a b")]).status == 400)
    }

    @Test func `a full queue says when to come back`() throws {
        let service = try TestService { $0.maxQueued = 2 }
        _ = try service.submit("x fake:held")
        #expect(
            try eventually {
                try service.get("/v1/videos?limit=1").list("data").first?["status"]?.text == "in_progress"
            })
        for _ in 0..<2 { _ = try service.submit("x") }
        let full = try service.post("/v1/videos", json: #"{"prompt": "x"}"#)
        #expect(full.status == 429 && full["error", "code"] == "queue_full")
        #expect(full["error", "type"] == "rate_limit_error")
        let seconds = try #require(full.header("Retry-After").flatMap { Int($0) })
        #expect(seconds >= 1 && (seconds <= 120 || full.header("x-should-retry") == "false"))
        #expect(try service.jobCount == 3)
    }

    @Test func `health, readiness and figures are told`() throws {
        let service = try TestService()
        _ = try service.finished(service.submit("x fake:step=0.02"))
        #expect(try service.get("/health")["status"] == "ok")
        #expect(try service.get("/livez").status == 200)
        #expect(try service.get("/ready")["status"] == "ready")
        var text = ""
        _ = try eventually {
            text = try service.get("/metrics").text
            return text.contains("wan_jobs_total{")
        }
        for line in [
            "wan_jobs_total{state=\"completed\",provider=\"local\",model=\"built-in\",tier=\"standard\",code=\"\"} 1\n",
            "wan_http_requests_total{route=\"/health\",method=\"GET\",code=\"200\"} 2\n", "wan_queue_depth 0\n",
            "wan_worker_healthy 1\n", "wan_eta_error_ratio_count 1\n", "wan_stage_seconds_count{stage=\"denoise\"} 1\n",
        ] {
            #expect(text.contains(line), "\(line) is missing in \(text)")
        }
        #expect(!text.contains("video_0") && !text.contains("{id=") && text.firstMatch(of: /video_[0-9a-f]{32}/) == nil)
    }

    @Test func `energy that the device counts is what a clip cost, and what the next one is thought to cost`() throws {
        let service = try TestService()
        let guessed = try service.finished(service.submit("x fake:step=0.1"))
        #expect(guessed["energy_is_estimated"] == "true")
        #expect(guessed["energy_joules"].flatMap { Double($0) }.map { $0 > 0 } == true)
        // A kilowatt hour, whose price is 0.15 dollars.
        let counted = try service.finished(service.submit("y fake:step=0.1 fake:joules=3600000"))
        #expect(
            counted["energy_joules"].flatMap { Double($0) } == 3_600_000 && counted["energy_is_estimated"] == "false")
        #expect(counted["cost_dollars"].flatMap { Double($0) } == 0.15, "\(counted.text)")
        let dear = try service.get("/v1/capabilities?prompt=x")
        #expect(dear["clip", "cost_dollars"].flatMap { Double($0) }.map { $0 > 0.001 } == true, "\(dear.text)")
        let page = try service.get("/metrics").text.split(separator: "\n")
        let total = try #require(page.first { $0.hasPrefix("wan_energy_joules_total ") })
        #expect(try #require(total.split(separator: " ").last.flatMap { Double($0) }) > 3_600_000)
    }
}
