import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// Clouds, servers and hosts of clips that do not prove who they are.
@Suite(.bounded, .needs("openssl", "python3")) struct CloudCertificateTests {
    private let folder: TemporaryFolder
    private let other: TLSServer
    private let book: OrderBook

    init() throws {
        folder = try TemporaryFolder()
        other = try TLSServer(in: folder)
        book = try OrderBook(path: folder.file("orders"))
    }

    private static let place = CloudCase(cloud: "openai", model: "sora-2", seconds: 4)

    private func error(_ provider: any VideoProvider, _ request: VideoRequest) async -> ProviderError? {
        do throws(ProviderError) {
            _ = try await provider.generate(request) { _ in }
            return nil
        } catch {
            return error
        }
    }

    private func cloud(_ host: String, trusted: Bool) throws -> CloudProvider {
        let desk = try Self.place.desk(at: "https://\(host):\(other.port)/v1", folder, book: book, poll: 0.01) {
            if trusted { $0.authorities = other.certificate }
        }
        return try CloudProvider("cloud", desk, model: Self.place.model)
    }

    private func server(_ host: String, trusted: Bool) throws -> RemoteVideoProvider {
        var options = RemoteProviderOptions(
            name: "server", url: "https://\(host):\(other.port)/v1", folder: folder.file("clips"))
        options.key = .file(folder.file("key"))
        options.dollarsPerSecond = 0.1
        if trusted { options.authorities = other.certificate }
        return try RemoteVideoProvider(options, book: book, pollSeconds: 0.01)
    }

    @Test(arguments: [("127.0.0.1", true), ("localhost", false)])
    func `nothing is ordered from whose certificate is another's or nobody's, and no key is shown`(
        _ host: String, _ trusted: Bool
    ) async throws {
        let cloud = try cloud(host, trusted: trusted)
        for provider in [cloud, try server(host, trusted: trusted)] as [any VideoProvider] {
            let found = await error(provider, Self.place.request())
            #expect(found?.name == "transport" && found?.message.contains("certificate") == true, "\(found as Any)")
            guard case .unavailable(let reasons) = await provider.healthCheck() else {
                Issue.record("\(provider.name) is healthy")
                continue
            }
            #expect(reasons.contains { $0.contains("certificate") })
        }
        #expect(other.requests == "" && book.openCount == 0 && book.totalDollars == 0)
    }

    @Test func `whose certificate is right is asked, and the key goes there`() async throws {
        // It is no cloud: what becomes of the order nobody knows.
        #expect(await error(try cloud("localhost", trusted: true), Self.place.request())?.name == "outcome_unknown")
        #expect(other.requests.contains("POST /v1/videos") && other.requests.contains(CloudCase.key))
        #expect(book.openCount == 1)
    }

    @Test func `a clip is not fetched from a host with another's certificate, and stays to be fetched`() async throws {
        let fake = try FakeVideoServer()
        let link = "https://127.0.0.1:\(other.port)/clip.mp4"
        let away = Array(repeating: ScriptedServer.Reply(302, ["Location": link], ""), count: 4)
        fake.change { $0.accidents["GET /v1/videos/video_1/content"] = away }
        let desk = try Self.place.desk(at: fake.url, folder, book: book, poll: 0.01) {
            $0.authorities = other.certificate
        }
        let provider = try CloudProvider("cloud", desk, model: Self.place.model)
        let request = Self.place.request()
        let found = await error(provider, request)
        #expect(found?.name == "transport" && found?.message.contains("certificate") == true, "\(found as Any)")
        #expect(other.requests == "")
        #expect(await provider.hasOpenOrder(of: request.id))
        #expect(await provider.spentDollars(on: request.id) == 0.4)
        // By a link that holds it is had, and was bought once.
        #expect(try await provider.generate(request) { _ in }.frames == 9)
        #expect(fake.calls.count { $0 == "POST /v1/videos" } == 1)
    }
}
