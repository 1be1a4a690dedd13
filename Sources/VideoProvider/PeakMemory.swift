import Glibc

/// The most memory this process has held at once.
enum PeakMemory {
    /// Zero where the kernel does not tell.
    ///
    /// `getrusage` is no help: its peak starts with that of the process which started this one.
    static var bytes: Int {
        guard let file = unsafe fopen("/proc/self/status", "re") else { return 0 }
        defer { unsafe fclose(file) }
        let text = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 14) { buffer, count in
            count = unsafe fread(buffer.baseAddress, 1, 1 << 14, file)
        }
        return bytes(inStatus: String(decoding: text, as: UTF8.self)) ?? 0
    }

    /// The line "VmHWM:\t   69264 kB".
    static func bytes(inStatus text: String) -> Int? {
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 * 1024 }
    }
}
