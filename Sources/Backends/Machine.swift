import Compute
package import ComputeCPU
import ComputeCUDA
import Distributions
package import VideoTypes

#if canImport(Glibc)
import Glibc
#endif

/// The computer that this runs on, as far as this process may use it.
package enum Machine {
    package static func cpuBackend(threads: Int?) throws(VideoError) -> CPUBackend {
        let backend = try started { () throws(ComputeError) in try CPUBackend(threads: threads ?? processors) }
        backend.measurementsFolder = CubinCache.folder(environment)
        backend.processorName = processorName ?? "unknown"
        return backend
    }

    /// oneDNN's version: "2.6.3".
    package static func oneDNNVersion() throws(VideoError) -> String {
        try started { () throws(ComputeError) in try CPUBackend.oneDNNVersion() }
    }

    private static func started<T>(_ start: () throws(ComputeError) -> T) throws(VideoError) -> T {
        do throws(ComputeError) {
            return try start()
        } catch {
            let isMissing = (try? CPUBackend.oneDNNVersion()) == nil
            var reason = "\(error)"
            if case .unavailable(_, let text) = error { reason = text }
            throw VideoError(
                .deviceUnavailable, "the CPU backend does not start: \(reason)",
                hint: isMissing
                    ? Wording(plain: Distribution.remedy(for: CPUBackend.oneDNNLibrary))
                    : InstructionSet.unknownLimit == nil
                        ? "try \(.threads, "1")" : Wording(plain: "unset \(InstructionSet.variable)"))
        }
    }

    /// Processors that the scheduler gives this process, at most the container's share.
    package static var processors: Int {
        let allowed = text(of: "/proc/self/status").flatMap(allowedProcessors(inStatus:))
        let count = allowed ?? max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1)
        let share = text(of: "/sys/fs/cgroup/cpu.max").flatMap(share(ofQuota:))
        return max(1, min(count, share ?? count))
    }

    /// The line "Cpus_allowed_list:\t0-3,8" means five.
    package static func allowedProcessors(inStatus text: String) -> Int? {
        let name = "Cpus_allowed_list:"
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
        var count = 0
        for range in line.dropFirst(name.count).split(separator: ",") {
            let ends = range.filter { !$0.isWhitespace }.split(separator: "-").map { Int($0) }
            guard let first = ends.first, let low = first, let last = ends.last, let high = last, high >= low else {
                return nil
            }
            count += high - low + 1
        }
        return count
    }

    /// "150000 100000" means one and a half processors, "max 100000" all there are.
    package static func share(ofQuota text: String) -> Int? {
        let numbers = text.split(whereSeparator: \.isWhitespace).map { Int($0) }
        guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], quota > 0, period > 0 else {
            return nil
        }
        return (quota + period - 1) / period
    }

    package static var environment: [String: String] {
        var variables: [String: String] = [:]
        var next = unsafe environ
        while let entry = unsafe next.pointee {
            let text = unsafe String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            unsafe next += 1
        }
        return variables
    }

    /// Bytes of memory in all, and those that a new process could have.
    package static var memory: (total: Int, available: Int)? {
        guard let text = text(of: "/proc/meminfo") else { return nil }
        func bytes(_ name: String) -> Int? {
            let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
            return line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 * 1024 }
        }
        guard let total = bytes("MemTotal"), let available = bytes("MemAvailable") else { return nil }
        return (total, available)
    }

    package static var processorName: String? {
        let line = text(of: "/proc/cpuinfo")?.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line.flatMap { $0.split(separator: ":", maxSplits: 1).last }.map { String($0.drop { $0.isWhitespace }) }
    }

    package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// The start of a small file of the kernel's.
    private static func text(of path: String) -> String? {
        guard let file = unsafe fopen(path, "re") else { return nil }
        defer { unsafe fclose(file) }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
            count = unsafe fread(buffer.baseAddress, 1, 1 << 16, file)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
