import Foundation
import Testing

@testable import ComputeCUDA

/// A version of NVRTC that `make nvrtc` fetched, or that Debian has installed.
struct NVRTCWheel: Sendable, CustomTestStringConvertible {
    let version: CUDAVersion
    /// Compute capabilities that it knows.
    let architectures: [Int]
    let library: String?

    /// What `make nvrtc` fetches; for all of the matrix those between them too, which `make kernels` fetches.
    static let all = usual + (CompileMatrix.isWhole ? between : [])

    static let usual = [
        NVRTCWheel("11.8.89", [80, 86, 89, 90], installed: "/usr/lib/x86_64-linux-gnu/libnvrtc.so.11.2"),
        NVRTCWheel("12.0.76", [80, 86, 89, 90]),
        NVRTCWheel("12.9.86", [80, 86, 89, 90, 100, 103, 120, 121]),
        NVRTCWheel("13.5.37", [80, 86, 89, 90, 100, 103, 110, 120, 121]),
    ]
    private static let between = [
        NVRTCWheel("12.4.127", [80, 86, 89, 90]),
        NVRTCWheel("13.0.88", [80, 86, 89, 90, 100, 103, 110, 120, 121]),
    ]

    /// Whether all are here, and the disassembler.
    static var areComplete: Bool { all.allSatisfy { $0.library != nil } && disassembler != nil }

    private init(_ version: String, _ architectures: [Int], installed: String? = nil) {
        let numbers = version.split(separator: ".").compactMap { Int($0) }
        self.version = CUDAVersion(numbers[0], numbers[1])
        self.architectures = architectures
        library = ([installed].compactMap(\.self) + Self.libraries(in: "\(Self.folder)/\(version)")).first {
            FileManager.default.isReadableFile(atPath: $0)
        }
    }

    var testDescription: String { "NVRTC \(version)" }

    func compiler() throws -> Compiler? {
        guard let library else { return nil }
        return try Compiler(SharedLibrary(opening: library))
    }

    /// NVIDIA's disassembler, which reads the machine code of every version.
    static var disassembler: String? {
        let path = "\(folder)/tools/nvidia/cu13/bin/nvdisasm"
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }

    /// What `make nvrtc` fills.
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent(".build/nvrtc").path

    private static func libraries(in wheel: String) -> [String] {
        let search = LibrarySearch(variables: ["CUDA_HOME": "/cuda_nvrtc"], root: wheel + "/nvidia")
        let newer = LibrarySearch(variables: ["CUDA_HOME": "/cu13"], root: wheel + "/nvidia")
        return (search.candidates(for: .compiler) + newer.candidates(for: .compiler)).map(\.name)
    }
}
