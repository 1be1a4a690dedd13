import FoundationEssentials
import TestSupport

@testable import Tokenizers

/// What `Tests/Reference/tokenizer_cases.py` wrote.
enum Fixtures {
    struct Component: Decodable {
        let name: String
        let file: String
        let ids: [[Int32]]
    }

    struct Components: Decodable {
        let texts: [String]
        let tokenizers: [Component]
    }

    struct SentencePiece: Decodable {
        let texts: [String]
        let configuration: String
        let ids: [[Int32]]
    }

    struct Cleaning: Decodable {
        let pairs: [[String]]
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(filePath: path)))
    }

    static func decoded<T: Decodable>(_ type: T.Type, _ name: String) throws -> T {
        try JSONDecoder().decode(type, from: Data(contentsOf: URL(filePath: Fixture.path(name))))
    }
}

extension Tokenizer {
    init(json text: String) throws(TokenizerError) {
        try self.init(json: Array(text.utf8))
    }

    init(json bytes: [UInt8]) throws(TokenizerError) {
        // Safe: bytes are bytes.
        try self.init(json: unsafe bytes.span.bytes)
    }

    init(sentencePiece bytes: [UInt8], configuration: String? = nil) throws(TokenizerError) {
        guard let configuration = configuration.map({ Array($0.utf8) }) else {
            try self.init(sentencePiece: unsafe bytes.span.bytes)
            return
        }
        try self.init(sentencePiece: unsafe bytes.span.bytes, configuration: unsafe configuration.span.bytes)
    }
}
