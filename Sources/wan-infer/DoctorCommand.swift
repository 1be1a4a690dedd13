import Backends
import Compute
import ComputeCPU
import Media
import VideoProvider
import VideoServer
import VideoTypes

#if canImport(Glibc)
import Glibc
#endif

/// Says what this machine can do and tries it.
struct DoctorCommand {
    let program: Program
    let json: Bool

    func run() throws(VideoError) {
        let gpus = GPUFindings(gpus: .here)
        let devices = gpus.devices()
        var findings = [Finding("wan-infer", Version.text), Self.processor, Self.memory]
        let oneDNN = Self.finding("oneDNN") { () throws(VideoError) in try Machine.oneDNNVersion() }
        findings.append(oneDNN.finding)
        let speed = oneDNN.failure == nil ? Self.speeds() : (findings: [], failure: nil)
        findings += speed.findings
        findings += devices.findings
        var failure = oneDNN.failure ?? devices.failure
        let ffmpeg = Self.finding("FFmpeg") { () throws(VideoError) in try Self.ffmpeg() }
        let test = Self.finding("self-test") { () throws(VideoError) in try selfTest(gpus) }
        let service = Self.finding("service") { () throws(VideoError) in try ServiceLibraries.versions() }
        findings += [ffmpeg.finding, service.finding, test.finding]
        failure = failure ?? speed.failure ?? ffmpeg.failure ?? service.failure ?? test.failure
        if devices.isUsed {
            findings.append(gpus.cache.finding)
            failure = failure ?? gpus.cache.failure
        }
        try program.output.print(json ? "\(Self.json(findings))" : findings.map(\.line).joined(separator: "\n"))
        if let failure { throw failure }
    }

    private static func finding(
        _ name: String, _ check: () throws(VideoError) -> String
    ) -> (finding: Finding, failure: VideoError?) {
        do throws(VideoError) {
            return (Finding(name, try check()), nil)
        } catch {
            return (Finding(name, error), error)
        }
    }

    private static var processor: Finding {
        let name = Machine.processorName ?? "unknown"
        return Finding(
            "processor",
            "\(name), \(Machine.processors) threads, kernels for \(CPUBackend.instructionSet)"
                + (CPUBackend.isLimited ? ", limited by \(InstructionSet.variable)" : ""))
    }

    private static var memory: Finding {
        guard let memory = Machine.memory else { return Finding("memory", "unknown") }
        return Finding("memory", "\(Numbers.bytes(memory.total)), \(Numbers.bytes(memory.available)) free")
    }

    private static func speeds() -> (findings: [Finding], failure: VideoError?) {
        do throws(VideoError) {
            return (try SpeedFindings.findings(Machine.cpuBackend(threads: nil)), nil)
        } catch {
            return ([Finding("speed", error)], error)
        }
    }

    private static func ffmpeg() throws(VideoError) -> String {
        do throws(MediaError) {
            let facts = try EncodingFacts()
            return "\(facts.version), writes with \(facts.encoder)"
        } catch {
            throw error.videoError
        }
    }

    /// The built-in model makes a small clip, which is read back.
    private func selfTest(_ gpus: GPUFindings) throws(VideoError) -> String {
        let folder = try Self.temporaryFolder()
        let path = folder + "/self-test.mp4"
        defer {
            unsafe unlink(path)
            unsafe rmdir(folder)
        }
        let engine = try VideoEngine(
            EngineOptions(), backend: BackendChoice(.automatic, threads: nil, gpus: gpus.gpus).backend)
        var request = VideoRequest(prompt: engine.samplePrompt)
        request.steps = 4
        request.seed = 1
        let result = try engine.generate(request, to: path) { _ in !Interrupt.isRequested }
        var frames = 0
        var flat = 0
        do throws(MediaError) {
            try MP4Reader(path: path).forEachFrame { frame in
                frames += 1
                if frame.pixels.allSatisfy({ $0 == frame.pixels[0] }) { flat += 1 }
            }
        } catch {
            throw error.videoError
        }
        guard frames == result.settings.clip.frames, flat == 0 else {
            throw VideoError(
                .internalError,
                "the clip has \(frames) frames of \(result.settings.clip.frames), \(flat) of them empty",
                hint: "please report this with the output of wan-infer doctor")
        }
        return "\(frames) frames of the built-in model in \(Numbers.duration(result.totalSeconds)), read back"
    }

    private static func temporaryFolder() throws(VideoError) -> String {
        let root = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = Array((root + "/wan-infer-XXXXXX").utf8CString)
        guard unsafe mkdtemp(&template) != nil else {
            throw VideoError(.outputFailed, "cannot make a folder in \(root)", hint: "set TMPDIR to a writable folder")
        }
        return unsafe template.withUnsafeBufferPointer { buffer in
            unsafe buffer.baseAddress.map { unsafe String(cString: $0) } ?? root
        }
    }

    static func json(_ findings: [Finding]) -> JSONText {
        .object(
            findings.map { finding in
                (
                    finding.name,
                    .object([("ok", .bool(finding.isGood)), ("text", .string(finding.text))] + finding.numbers)
                )
            })
    }
}

/// One fact about the machine.
struct Finding {
    let name: String
    let text: String
    let isGood: Bool
    /// More for programs than for people.
    let numbers: [(String, JSONText)]
    private let mark: String

    /// - Parameter isSlow: whether it works so slowly that something must be wrong.
    init(_ name: String, _ text: String, numbers: [(String, JSONText)] = [], isSlow: Bool = false) {
        self.name = name
        self.text = text
        self.numbers = numbers
        isGood = !isSlow
        mark = isSlow ? "slow  " : "  ok  "
    }

    init(_ name: String, _ error: VideoError) {
        self.name = name
        text = error.commandMessage
        isGood = false
        numbers = []
        mark = "FAIL  "
    }

    var line: String {
        mark + name + String(repeating: " ", count: max(11 - name.count, 1)) + text
    }
}
