import Foundation
import HTTPClient
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// Keys, and where they must not go.
@Suite(.bounded) struct CloudSecretTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
        let path = folder.file(name)
        _ = FileManager.default.createFile(
            atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: mode])
        return path
    }

    private func desk(_ cloud: String, _ change: (inout CloudOptions) -> Void = { _ in }) throws -> CloudAccount {
        var options = CloudOptions(cloud: cloud, folder: folder.file("clips"))
        options.key = .file(try write("key", "fake-key"))
        change(&options)
        return try CloudAccount(
            options, book: try OrderBook(path: folder.file(OrderRecord.randomReference())),
            prices: try PriceList.builtIn())
    }

    @Test(.needs("python3", "ffmpeg"), arguments: CloudCase.all)
    func `no error, log, dump or book holds a key`(_ place: CloudCase) async throws {
        let cloud = place.cloud
        let bed = try CloudBed([cloud])
        try bed.reset(cloud)
        let book = try OrderBook(path: folder.file("orders"))
        let provider = try place.provider(bed, folder, book: book)
        let router = try VideoRouter([provider], log: try DecisionLog(path: folder.file("decisions")))
        try bed.script(cloud, #""submit": [null, {"fault": "auth"}]"#)
        var texts: [String] = []
        for _ in 0..<2 {
            do {
                texts.append("\(try await router.generate(place.request()))")
            } catch {
                texts.append("\(error) \(error.message)")
            }
        }
        for value in [provider as Any, provider.desk, provider.desk.key as Any, provider.desk.options, router] {
            texts += ["\(value)", String(reflecting: value)]
        }
        // Its account, key and options are in it.
        var text = ""
        dump(provider, to: &text)
        texts.append(text)
        for name in ["orders", "decisions"] {
            texts.append(try String(contentsOfFile: folder.file(name), encoding: .utf8))
        }
        for text in texts {
            #expect(!text.contains(CloudCase.key) && !text.contains(CloudCase.secret) && !text.contains("eyJhbGci"))
        }
        #expect(texts.joined().contains(cloud))
    }

    @Test func `words of a cloud that hold the key are not passed on`() throws {
        let desk = try desk("fal")
        for error in [
            ProviderError.server("bad fake-key"), .badRequest("fake-key", parameter: "fake-key"),
            .contentPolicy("fake-key"), .timeout("fake-key"), .corruptOutput("fake-key"), .uncertain("fake-key"),
            .authentication("fake-key"), .transport("fake-key"),
        ] {
            let clean = desk.clean(error)
            #expect(!clean.message.contains("fake-key") && !"\(clean)".contains("fake-key"))
        }
        #expect(desk.clean(.server("fine")) == .server("fine"))
    }

    @Test func `the key goes to the cloud's own host alone`() async throws {
        let desk = try desk("fal") { $0.url = "http://127.0.0.1:1" }
        for place in [
            "https://127.0.0.1:1/x", "http://127.0.0.1:2/x", "https://queue.fal.run/x", "http://localhost:1/x",
        ] {
            do {
                _ = try await desk.answer(CloudCall(.get, place))
                Issue.record("\(place) was called")
            } catch {
                guard case .forbiddenDestination = error else {
                    Issue.record("\(error)")
                    return
                }
            }
        }
    }

    @Test(arguments: [
        "http://10.0.0.1/x", "https://192.168.1.1/x", "https://169.254.169.254/x", "https://127.0.0.1/x",
        "https://[::1]/x", "http://93.184.216.34/x", "file:///etc/passwd", "https://user@example.org/x", "gopher://x/",
        "https://0x7f.1/x", "",
    ])
    func `links to other places than the public internet are not followed`(_ link: String) async throws {
        let desk = try desk("fal") { $0.url = "https://93.184.216.34" }
        do throws(ProviderError) {
            _ = try await desk.fetch(link, needsKey: false, to: folder.file("clip"))
            Issue.record("\(link) was fetched")
        } catch {
            #expect(error.name == "corrupt_output")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.file("clip")))
    }

    @Test func `an account that is set up wrongly is refused with its reason`() throws {
        func reason(_ cloud: String, _ change: (inout CloudOptions) -> Void) -> String? {
            do {
                _ = try desk(cloud, change)
                return nil
            } catch {
                return (error as? RouterError)?.message
            }
        }
        #expect(reason("fal") { $0.cloud = "nobody" }?.contains("there are: fal, gemini") == true)
        #expect(reason("fal") { $0.secret = $0.key }?.contains("secret") == true)
        let open = try write("open", "k", mode: 0o644)
        #expect(reason("fal") { $0.key = .file(open) }?.contains("chmod 600") == true)
        #expect(reason("fal") { $0.key = .file(folder.file("none")) } != nil)
        #expect(reason("fal") { $0.key = .environment("NO_SUCH_KEY_HERE") }?.contains("NO_SUCH_KEY_HERE") == true)
        #expect(reason("fal") { $0.url = "http://example.org" }?.contains("http") == true)
        #expect(reason("fal") { $0.url = "ftp://example.org" } != nil)
        #expect(reason("fal") { $0.url = "https://example.org/?a=b" } != nil)
        #expect(reason("vertex") { _ in }?.contains("project") == true)
        #expect(reason("vertex") { ($0.project, $0.location) = ("a/b", "c") }?.contains("project") == true)
        #expect(reason("fal") { $0.slots = 0 }?.contains("slots") == true)
        #expect(reason("fal") { _ in } == nil)
        #expect(throws: RouterError.self) { try CloudProvider("x", try desk("fal"), model: "nothing") }
        #expect(throws: RouterError.self) { try CloudProvider("", try desk("fal"), model: "kling-v3-pro") }
    }

    @Test func `a signed token has the form that the cloud checks`() throws {
        let key = try CloudKey(
            .file(try write("access", "id")), secret: .file(try write("secret", "hush")), scheme: .signedToken,
            keepsFresh: false)
        let header = try key.header(at: 1_800_000_000)
        #expect(header.name == "Authorization")
        #expect(header.value.hasPrefix("Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."))
        #expect(header.value.split(separator: ".").count == 3 && !header.value.contains("="))
        #expect(key.isIn(header.value) && key.isIn("a hush b") && !key.isIn("nothing"))
    }
}
