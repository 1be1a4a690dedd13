import Glibc

/// How a picture gets another size, as Pillow does it.
package enum ResamplingFilter: String, Sendable, CaseIterable {
    case box
    case bilinear
    case hamming
    case bicubic
    case lanczos

    /// How far it reaches, in pixels of the smaller picture.
    var support: Double {
        switch self {
        case .box: 0.5
        case .bilinear, .hamming: 1
        case .bicubic: 2
        case .lanczos: 3
        }
    }

    func weight(_ position: Double) -> Double {
        let x = abs(position)
        switch self {
        case .box: return position > -0.5 && position <= 0.5 ? 1 : 0
        case .bilinear: return x < 1 ? 1 - x : 0
        case .hamming:
            if x == 0 { return 1 }
            // Pillow writes the two constants as floats.
            return x < 1 ? Self.sinc(x) * (Double(Float(0.54)) + Double(Float(0.46)) * cos(x * .pi)) : 0
        case .bicubic:
            let a = -0.5
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
        case .lanczos: return position >= -3 && position < 3 ? Self.sinc(position) * Self.sinc(position / 3) : 0
        }
    }

    private static func sinc(_ x: Double) -> Double {
        if x == 0 { return 1 }
        let angle = x * .pi
        return sin(angle) / angle
    }
}
