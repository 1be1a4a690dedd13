import Compute
import Tokenizers
package import VideoTypes
import Weights

extension VideoError {
    /// The public form of an error from a room below; `error` itself where it is public already.
    package init(room error: any Error) {
        switch error {
        case let error as VideoError: self = error
        case WeightError.interrupted: self = VideoError(.cancelled, "cancelled during load")
        case let error as WeightError: self = VideoError(error)
        case let error as ComputeError: self = VideoError(error)
        case let error as TokenizerError:
            self = VideoError(
                .weightsInvalid, "the tokenizer cannot be used: \(error)",
                hint: "fetch the model's tokenizer folder again")
        default:
            self = VideoError(.internalError, "unexpected: \(error)", hint: "please report this with the command line")
        }
    }

    private init(_ error: WeightError) {
        let code: Code =
            switch error {
            case .fileMissing, .notAFolder, .unreadable: .modelNotFound
            default: .weightsInvalid
            }
        self = VideoError(code, error.message, hint: error.hint)
    }

    private init(_ error: ComputeError) {
        switch error {
        case .outOfMemory(let requested, let backend):
            let wanted = requested > 0 ? "could not give \(requested) bytes" : "has no memory left"
            self = VideoError(
                .outOfMemory, "\(backend) \(wanted)",
                hint: "use a smaller size or fewer frames, or --vae-tiling")
        case .unsupported(let operation, let detail, let backend):
            self = VideoError(.internalError, "\(backend) cannot do \(operation): \(detail)", hint: "try --dtype f32")
        case .failed(let call, let status, let reason, let backend):
            self = VideoError(
                .internalError, "\(backend): \(call) failed with \(reason ?? "status \(status)")",
                hint: "try --dtype f32")
        case .unavailable(let backend, let reason):
            self = VideoError(
                .deviceUnavailable, "\(backend) is not available: \(reason)", hint: "run wan-infer doctor")
        case .deviceMissing(let name, let reason):
            self = VideoError(
                .deviceNotFound, "there is no \(name): \(reason)",
                hint: "use --device cpu; wan-infer doctor lists the devices")
        case .deviceLost(let call, let reason, let backend):
            self = VideoError(
                .deviceLost, "\(backend) is lost: \(call) failed with \(reason)",
                hint: "start again; if it happens again, look at nvidia-smi and dmesg, or use --device cpu")
        case .driverTooOld(let found, let needed, let backend):
            self = VideoError(
                .driverTooOld, "the driver of \(backend) is for CUDA \(found), \(needed) is needed",
                hint: "install a newer driver from NVIDIA, or use --device cpu")
        case .compilerMissing(let reason, let backend):
            self = VideoError(
                .compilerMissing, "nothing compiles kernels for \(backend): \(reason)",
                hint: "make setup-cuda, or pip install nvidia-cuda-nvrtc-cu12; or use --device cpu")
        case .kernelRejected(let kernel, let reason, let backend):
            self = VideoError(
                .internalError, "\(backend): the kernel \(kernel) is not usable: \(reason)",
                hint: "please report this with the output of wan-infer doctor, or use --device cpu")
        }
    }
}
