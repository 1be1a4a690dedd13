import VideoTypes

/// What `--device` asks for.
enum DeviceChoice: Equatable {
    /// A GPU where one works, else the processor.
    case automatic
    case cpu
    /// The GPU of this number.
    case cuda(Int)

    init(_ text: String?) throws(VideoError) {
        switch text {
        case nil, "auto": self = .automatic
        case "cpu": self = .cpu
        case "cuda": self = .cuda(0)
        case let text?:
            let number = text.dropFirst("cuda:".count)
            guard text.hasPrefix("cuda:"), number.allSatisfy(\.isASCII), number.first?.isNumber == true,
                let ordinal = Int(number), ordinal < 1000
            else {
                throw .invalid(
                    "device must be auto, cpu, cuda or cuda:N, got '\(OptionValues.shown(text))'",
                    hint: "leave --device out to use what is there")
            }
            self = .cuda(ordinal)
        }
    }
}
