import CFFmpeg
import VideoTypes

/// Between packed full-range RGB and planar limited-range BT.709 with left-sited chroma, both ways.
@safe final class ColourConverter {
    private let ffmpeg: FFmpeg
    private let scaler: OpaquePointer

    enum Direction {
        case fromRGB
        case toRGB(AVPixelFormat)
    }

    init(_ ffmpeg: FFmpeg, width: Int, height: Int, _ direction: Direction) throws(MediaError) {
        self.ffmpeg = ffmpeg
        unsafe scaler = try ffmpeg.allocated(ffmpeg.call.sws_alloc_context(), "sws_alloc_context")
        try configure(width: width, height: height, direction)
    }

    deinit {
        unsafe ffmpeg.call.sws_freeContext(scaler)
    }

    private func configure(width: Int, height: Int, _ direction: Direction) throws(MediaError) {
        let formats: (AVPixelFormat, AVPixelFormat)
        let flags: Int32
        let planar: String
        let isRGBSource: Bool
        switch direction {
        case .fromRGB:
            formats = (AV_PIX_FMT_RGB24, AV_PIX_FMT_YUV420P)
            // Bilinear halves chroma with 1-2-1: no ringing at the hard edges of drawn shapes.
            flags = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP
            planar = "dst"
            isRGBSource = true
        case .toRGB(let format):
            formats = (format, AV_PIX_FMT_RGB24)
            flags = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT
            planar = "src"
            isRGBSource = false
        }
        let options: [(String, Int64)] = [
            ("srcw", Int64(width)), ("srch", Int64(height)), ("src_format", Int64(formats.0.rawValue)),
            ("dstw", Int64(width)), ("dsth", Int64(height)), ("dst_format", Int64(formats.1.rawValue)),
            ("sws_flags", Int64(flags)), ("\(planar)_h_chr_pos", 0), ("\(planar)_v_chr_pos", 128),
        ]
        for (name, value) in options {
            try ffmpeg.check(unsafe ffmpeg.call.av_opt_set_int(.init(scaler), name, value, 0), "av_opt_set_int \(name)")
        }
        try ffmpeg.check(unsafe ffmpeg.call.sws_init_context(scaler, nil, nil), "sws_init_context")
        let bt709 = unsafe ffmpeg.call.sws_getCoefficients(SWS_CS_ITU709)
        let unit: Int32 = 1 << 16
        let status = unsafe ffmpeg.call.sws_setColorspaceDetails(
            scaler, bt709, isRGBSource ? 1 : 0, bt709, isRGBSource ? 0 : 1, 0, unit, unit)
        try ffmpeg.check(status, "sws_setColorspaceDetails")
    }

    /// Fills `picture` from rows of `width · 3` bytes.
    @unsafe func convert(_ pixels: [UInt8], width: Int, height: Int, into picture: UnsafeMutablePointer<AVFrame>) {
        unsafe pixels.withUnsafeBufferPointer { pixels in
            guard let base = pixels.baseAddress else { return }
            unsafe cff_picture_from_rgb(ffmpeg.pointer, scaler, base, Int32(width * 3), Int32(height), picture)
        }
    }

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
