import Compute
import Files
import Glibc

/// Which of two dtypes multiplies faster on a processor without a unit for bf16.
///
/// Measured once and kept in a file beside the compiled kernels: a job that is gone on with must find the dtype that it
/// began with, however busy the machine is by then. Where nothing can be kept it is f32: what two processes measure may
/// differ, and so would what they make.
struct FasterDType {
    /// f32 is the more exact one: bf16 has to be worth it.
    private static let worth = 1.1

    /// Absolute; nil where there is none.
    let folder: String?
    /// All that the answer depends on.
    let identity: String

    private var path: String? { folder.map { "\($0)/faster-dtype-\(identity)" } }

    func prefersBF16(_ speed: (DType) throws(ComputeError) -> Double) -> Bool {
        if let kept { return kept == .bf16 }
        guard let folder, PrivateFolder.make(folder) == nil else { return false }
        var best = (f32: 0.0, bf16: 0.0)
        // In turn, so that a processor that changes its pace changes it for both.
        for _ in 0..<3 {
            guard let f32 = try? speed(.f32), let bf16 = try? speed(.bf16) else { return false }
            best = (max(best.f32, f32), max(best.bf16, bf16))
        }
        keep(best.bf16 > Self.worth * best.f32 ? .bf16 : .f32)
        return kept == .bf16
    }

    private var kept: DType? {
        guard let path, let file = unsafe fopen(path, "re") else { return nil }
        defer { unsafe fclose(file) }
        var word = [UInt8](repeating: 0, count: 8)
        let count = unsafe fread(&word, 1, word.count, file)
        let dtype = DType(rawValue: String(decoding: word[..<count], as: UTF8.self))
        return dtype == .f32 || dtype == .bf16 ? dtype : nil
    }

    private func keep(_ dtype: DType) {
        guard let path else { return }
        let temporary = "\(path).\(getpid())"
        guard let file = unsafe fopen(temporary, "wxe") else { return }
        let isWritten = unsafe fputs(dtype.rawValue, file) >= 0
        let isClosed = unsafe fclose(file) == 0
        // Whoever was first is right, for the others too.
        if isWritten, isClosed { unsafe link(temporary, path) }
        unsafe unlink(temporary)
    }
}
