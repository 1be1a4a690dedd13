package enum PromptCleaning {
    package static func clean(_ text: String) -> String { text }
}
