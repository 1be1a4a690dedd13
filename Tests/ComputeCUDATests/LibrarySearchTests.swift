import Foundation
import TestSupport
import TestTools
import Testing

@testable import ComputeCUDA

/// Where libraries are looked for, on trees of empty files.
@Suite(.bounded) struct LibrarySearchTests {
    private static func tree(_ paths: [String]) throws -> TemporaryFolder {
        let root = try TemporaryFolder()
        for path in paths {
            let url = URL(fileURLWithPath: root.file(path))
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data().write(to: url)
        }
        return root
    }

    private static func found(
        _ library: CUDALibrary, in paths: [String], _ variables: [String: String] = [:]
    ) throws -> [String] {
        let root = try tree(paths)
        return LibrarySearch(variables: variables, root: root.path).candidates(for: library).map {
            String($0.name.dropFirst(root.path.count))
        }
    }

    @Test func `the linker is asked first, the newest name first`() {
        let search = LibrarySearch(variables: [:])
        #expect(search.candidates(for: .driver).first == LibraryCandidate(name: "libcuda.so.1", major: 0))
        let names = ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"]
        #expect(search.candidates(for: .compiler).prefix(3).map(\.name) == names)
        #expect(search.candidates(for: .compiler).prefix(3).map(\.major) == [13, 12, 11])
    }

    @Test func `the environment's toolkit comes before the system's, and pip's comes last`() throws {
        let paths = [
            "/opt/cuda/lib64/libnvrtc.so.12", "/usr/local/cuda/lib64/libnvrtc.so.12",
            "/usr/lib/x86_64-linux-gnu/libnvrtc.so.11.2",
            "/env/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
            "/home/u/.local/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13",
            "/home/u/.pyenv/versions/3.13.1/lib/python3.13/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
            "/usr/local/lib/python3.9/dist-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.11.2",
        ]
        let variables = ["CUDA_HOME": "/opt/cuda", "VIRTUAL_ENV": "/env", "HOME": "/home/u"]
        #expect(try Self.found(.compiler, in: paths.shuffled(), variables) == paths)
    }

    @Test func `a newer Python comes before an older one`() throws {
        func path(_ version: String) -> String {
            "/usr/local/lib/python\(version)/site-packages/nvidia/cublas/lib/libcublasLt.so.12"
        }
        #expect(try Self.found(.products, in: [path("3.9"), path("3.12")]) == [path("3.12"), path("3.9")])
    }

    @Test func `files of other names are not taken`() throws {
        let paths = [
            "/usr/lib/x86_64-linux-gnu/libnvrtc.so", "/usr/local/cuda/lib64/libnvrtc.so.10.2",
            "/usr/local/cuda/lib64/libnvrtc.alt.so.12", "/elsewhere/libnvrtc.so.12",
        ]
        #expect(try Self.found(.compiler, in: paths, ["CUDA_HOME": ""]).isEmpty)
    }

    @Test func `a container's driver is found where the linker does not look`() throws {
        let path = "/usr/local/nvidia/lib64/libcuda.so.1"
        #expect(try Self.found(.driver, in: [path]) == [path])
    }

    @Test func `a file that is no library says why`() throws {
        let root = try Self.tree(["/usr/local/cuda/lib64/libnvrtc.so.12"])
        let search = LibrarySearch(variables: [:], root: root.path)
        let candidate = try #require(search.candidates(for: .compiler).first)
        let failure = #expect(throws: LibraryFailure.self) { try search.open(candidate) }
        #expect(failure?.name == candidate.name)
        #expect(failure?.reason.contains("file too short") == true)
    }
}
