package import VideoTypes

/// What a user asks to compute on.
package enum DeviceChoice: Sendable, Hashable {
    /// A GPU where one works, else the processor.
    case automatic
    case cpu
    /// The GPU of this number.
    case cuda(Int)
}

extension DeviceChoice: CustomStringConvertible {
    /// As it is typed: "auto", "cpu", "cuda:0".
    package var description: String {
        switch self {
        case .automatic: "auto"
        case .cpu: "cpu"
        case .cuda(let ordinal): "cuda:\(ordinal)"
        }
    }

    /// Reads "auto", "cpu", "cuda" and "cuda:N"; nil is "auto".
    package init(_ text: String?) throws(VideoError) {
        switch text {
        case nil, "auto": self = .automatic
        case "cpu": self = .cpu
        case "cuda": self = .cuda(0)
        case let text?:
            let number = text.dropFirst("cuda:".count)
            guard text.hasPrefix("cuda:"), number.allSatisfy(\.isASCII), number.first?.isNumber == true,
                let ordinal = Int(number), ordinal < 1000
            else {
                let shown = text.count <= 60 ? text : text.prefix(60) + "…"
                throw .invalid(
                    "\(.device) must be auto, cpu, cuda or cuda:N, got '\(shown)'", field: .device,
                    hint: "leave \(.device) out to use what is there")
            }
            self = .cuda(ordinal)
        }
    }
}
