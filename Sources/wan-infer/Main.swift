import Compute
import ComputeCPU
import FoundationEssentials
import VideoProvider
import VideoTypes

@main
enum Main {
    static func main() throws {
        var a = Array(CommandLine.arguments.dropFirst())
        func opt(_ n: String) -> String? {
            guard let i = a.firstIndex(of: n) else { return nil }
            let v = a[i + 1]; a.removeSubrange(i...i + 1); return v
        }
        var o = EngineOptions(dumpPath: opt("--dump"))
        if let m = opt("--model") { o.model = .folder(m) }
        if let d = opt("--dtype") { o.dtype = d == "bf16" ? .bf16 : .f32 }
        let threads = Int(opt("--threads") ?? "2")!
        var r = VideoRequest(prompt: opt("--prompt") ?? "a red circle moves from left to right")
        r.negativePrompt = opt("--negative-prompt")
        r.width = opt("--width").flatMap { Int($0) }; r.height = opt("--height").flatMap { Int($0) }
        r.frames = opt("--frames").flatMap { Int($0) }; r.steps = opt("--steps").flatMap { Int($0) }
        r.guidanceScale = opt("--guidance").flatMap { Double($0) }; r.seed = opt("--seed").flatMap { UInt64($0) }
        r.flowShift = opt("--flow-shift").flatMap { Double($0) }
        r.scheduler = opt("--scheduler").flatMap { Scheduler(rawValue: $0) }
        r.tilesVAE = opt("--tiles") != nil
        do {
            let e = try VideoEngine(o, backend: CPUBackend(threads: threads))
            let x = try e.generate(r, to: opt("--output") ?? "out.mp4") { _ in true }
            print(x.stageSeconds, x.totalSeconds, x.peakMemoryBytes / 1_000_000, "MB", x.encoder, x.fileBytes)
        } catch { print(error) }
    }
}
