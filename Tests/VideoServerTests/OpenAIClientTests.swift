import Foundation
import TestSupport
import TestTools
import Testing

/// The unmodified client of OpenAI against the service.
@Suite(.bounded) struct OpenAIClientTests {
    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let client = repository.appendingPathComponent(".build/openai").path
    private static let script = repository.appendingPathComponent("Tests/VideoServerTests/openai_client.py").path

    private static var isHere: Bool { FileManager.default.fileExists(atPath: client + "/openai") }

    @Test(.needs("python3"), .needs("OpenAI's client: make openai") { isHere })
    func `every method, pages, errors, retries, a lost answer and two keys`() throws {
        let python = try #require(Subprocess.find("python3"))
        let run = try Subprocess(
            python, [Self.script, TestService.program],
            environment: ["PYTHONPATH": Self.client, "PYTHONDONTWRITEBYTECODE": "1"])
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.contains("checks passed with openai 3.54.0"), "\(run.output)")
    }
}
