/// What each room may import.
///
/// Every arrow goes down: a room of a level sees only lower ones.
enum ImportRule {
    static let table: [String: Set<String>] = [
        "VideoTypes": [],
        "Threads": ["Glibc"],
        "Distributions": ["Glibc"],
        "Compute": ["VideoTypes", "Glibc"],
        "StrictJSON": [],
        "Crypto": ["CCrypto", "Distributions", "Glibc"],
        "HTTPServer": ["CMicroHTTPD", "Distributions", "Threads", "Glibc", "Synchronization"],
        "HTTPClient": ["Distributions", "Threads", "CCurl", "Glibc", "Synchronization"],
        "JobStore": [
            "VideoTypes", "Distributions", "CSQLite", "Crypto", "Glibc", "Synchronization", "FoundationEssentials",
        ],
        "Tokenizers": ["VideoTypes", "StrictJSON", "Swift"],
        "Weights": ["VideoTypes", "StrictJSON", "Compute", "Glibc"],
        "Sampling": ["VideoTypes", "Compute", "Glibc"],
        "Media": ["VideoTypes", "Distributions", "CFFmpeg", "Glibc"],
        "ComputeCPU": ["Compute", "CKernels", "COneDNN", "Glibc"],
        "ComputeCUDA": ["Compute", "Distributions", "Threads", "CKernels", "Glibc", "Synchronization"],
        "Layers": ["Compute", "Weights", "Glibc"],
        "Models": ["Compute", "Weights", "Layers", "Glibc"],
        "Pipelines": [
            "VideoTypes", "Compute", "Pictures", "Tokenizers", "Weights", "Sampling", "Models", "Layers",
        ],
        "Backends": ["VideoTypes", "Distributions", "Compute", "ComputeCPU", "ComputeCUDA", "Glibc"],
        "VideoProvider": [
            "VideoTypes", "Threads", "Compute", "Weights", "Pipelines", "Backends", "Media", "CBuiltinModel", "Glibc",
            "Synchronization", "FoundationEssentials",
        ],
        "JobRunner": [
            "VideoTypes", "Threads", "VideoProvider", "JobStore", "CProcess", "Glibc", "Synchronization",
            "FoundationEssentials",
        ],
        "VideoRouter": [
            "VideoTypes", "Threads", "StrictJSON", "Crypto", "HTTPClient", "Media", "Glibc", "Synchronization",
            "FoundationEssentials",
        ],
        "VideoServer": [
            "VideoTypes", "Threads", "StrictJSON", "Crypto", "HTTPServer", "HTTPClient", "Media", "VideoProvider",
            "JobStore",
            "JobRunner", "CStartPage", "Glibc", "Synchronization", "FoundationEssentials",
        ],
        "wan-infer": [
            "JobRunner", "JobStore", "StrictJSON", "VideoRouter", "VideoServer", "VideoTypes", "VideoProvider",
            "Backends",
            "Compute",
            "ComputeCPU", "ComputeCUDA", "Weights", "Media",
            "Glibc", "Synchronization",
        ],
    ]

    static func violations(in file: SourceFile) -> [String] {
        guard let allowed = table[file.target] else {
            return ["\(file.path): the room \(file.target) is not in the table"]
        }
        return file.code.compactMap { number, line in
            guard let module = module(importedBy: line), !allowed.contains(module) else { return nil }
            return "\(file.path):\(number): \(file.target) may not import \(module)"
        }
    }

    private static func module(importedBy line: Substring) -> String? {
        var words = line.split(whereSeparator: \.isWhitespace)
        let levels: Set<Substring> = ["package", "public", "internal", "private"]
        while let first = words.first, first.hasPrefix("@") || levels.contains(first) {
            words.removeFirst()
        }
        guard words.first == "import", words.count >= 2 else { return nil }
        let kinds: Set<Substring> = ["struct", "class", "enum", "func", "var", "let", "protocol", "typealias"]
        let name = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
        return String(name.prefix { $0 != "." })
    }
}
