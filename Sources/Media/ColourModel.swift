/// What the samples of a decoded picture are.
enum ColourModel {
    /// Red, green and blue, or grey, one beside the other, as a PNG has them; also where libavcodec has mixed them.
    case direct
    /// Luma and two chromas of a JPEG file (JFIF 1.02): full range, BT.601.
    case ycc
    /// Red, green and blue in three planes.
    case rgb
    /// Luma and two chromas of a WebP file: limited range, BT.601; or colours, where it is lossless.
    case webP
}
