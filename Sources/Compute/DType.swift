/// How one element of a tensor is stored.
package enum DType: String, Sendable, Hashable, CaseIterable {
    case f32
    case bf16
    case f16
    case u8
    case i32

    package var byteWidth: Int {
        switch self {
        case .f32, .i32: 4
        case .bf16, .f16: 2
        case .u8: 1
        }
    }
}
