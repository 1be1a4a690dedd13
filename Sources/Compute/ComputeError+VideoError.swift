package import VideoTypes

extension ComputeError: Reportable {
    package var videoError: VideoError {
        switch self {
        case .outOfMemory(let requested, let backend):
            VideoError(
                .outOfMemory,
                "\(backend) \(requested > 0 ? "could not give \(requested) bytes" : "has no memory left")",
                field: .size,
                remedies: ["use a smaller size or fewer frames", "\(.tilesVAE, "true") needs less memory"])
        case .unsupported(let operation, let detail, let backend):
            VideoError(.internalError, "\(backend) cannot do \(operation): \(detail)", hint: "try \(.dtype, "f32")")
        case .failed(let call, let status, let reason, let backend):
            VideoError(
                .internalError, "\(backend): \(call) failed with \(reason ?? "status \(status)")",
                hint: "try \(.dtype, "f32")")
        case .unavailable(let backend, let reason):
            VideoError(
                .deviceUnavailable, "\(backend) is not available: \(reason)", hint: "run \(.doctor)")
        case .deviceMissing(let name, let reason):
            VideoError(
                .deviceNotFound, "there is no \(name): \(reason)",
                remedies: ["use \(.device, "cpu")", "\(.doctor) lists the devices"])
        case .deviceLost(let call, let reason, let backend):
            VideoError(
                .deviceLost, "\(backend) is lost: \(call) failed with \(reason)",
                remedies: [
                    "start again; if it happens again, look at nvidia-smi and dmesg",
                    "\(.device, "cpu") does without it",
                ])
        case .driverTooOld(let found, let needed, let backend):
            VideoError(
                .driverTooOld, "the driver of \(backend) is for CUDA \(found), \(needed) is needed",
                remedies: ["install a newer driver from NVIDIA", "\(.device, "cpu") does without it"])
        case .compilerMissing(let reason, let backend):
            VideoError(
                .compilerMissing, "nothing compiles kernels for \(backend): \(reason)",
                remedies: [
                    "make setup-cuda, or pip install nvidia-cuda-nvrtc-cu12", "\(.device, "cpu") does without it",
                ])
        case .kernelRejected(let kernel, let reason, let backend):
            VideoError(
                .internalError, "\(backend): the kernel \(kernel) is not usable: \(reason)",
                remedies: [
                    "please report this with the output of \(.doctor)", "\(.device, "cpu") does without it",
                ])
        }
    }
}
