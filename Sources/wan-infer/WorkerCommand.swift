import Backends
import JobRunner
import VideoProvider
import VideoTypes

/// Makes clips for a service that started this process; people have no use for it.
struct WorkerCommand {
    let options: GenerateOptions
    let program: Program

    func run() throws(VideoError) {
        try WorkerLoop().run { () throws(VideoError) in
            let choice = try BackendChoice(options.device, threads: options.threads)
            for remark in choice.remarks(in: .command) { program.errors.write("wan-infer: \(remark)\n") }
            var engine = options.engine
            engine.joules = choice.makeJouleCounter()
            engine.duringCheckpoint = WorkerLoop.duringCheckpoint
            return try VideoEngine(engine, backend: choice.backend)
        }
    }
}
