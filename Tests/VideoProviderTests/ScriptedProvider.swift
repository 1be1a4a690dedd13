import Synchronization
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// A local provider on an engine that pretends, with a folder of its own.
struct ScriptedProvider {
    let script: EngineScript
    let folder: TemporaryFolder
    let provider: LocalVideoProvider

    init(
        _ script: EngineScript = EngineScript(), memoryBytes: Int? = nil, isMetered: Bool = false,
        configure: (inout LocalVideoProvider.Options) -> Void = { _ in }
    ) throws {
        let folder = try TemporaryFolder()
        var options = LocalVideoProvider.Options()
        options.outputFolder = folder.path
        configure(&options)
        let makeEngine: @Sendable () throws(VideoError) -> LocalQueue.Equipment = { () throws(VideoError) in
            LocalQueue.Equipment(
                engine: try ScriptedEngine(script, memoryBytes: memoryBytes, isMetered: isMetered))
        }
        provider = try LocalVideoProvider(
            options, planner: VideoPlanner(.builtIn), clock: { script.now }, makeEngine: makeEngine)
        self.script = script
        self.folder = folder
    }

    /// A request of 4 steps.
    static func request(_ prompt: String, id: String? = nil, steps: Int = 4) -> VideoRequest {
        var request = VideoRequest(prompt: prompt)
        if let id { request.id = id }
        request.steps = steps
        request.guidanceScale = 1
        request.seed = 7
        return request
    }

    func make(
        _ request: VideoRequest, _ progress: @escaping @Sendable (VideoProgress) -> Void
    ) async -> Result<VideoResult, ProviderError> {
        do throws(ProviderError) {
            return .success(try await provider.generate(request, progress: progress))
        } catch {
            return .failure(error)
        }
    }

    /// Submits what is no bad request in a task of its own, and waits until it has its place.
    func start(
        _ request: VideoRequest, _ progress: @escaping @Sendable (VideoProgress) -> Void = { _ in }
    ) async throws -> Task<Result<VideoResult, ProviderError>, Never> {
        let count = provider.callers
        let task = Task { await make(request, progress) }
        #expect(try await becomesTrue { provider.callers > count })
        return task
    }
}

/// A list that any thread may add to.
final class SharedList<Element: Sendable>: Sendable {
    private let content = Mutex<[Element]>([])

    func append(_ element: Element) { content.withLock { $0.append(element) } }

    var all: [Element] { content.withLock { $0 } }
}
