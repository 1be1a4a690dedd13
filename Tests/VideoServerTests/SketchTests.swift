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
        let id = try service.submit("x fake:step=0.05")
        let waiting = try service.submit("y")
        #expect(try service.get("/v1/videos/\(waiting)\(Self.preview)").status == 404)
        var seen: Set<[UInt8]> = []
        while try service.get("/v1/videos/\(id)")["status"] != "completed" {
            let answer = try service.get("/v1/videos/\(id)\(Self.preview)")
            guard answer.status == 200 else {
                #expect(answer.status == 404 && answer["error", "code"] == "no_preview")
                continue
            }
            #expect(answer.header("Content-Type") == "image/png" && answer.header("Cache-Control") == "no-store")
            #expect(answer.raw.body.starts(with: [0x89, 0x50, 0x4E, 0x47]))
            seen.insert(answer.raw.body)
        }
        #expect(seen.count > 1)
        #expect(try service.get("/v1/videos/\(id)\(Self.preview)")["error", "code"] == "no_preview")
    }

    @Test func `another key sees none`() throws {
        let (alice, bob) = ("alice-0123456789abcdef", "bob-0123456789abcdef")
        let folder = try TemporaryFolder()
        let path = try TestService.secret("keys", "alice \(alice)\nbob \(bob)\n", in: folder)
        let service = try TestService(in: folder, key: alice) { $0.keyFile = path }
        let id = try service.submit("x fake:step=0.1")
        let ready = eventually { (try? service.get("/v1/videos/\(id)\(Self.preview)").status) == 200 }
        #expect(ready)
        let other = try service.ask("GET", "/v1/videos/\(id)\(Self.preview)", key: bob)
        #expect(other.status == 404 && other["error", "code"] == "video_not_found")
    }
}
