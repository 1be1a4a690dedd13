// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["TestTools"], resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "wan-infer",
    products: [
        .library(name: "VideoProvider", targets: ["VideoProvider", "VideoRouter", "VideoTypes"]),
        .executable(name: "wan-infer", targets: ["wan-infer"]),
        .executable(name: "gpu-bench", targets: ["gpu-bench"]),
    ],
    targets: [
        // Optimised in debug builds too: tests multiply real matrices.
        .target(
            name: "CKernels", path: "CKernels", cSettings: [.unsafeFlags(["-O2"], .when(configuration: .debug))]),
        .target(name: "CLibrary"),
        .target(name: "COneDNN", dependencies: ["CLibrary"]),
        .target(name: "CFFmpeg", dependencies: ["CLibrary"]),
        .target(name: "CMicroHTTPD", dependencies: ["CLibrary"]),
        .target(name: "CSQLite", dependencies: ["CLibrary"]),
        .target(name: "CCrypto", dependencies: ["CLibrary"]),
        .target(name: "CCurl", dependencies: ["CLibrary"]),
        .target(name: "CBuiltinModel", exclude: ["model", "training"]),
        .target(name: "CStartPage", exclude: ["page"]),
        .target(name: "CProcess"),
        room("VideoTypes"),
        room("Threads"),
        room("Distributions"),
        room("Files"),
        room("Compute", ["VideoTypes"]),
        room("StrictJSON"),
        room("TorchFiles"),
        room("Pictures", ["VideoTypes"]),
        room("Crypto", ["VideoTypes", "CCrypto", "Distributions", "Files"]),
        room("HTTPServer", ["VideoTypes", "CMicroHTTPD", "Distributions", "Files", "Threads"]),
        room("HTTPClient", ["VideoTypes", "Distributions", "Files", "Threads", "CCurl"]),
        room("JobStore", ["VideoTypes", "Distributions", "Files", "CSQLite", "Crypto"]),
        room("Tokenizers", ["VideoTypes", "StrictJSON"]),
        room("Weights", ["VideoTypes", "StrictJSON", "TorchFiles", "Compute"]),
        room("Sampling", ["VideoTypes", "Compute"]),
        room("Media", ["VideoTypes", "Distributions", "Files", "CFFmpeg"]),
        room("ComputeCPU", ["Compute", "Files", "CKernels", "COneDNN"]),
        room("ComputeCUDA", ["Compute", "Distributions", "Files", "Threads", "CKernels"]),
        room("Layers", ["Compute", "Weights"]),
        room("Models", ["Compute", "Weights", "Layers"]),
        room(
            "Pipelines",
            [
                "VideoTypes", "StrictJSON", "Compute", "Pictures", "Tokenizers", "Weights", "Sampling", "Layers",
                "Models",
            ]),
        room("Backends", ["VideoTypes", "Distributions", "Compute", "ComputeCPU", "ComputeCUDA"]),
        room(
            "VideoProvider",
            [
                "VideoTypes", "Crypto", "Files", "Threads", "Compute", "Weights", "Pipelines", "Backends", "Media",
                "CBuiltinModel",
            ]),
        room(
            "ModelHub",
            ["VideoTypes", "StrictJSON", "Compute", "Crypto", "Files", "HTTPClient", "Threads", "Weights"]),
        room(
            "JobRunner",
            ["VideoTypes", "Files", "Threads", "Media", "Pipelines", "VideoProvider", "JobStore", "CProcess"]),
        room("VideoRouter", ["VideoTypes", "Files", "Threads", "StrictJSON", "Crypto", "HTTPClient", "Media"]),
        room(
            "VideoServer",
            [
                "VideoTypes", "Files", "Threads", "StrictJSON", "Crypto", "HTTPServer", "HTTPClient", "Media",
                "VideoProvider", "JobStore", "JobRunner", "VideoRouter", "CStartPage",
            ]),
        .executableTarget(
            name: "wan-infer",
            dependencies: [
                "VideoTypes", "VideoProvider", "Pipelines", "Backends", "Compute", "ComputeCPU", "ComputeCUDA", "Files",
                "Media", "ModelHub", "Threads", "Weights", "StrictJSON", "JobRunner", "JobStore", "VideoRouter",
                "VideoServer",
            ],
            swiftSettings: strict),

        // Optimised in debug builds too: its references in float64 are long loops.
        .target(
            name: "TestSupport", dependencies: ["Compute", "VideoTypes", "Weights"],
            path: "Tests/TestSupport", swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        // Apart from TestSupport, so that tests of low rooms build none of the high ones.
        .target(
            name: "GoldenRuns", dependencies: ["Compute", "Pipelines", "TestSupport", "VideoTypes", "Weights"],
            path: "Tests/GoldenRuns", swiftSettings: strict + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
        .target(
            name: "TestTools", dependencies: ["Crypto", "HTTPClient", "StrictJSON", "TestSupport", "Threads"],
            path: "Tests/TestTools",
            swiftSettings: strict),
        // Measures and checks on a machine with a GPU, alone: links neither FFmpeg nor the emulation.
        .target(
            name: "GPUBench",
            dependencies: [
                "Compute", "ComputeCUDA", "GoldenRuns", "Pipelines", "TestSupport", "Threads", "VideoTypes", "Weights",
            ],
            path: "bench/gpu/Program", swiftSettings: strict),
        .executableTarget(
            name: "gpu-bench", dependencies: ["GPUBench"], path: "bench/gpu/Main", swiftSettings: strict),
        // The kernels' text as C++. Where it does what C++ leaves undefined, it traps; what it never set is not zero.
        .target(
            name: "KernelEmulation", path: "Tests/KernelEmulation",
            cxxSettings: [
                .headerSearchPath("../../CKernels/include"),
                .unsafeFlags([
                    "-O2", "-fno-strict-aliasing", "-ftrivial-auto-var-init=pattern",
                    "-fsanitize=alignment,bounds,integer-divide-by-zero,shift,signed-integer-overflow",
                    "-fsanitize-trap=alignment,bounds,integer-divide-by-zero,shift,signed-integer-overflow",
                ]),
            ]),
        .target(
            name: "FakeGPU", dependencies: ["CKernels", "Compute", "ComputeCUDA", "KernelEmulation"],
            path: "Tests/FakeGPU", swiftSettings: strict),
        // The benchmark on a faked GPU with kernels that hang or die: what its script is tried with.
        .executableTarget(
            name: "fake-gpu-bench", dependencies: ["ComputeCUDA", "FakeGPU", "GPUBench", "KernelEmulation"],
            path: "Tests/FakeGPUBench", swiftSettings: strict),
        // The whole service with an engine that pretends: what the tests of jobs and HTTP start and kill.
        .executableTarget(
            name: "fake-service",
            dependencies: [
                "VideoTypes", "Threads", "Media", "Pipelines", "VideoProvider", "JobStore", "JobRunner", "VideoRouter",
                "VideoServer",
            ],
            path: "Tests/FakeService", swiftSettings: strict),
        // A journal alone: what the tests of durability kill.
        .executableTarget(
            name: "journal-child", dependencies: ["JobStore", "VideoTypes"], path: "Tests/JournalChild",
            swiftSettings: strict),
        // A router over fake clouds: what the test of orders kills.
        .executableTarget(
            name: "cloud-child", dependencies: ["VideoRouter", "VideoTypes"], path: "Tests/CloudChild",
            swiftSettings: strict),
        // How long the router takes to decide.
        .executableTarget(
            name: "router-bench", dependencies: ["Files", "VideoRouter", "VideoTypes"], path: "bench/router",
            swiftSettings: strict),
        // Asks models of real sizes who would compute what, in a process of its own: oneDNN reads its limits once.
        .executableTarget(
            name: "decision-walk",
            dependencies: [
                "CProcess", "Compute", "ComputeCPU", "Pipelines", "VideoProvider", "VideoTypes", "Weights",
                "TestSupport",
            ],
            path: "Tests/DecisionWalk", swiftSettings: strict),
        // A clip in a process of its own, whose memory is measured.
        .executableTarget(
            name: "offload-child",
            dependencies: ["Compute", "ComputeCPU", "Pipelines", "TestSupport", "VideoTypes", "Weights"],
            path: "Tests/OffloadChild", swiftSettings: strict),
        tests("FilesTests", ["Files", "TestSupport"]),
        tests("DistributionsTests", ["CLibrary", "Distributions"]),
        tests("VideoTypesTests", ["VideoTypes"]),
        tests("PicturesTests", ["Pictures", "VideoTypes", "TestSupport"], resources: [.copy("Fixtures")]),
        tests("CryptoTests", ["Crypto", "VideoTypes"]),
        tests("HTTPServerTests", ["HTTPServer", "VideoTypes", "TestSupport"]),
        tests("HTTPClientTests", ["Files", "HTTPClient", "VideoTypes", "TestSupport"]),
        tests("ModelHubTests", ["Crypto", "Files", "HTTPClient", "ModelHub", "VideoTypes", "TestSupport"]),
        tests("JobStoreTests", ["journal-child", "JobStore", "VideoTypes", "TestSupport"]),
        tests(
            "JobRunnerTests",
            [
                "fake-service", "Crypto", "JobRunner", "JobStore", "VideoProvider", "VideoTypes", "TestSupport",
            ]),
        tests(
            "VideoRouterTests",
            ["cloud-child", "VideoRouter", "VideoTypes", "StrictJSON", "HTTPClient", "Media", "TestSupport"]),
        tests(
            "VideoServerTests",
            [
                "fake-service", "VideoServer", "Crypto", "HTTPServer", "JobStore", "JobRunner", "StrictJSON",
                "VideoProvider", "VideoRouter", "VideoTypes", "TestSupport",
            ],
            resources: [.copy("openai_client.py"), .copy("node_client.mjs"), .copy("Browser")]),
        tests("KernelEmulationTests", ["CKernels", "KernelEmulation"]),
        tests("ArchitectureTests", ["wan-infer", "Compute", "VideoProvider", "VideoTypes", "Weights", "TestSupport"]),
        tests(
            "CommandTests",
            [
                "wan-infer", "Backends", "Compute", "ComputeCPU", "ComputeCUDA", "FakeGPU", "JobRunner", "JobStore",
                "KernelEmulation", "Media", "ModelHub", "StrictJSON", "VideoProvider", "VideoRouter", "VideoTypes",
                "TestSupport",
            ],
            resources: [.copy("Snapshots")]),
        tests(
            "MediaTests", ["Media", "VideoTypes", "CFFmpeg", "TestSupport"], resources: [.copy("Fixtures")]),
        tests(
            "ComputeCPUTests", ["CKernels", "Compute", "ComputeCPU", "TestSupport", "Weights"],
            resources: [.copy("Fixtures")]),
        tests(
            "ComputeCUDATests",
            ["CKernels", "Compute", "ComputeCPU", "ComputeCUDA", "FakeGPU", "KernelEmulation", "TestSupport"],
            resources: [.copy("Snapshots")]),
        tests(
            "GPUBenchTests",
            [
                "fake-gpu-bench", "GPUBench", "Compute", "ComputeCUDA", "FakeGPU", "Pipelines", "TestSupport",
                "VideoTypes", "Weights",
            ]),
        tests("LayersTests", ["Compute", "ComputeCPU", "Layers", "TestSupport", "Weights"]),
        tests("ModelsTests", ["Compute", "ComputeCPU", "Layers", "Models", "TestSupport", "Weights"]),
        tests("ComputeTests", ["Compute", "TestSupport"], resources: [.copy("Fixtures")]),
        tests("StrictJSONTests", ["StrictJSON"]),
        tests("TorchFilesTests", ["TorchFiles", "TestSupport"], resources: [.copy("Fixtures")]),
        tests("TokenizersTests", ["StrictJSON", "Tokenizers", "TestSupport"], resources: [.copy("Fixtures")]),
        tests("WeightsTests", ["StrictJSON", "Compute", "VideoTypes", "Weights"]),
        tests(
            "SamplingTests", ["Compute", "ComputeCPU", "Weights", "Sampling", "TestSupport", "VideoTypes"],
            resources: [.copy("Fixtures")]),
        tests(
            "PipelinesTests",
            [
                "decision-walk", "offload-child", "Compute", "ComputeCPU", "ComputeCUDA", "FakeGPU",
                "GoldenRuns", "KernelEmulation", "Layers", "Models", "Pipelines", "Sampling", "StrictJSON",
                "TestSupport",
                "Tokenizers", "VideoTypes", "Weights",
            ],
            resources: [.copy("Fixtures")]),
        tests("BackendsTests", ["Backends", "VideoTypes"]),
        tests(
            "VideoProviderTests",
            [
                "Compute", "ComputeCPU", "ComputeCUDA", "Crypto", "FakeGPU", "GoldenRuns", "KernelEmulation", "Layers",
                "Media", "Models", "Pipelines", "TestSupport", "Threads", "VideoProvider", "VideoRouter", "VideoTypes",
                "Weights",
            ],
            resources: [.copy("Fixtures")]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)

// WAN_TARGETS="ATests BTests" leaves these and what they depend on: a sanitizer's run builds no more than it needs.
let wanted = Set((Context.environment["WAN_TARGETS"] ?? "").split(separator: " ").map(String.init))
if !wanted.isEmpty, wanted.isSubset(of: package.targets.map(\.name)) {
    var kept: Set<String> = []
    func keep(_ name: String) {
        guard kept.insert(name).inserted else { return }
        for case .byNameItem(let other, _) in package.targets.first(where: { $0.name == name })?.dependencies ?? [] {
            keep(other)
        }
    }
    wanted.forEach(keep)
    package.targets.removeAll { !kept.contains($0.name) }
    package.products = []
}
