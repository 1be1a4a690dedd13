import Foundation
import TestSupport
import TestTools
import Testing
import VideoServer

/// A clip in the making can be looked at.
@Suite(.bounded) struct SketchTests {
    private static let preview = "/content?variant=preview"

    @Test func `a preview is there while a clip is made, and neither before nor behind that`() throws {
        let service = try TestService()
        let id = try service.submit("x fake:held")
        let waiting = try service.submit("y")
        #expect(try service.get("/v1/videos/\(waiting)\(Self.preview)").status == 404)
        func look() throws -> Answer { try service.get("/v1/videos/\(id)\(Self.preview)") }
        #expect(try look()["error", "code"] == "no_preview")
        service.letPass(2)
        #expect(try eventually { try look().status == 200 })
        let first = try look()
        #expect(first.header("Content-Type") == "image/png" && first.header("Cache-Control") == "no-store")
        #expect(first.raw.body.starts(with: [0x89, 0x50, 0x4E, 0x47]))
        service.letPass(3)
        #expect(try eventually { try look().raw.body != first.raw.body })
        #expect(try look().status == 200)
        service.letPass(.max)
        #expect(try service.finished(id)["status"] == "completed")
        #expect(try service.get("/v1/videos/\(id)\(Self.preview)")["error", "code"] == "no_preview")
    }

    @Test func `another key sees none`() throws {
        let (alice, bob) = ("alice-0123456789abcdef", "bob-0123456789abcdef")
        let folder = try TemporaryFolder()
        let path = try TestService.secret("keys", "alice \(alice)\nbob \(bob)\n", in: folder)
        let service = try TestService(in: folder, key: alice) { $0.keyFile = path }
        let id = try service.submit("x fake:held")
        service.letPass(2)
        let ready = eventually { (try? service.get("/v1/videos/\(id)\(Self.preview)").status) == 200 }
        #expect(ready)
        let other = try service.ask("GET", "/v1/videos/\(id)\(Self.preview)", key: bob)
        #expect(other.status == 404 && other["error", "code"] == "video_not_found")
    }
}
