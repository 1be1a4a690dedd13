/// How the weight of the prompt goes through the steps.
public enum GuidanceSchedule: String, Sendable, Hashable, CaseIterable, Codable {
    case constant
    /// As CogVideoX's reference raises it with the timestep.
    case dynamic
}
