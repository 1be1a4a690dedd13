import Foundation
import Synchronization
import TestTools
import Testing

@testable import HTTPServer

/// When a connection is cut, on a clock that the test turns.
@Suite(.bounded) struct ConnectionWatchTests {
    private final class Scene: Sendable {
        private let time = Mutex(0)
        private let bytes = Mutex<Int?>(0)
        let near: Int32
        private let far: Int32

        init() throws {
            var pair: [Int32] = [-1, -1]
            try #require(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
            (near, far) = (pair[0], pair[1])
        }

        deinit {
            close(near)
            close(far)
        }

        func watch() -> ConnectionWatch {
            ConnectionWatch(
                idleSeconds: 4, now: { [self] in time.withLock { $0 } },
                movedBytes: { [self] _ in bytes.withLock { $0 } })
        }

        var isCut: Bool {
            var byte: UInt8 = 0
            return unsafe recv(far, &byte, 1, Int32(MSG_DONTWAIT)) == 0
        }

        /// Lets time pass in quarters of a second; after how many milliseconds the connection was cut.
        func cut(by watch: ConnectionWatch, within milliseconds: Int, each quarter: (inout Int?) -> Void) -> Int? {
            for passed in stride(from: 0, through: milliseconds, by: 250) {
                watch.sweep()
                if isCut { return passed }
                time.withLock { $0 += 250 }
                bytes.withLock { quarter(&$0) }
            }
            return nil
        }
    }

    @Test func `where nothing moves a connection is cut, else at its deadline`() throws {
        let still = try Scene()
        let watch = still.watch()
        watch.began(still.near)
        #expect(still.cut(by: watch, within: 20_000) { _ in } == 4000)
        let moving = try Scene()
        let other = moving.watch()
        other.began(moving.near)
        #expect(moving.cut(by: other, within: 20_000) { $0 = ($0 ?? 0) + 1 } == 8000)
        let unknown = try Scene()
        let third = unknown.watch()
        third.began(unknown.near)
        #expect(unknown.cut(by: third, within: 20_000) { $0 = nil } == 8000)
    }

    @Test func `who is being worked for may be still as long as it takes, and begins anew with the answer`() throws {
        let scene = try Scene()
        let watch = scene.watch()
        watch.began(scene.near)
        watch.set(scene.near, .answering, milliseconds: nil)
        #expect(scene.cut(by: watch, within: 1_000_000) { _ in } == nil)
        watch.set(scene.near, .answering, milliseconds: 100_000)
        let cut = try #require(scene.cut(by: watch, within: 200_000) { _ in })
        #expect(cut >= 4000 && cut <= 6000)
    }

    @Test func `the system tells how many bytes have moved`() throws {
        let listener = try ListeningSocket(host: "127.0.0.1", port: 0)
        defer { close(listener.descriptor) }
        let client = try RawClient(port: listener.port)
        var accepted: Int32 = -1
        let isAccepted = eventually {
            accepted = accept(listener.descriptor, nil, nil)
            return accepted >= 0
        }
        #expect(isAccepted)
        defer { close(accepted) }
        let before = try #require(ConnectionWatch.bytesOfSystem(accepted))
        client.send([UInt8](repeating: 1, count: 1000))
        #expect(eventually { ConnectionWatch.bytesOfSystem(accepted).map { $0 >= before + 1000 } ?? false })
        let between = try #require(ConnectionWatch.bytesOfSystem(accepted))
        let sent = unsafe send(accepted, [UInt8](repeating: 2, count: 500), 500, 0)
        #expect(sent == 500)
        #expect(eventually { ConnectionWatch.bytesOfSystem(accepted).map { $0 >= between + 500 } ?? false })
        #expect(ConnectionWatch.bytesOfSystem(-1) == nil)
    }
}
