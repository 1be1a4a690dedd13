import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// A cloud and a model of it that the contract is tried with.
struct CloudCase: Sendable, CustomTestStringConvertible {
    let cloud: String
    let model: String
    /// What the fake puts in front of its paths.
    var path = ""
    var seconds = 5.0
    var hasSecret = false
    /// Whether an order whose answer was lost can be found.
    var finds = false
    /// Whether it is certain then that an order never came.
    var knowsAbsence = false
    var cancels = false
    /// Whether the clip is fetched by a link.
    var hasLink = true
    /// Whether a fresh look gives a fresh link.
    var renewsLinks = true

    var testDescription: String { "\(cloud) \(model)" }

    static let all = [
        CloudCase(
            cloud: "openai", model: "sora-2", path: "/v1", seconds: 4, finds: true, cancels: true),
        CloudCase(cloud: "gemini", model: "veo-3.1-fast-generate-preview", seconds: 8),
        CloudCase(cloud: "omni", model: "gemini-omni-1.1-flash", cancels: true),
        CloudCase(cloud: "vertex", model: "veo-3.1-fast-generate-001", seconds: 8, hasLink: false),
        CloudCase(cloud: "runway", model: "gen4.5", cancels: true),
        CloudCase(cloud: "fal", model: "kling-v3-pro", cancels: true),
        CloudCase(cloud: "minimax", model: "MiniMax-Hailuo-2.3", seconds: 6),
        CloudCase(cloud: "minimax", model: "MiniMax-H3", cancels: true),
        CloudCase(cloud: "kling", model: "kling-v3", hasSecret: true, finds: true, knowsAbsence: true),
        CloudCase(cloud: "kling", model: "kling-3.0", finds: true, knowsAbsence: true),
        CloudCase(cloud: "replicate", model: "wan-2.2-t2v-fast", finds: true, cancels: true),
        CloudCase(cloud: "luma", model: "ray-2", finds: true, cancels: true),
        CloudCase(cloud: "luma-agents", model: "ray-3.2"),
        CloudCase(cloud: "together", model: "wan-2.2-t2v"),
    ]

    static let key = "fake-key"
    static let secret = "fake-secret"

    /// An account at the fake, its files in this folder.
    func desk(
        _ bed: CloudBed, _ folder: TemporaryFolder, book: OrderBook, poll: Double = 0.03,
        _ change: (inout CloudOptions) -> Void = { _ in }
    ) throws -> CloudAccount {
        try desk(at: bed.url(cloud) + path, folder, book: book, poll: poll, change)
    }

    func desk(
        at url: String, _ folder: TemporaryFolder, book: OrderBook, poll: Double,
        _ change: (inout CloudOptions) -> Void = { _ in }
    ) throws -> CloudAccount {
        try Self.write(folder.file("key"), Self.key)
        try Self.write(folder.file("secret"), Self.secret)
        var options = CloudOptions(cloud: cloud, folder: folder.file("clips"))
        options.key = .file(folder.file("key"))
        if hasSecret { options.secret = .file(folder.file("secret")) }
        options.url = url
        (options.project, options.location) = ("our-project", "us-central1")
        change(&options)
        return try CloudAccount(options, book: book, prices: try PriceList.builtIn(), pollSeconds: poll)
    }

    func provider(
        _ bed: CloudBed, _ folder: TemporaryFolder, book: OrderBook, poll: Double = 0.03,
        _ change: (inout CloudOptions) -> Void = { _ in }
    ) throws -> CloudProvider {
        try CloudProvider(cloud, try desk(bed, folder, book: book, poll: poll, change), model: model)
    }

    func request(_ prompt: String = "a red ball") -> VideoRequest {
        var request = VideoRequest(prompt: prompt)
        request.durationSeconds = seconds
        return request
    }

    private static func write(_ path: String, _ text: String) throws {
        let isWritten =
            FileManager.default.fileExists(atPath: path)
            || FileManager.default.createFile(
                atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        if !isWritten { throw CloudBed.Failure(message: "cannot write \(path)") }
    }
}
