/// A sampler by its command-line name.
public enum Scheduler: String, Sendable, Hashable, CaseIterable, Codable {
    case unipc
    case euler
    case dpmpp = "dpm++"
}
