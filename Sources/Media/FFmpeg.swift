import CFFmpeg

/// The FFmpeg of this machine.
@safe struct FFmpeg {
    private let table: UnsafePointer<CFFmpeg>

    /// Opens the libraries at the first use in the process.
    init() throws(MediaError) {
        var library: UnsafePointer<CChar>?
        var reason: UnsafePointer<CChar>?
        guard let table = unsafe cff_open(&library, &reason) else {
            throw unsafe .libraryMissing(
                name: library.map { unsafe String(cString: $0) } ?? "libraries",
                reason: reason.map { unsafe String(cString: $0) } ?? "unknown reason")
        }
        unsafe self.table = table
        // Its errors come back as numbers; its log would tear the progress line.
        unsafe table.pointee.av_log_set_level(AV_LOG_QUIET)
    }

    /// FFmpeg's functions under their own names.
    @unsafe var call: CFFmpeg { unsafe table.pointee }

    @unsafe var pointer: UnsafePointer<CFFmpeg> { unsafe table }

    var version: String { unsafe call.av_version_info().map { unsafe String(cString: $0) } ?? "unknown" }

    /// Turns a negative status into an error that names the call.
    @discardableResult
    func check(_ status: Int32, _ name: String) throws(MediaError) -> Int32 {
        guard status < 0 else { return status }
        throw .ffmpeg(call: name, status: status, text: text(status))
    }

    /// The pointer that `name` allocated.
    func allocated<T>(_ pointer: T?, _ name: String) throws(MediaError) -> T {
        guard let pointer else { throw .ffmpeg(call: name, status: cff_error_out_of_memory(), text: "out of memory") }
        return pointer
    }

    func text(_ status: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: Int(AV_ERROR_MAX_STRING_SIZE))
        return unsafe buffer.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return "" }
            unsafe _ = call.av_strerror(status, base, buffer.count)
            return unsafe String(cString: base)
        }
    }
}
