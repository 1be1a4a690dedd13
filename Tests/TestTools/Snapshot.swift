import Foundation
package import Testing

/// Compares a text with the file `Snapshots/<name>.txt` beside the test.
///
/// With `RECORD_SNAPSHOTS=1` the file is written anew, and the test still fails, so that a recording run never looks
/// green.
package func expectSnapshot(
    _ text: String, named name: String, file: String = #filePath, sourceLocation: SourceLocation = #_sourceLocation
) {
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent("Snapshots")
    let url = folder.appendingPathComponent(name + ".txt")
    if ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1" {
        do {
            try text.write(to: url, atomically: true, encoding: .utf8)
            Issue.record("recorded \(url.lastPathComponent)", sourceLocation: sourceLocation)
        } catch {
            Issue.record("cannot record \(url.path): \(error)", sourceLocation: sourceLocation)
        }
        return
    }
    let expected = (try? String(contentsOf: url, encoding: .utf8)) ?? "(no file)"
    guard text != expected else { return }
    let pairs = zip(
        text.split(separator: "\n", omittingEmptySubsequences: false),
        expected.split(separator: "\n", omittingEmptySubsequences: false))
    let first =
        pairs.first { $0 != $1 }.map { "\nfound:    \($0)\nexpected: \($1)" } ?? "\none is longer than the other"
    Issue.record(
        "\(name).txt differs\(first)\nRECORD_SNAPSHOTS=1 writes it anew", sourceLocation: sourceLocation)
}
