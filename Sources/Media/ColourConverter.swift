import CFFmpeg
import VideoTypes

/// Between packed full-range RGB and planar YUV with half the chroma, both ways.
@safe final class ColourConverter {
    private let ffmpeg: FFmpeg
    private let scaler: OpaquePointer
    private let width: Int
    private let height: Int
    private let direction: Direction

    enum Direction: Equatable {
        /// To limited-range BT.709 with left-sited chroma, as in a clip.
        case fromRGB
        /// To full-range BT.601 with centred chroma, as in a JPEG file.
        case fromRGBToJPEG
        /// From a decoded picture; also to another size.
        case toRGB(Planes, width: Int, height: Int)
    }

    /// How a picture's planes are to be read.
    struct Planes: Equatable {
        let format: AVPixelFormat
        /// As in a JPEG file: full-range BT.601 with centred chroma.
        let isJPEG: Bool
    }

    init(_ ffmpeg: FFmpeg, width: Int, height: Int, _ direction: Direction) throws(MediaError) {
        self.ffmpeg = ffmpeg
        self.width = width
        self.height = height
        self.direction = direction
        unsafe scaler = try ffmpeg.allocated(ffmpeg.call.sws_alloc_context(), "sws_alloc_context")
        try configure()
    }

    deinit {
        unsafe ffmpeg.call.sws_freeContext(scaler)
    }

    /// Whether it was made for this.
    func converts(width: Int, height: Int, _ direction: Direction) -> Bool {
        self.width == width && self.height == height && self.direction == direction
    }

    private func configure() throws(MediaError) {
        var target = (width: width, height: height)
        var planar = AV_PIX_FMT_YUV420P
        var isFromRGB = true
        var isJPEG = false
        switch direction {
        case .fromRGB: break
        case .fromRGBToJPEG: isJPEG = true
        case .toRGB(let planes, let width, let height):
            isFromRGB = false
            isJPEG = planes.isJPEG
            planar = planes.format
            target = (width, height)
        }
        let source = isFromRGB ? AV_PIX_FMT_RGB24 : planar
        let result = isFromRGB ? planar : AV_PIX_FMT_RGB24
        // Bilinear halves chroma with 1-2-1: no ringing at the hard edges of drawn shapes.
        let flags = SWS_BILINEAR | SWS_ACCURATE_RND | (isFromRGB ? SWS_FULL_CHR_H_INP : SWS_FULL_CHR_H_INT)
        let side = isFromRGB ? "dst" : "src"
        let options: [(String, Int64)] = [
            ("srcw", Int64(width)), ("srch", Int64(height)), ("src_format", Int64(source.rawValue)),
            ("dstw", Int64(target.width)), ("dsth", Int64(target.height)), ("dst_format", Int64(result.rawValue)),
            ("sws_flags", Int64(flags)), ("\(side)_h_chr_pos", isJPEG ? 128 : 0), ("\(side)_v_chr_pos", 128),
        ]
        for (name, value) in options {
            try ffmpeg.check(unsafe ffmpeg.call.av_opt_set_int(.init(scaler), name, value, 0), "av_opt_set_int \(name)")
        }
        try ffmpeg.check(unsafe ffmpeg.call.sws_init_context(scaler, nil, nil), "sws_init_context")
        let matrix = unsafe ffmpeg.call.sws_getCoefficients(isJPEG ? SWS_CS_ITU601 : SWS_CS_ITU709)
        let planarRange: Int32 = isJPEG ? 1 : 0
        let unit: Int32 = 1 << 16
        let status = unsafe ffmpeg.call.sws_setColorspaceDetails(
            scaler, matrix, isFromRGB ? 1 : planarRange, matrix, isFromRGB ? planarRange : 1, 0, unit, unit)
        try ffmpeg.check(status, "sws_setColorspaceDetails")
    }

    /// Fills `picture` from rows of `width · 3` bytes.
    @unsafe func convert(_ pixels: [UInt8], width: Int, height: Int, into picture: UnsafeMutablePointer<AVFrame>) {
        unsafe pixels.withUnsafeBufferPointer { pixels in
            guard let base = pixels.baseAddress else { return }
            unsafe cff_picture_from_rgb(ffmpeg.pointer, scaler, base, Int32(width * 3), Int32(height), picture)
        }
    }

    /// A picture as a frame of `width` by `height`, which is the size that the converter was made for.
    @unsafe func convert(_ picture: UnsafePointer<AVFrame>, width: Int, height: Int) -> Frame {
        // swscale writes whole vectors: a row of its own padded length, copied without the padding.
        let stride = (width * 3 + 63) / 64 * 64
        let padded = unsafe [UInt8](unsafeUninitializedCapacity: stride * height + 64) { buffer, count in
            unsafe buffer.initialize(repeating: 0)
            count = buffer.count
            guard let base = buffer.baseAddress else { return }
            unsafe cff_rgb_from_picture(ffmpeg.pointer, scaler, picture, base, Int32(stride))
        }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(width * height * 3)
        for y in 0..<height {
            pixels += padded[y * stride..<y * stride + width * 3]
        }
        return Frame(width: width, height: height, pixels: pixels)
    }
}
