import CProcess
import Glibc
import JobStore
import Media
import Pipelines
package import VideoProvider
package import VideoTypes

/// The worker's side: one engine, one clip after the other, until the service says stop or is gone.
///
/// All on one thread: between two steps of a clip it looks whether the service has said something.
package final class WorkerLoop {
    /// Where a worker finds its connection to the service.
    package static let descriptor: Int32 = 3

    /// For engines that say when a checkpoint is half written.
    package static let duringCheckpoint: @Sendable () -> Void = { FailPoint.reached(.midCheckpoint) }

    private let channel: Int32
    private var lines = MessageLines()
    private var inbox: [WorkerMessage] = []

    /// - Parameter channel: a connected stream socket.
    package init(channel: Int32 = WorkerLoop.descriptor) throws(VideoError) {
        var status = stat()
        guard unsafe fstat(channel, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
            throw .invalid("a worker is started by the service only", hint: "use \(.serve)")
        }
        self.channel = channel
        _ = fcntl(channel, F_SETFD, FD_CLOEXEC)
    }

    /// Works until told to stop.
    ///
    /// Where the service is gone the process ends at once.
    package func run(_ openEngine: () throws(VideoError) -> any ClipEngine) throws(VideoError) {
        // The kernel ends us with the service. Had it ended before this call, its end of the socket would be closed.
        _ = process_die_with_parent()
        // Who stops all processes at once means the service; it sees to its worker.
        for number in [SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2] { signal(number, SIG_IGN) }
        Self.offerToBeKilledFirst()
        let engine: any ClipEngine
        do throws(VideoError) {
            engine = try openEngine()
        } catch {
            send(.unusable(error))
            throw error
        }
        send(.hello(engine.facts))
        while let message = next() {
            switch message {
            case .run(let order): work(order, engine)
            case .shutdown: return
            default: continue
            }
        }
    }

    private func work(_ order: WorkOrder, _ engine: any ClipEngine) {
        let answer: WorkerMessage
        do throws(VideoError) {
            let report = try engine.generate(
                order.settings, pictures: Self.pictures(order), to: order.path, checkpoint: order.checkpoint,
                viewer: viewer(of: order)
            ) { step in
                self.send(.progress(order.tag, step))
                if step.stage == .decode, step.completed > 0 { FailPoint.reached(.midEncode) }
                return !self.isCancelled(order.tag)
            }
            answer = .finished(order.tag, report)
        } catch {
            answer = .failed(order.tag, error)
        }
        send(answer)
    }

    private func viewer(of order: WorkOrder) -> LatentViewer {
        LatentViewer(everySteps: Self.stepsToSketch, seconds: 1) { frame in
            self.send(.sketch(order.tag, Base64.encode(PNGFile.bytes(frame))))
        }
    }

    private static let stepsToSketch = 2

    private static func pictures(_ order: WorkOrder) throws(VideoError) -> [ReferenceImage] {
        var images: [ReferenceImage] = []
        for picture in order.pictures {
            do throws(PictureError) {
                images.append(try PictureFile(path: picture.path).image(picture.role))
            } catch {
                throw error.videoError(about: picture.role.term)
            }
        }
        return images
    }

    /// Whether the service has taken the order back by now.
    private func isCancelled(_ tag: WorkTag) -> Bool {
        while receive(waits: false) {}
        return inbox.contains(.cancel(tag)) || inbox.contains(.shutdown)
    }

    /// The next message, waited for.
    private func next() -> WorkerMessage? {
        while inbox.isEmpty { _ = receive(waits: true) }
        return inbox.removeFirst()
    }

    /// Takes in what there is; whether there was something.
    private func receive(waits: Bool) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        let count = unsafe buffer.withUnsafeMutableBytes {
            unsafe recv(channel, $0.baseAddress, $0.count, waits ? 0 : Int32(MSG_DONTWAIT))
        }
        if count < 0, errno == EAGAIN || errno == EINTR { return false }
        // Nobody is left to work for.
        guard count > 0 else { _exit(0) }
        lines.append(buffer[..<count])
        do throws(MessageLines.Fault) {
            while let message = try lines.next() { inbox.append(message) }
        } catch {
            _exit(VideoError.Code.internalError.exitStatus)
        }
        return true
    }

    private func send(_ message: WorkerMessage) {
        guard let line = try? MessageLines.line(message) else { _exit(VideoError.Code.internalError.exitStatus) }
        var rest = line[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(channel, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { _exit(0) }
            rest = rest.dropFirst(count)
        }
    }

    /// When memory runs out, the kernel shall take the worker, which can be started again, not the service.
    private static func offerToBeKilledFirst() {
        let file = unsafe open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        unsafe _ = write(file, "500", 3)
        close(file)
    }
}
