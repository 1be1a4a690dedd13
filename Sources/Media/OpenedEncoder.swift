import CFFmpeg

/// The first encoder of a list that FFmpeg has and that accepts the clip.
@safe final class OpenedEncoder {
    /// H.264 by quality; MPEG-4 part 2 is in every FFmpeg and plays nearly everywhere.
    static let candidates = ["libx264", "libopenh264", "h264_nvenc", "mpeg4"]

    let name: String
    let context: UnsafeMutablePointer<AVCodecContext>
    private let ffmpeg: FFmpeg

    init(
        _ ffmpeg: FFmpeg, size: PaddedSize, framesPerSecond: Int, candidates: [String] = OpenedEncoder.candidates
    ) throws(MediaError) {
        self.ffmpeg = ffmpeg
        for name in candidates {
            guard let codec = unsafe ffmpeg.call.avcodec_find_encoder_by_name(name) else { continue }
            var context = try unsafe Optional(
                ffmpeg.allocated(ffmpeg.call.avcodec_alloc_context3(codec), "avcodec_alloc_context3"))
            if let context = unsafe context {
                unsafe Self.configure(context, name, size, framesPerSecond)
                if unsafe Self.open(ffmpeg, context, codec, name) {
                    self.name = name
                    unsafe self.context = unsafe context
                    return
                }
            }
            unsafe ffmpeg.call.avcodec_free_context(&context)
        }
        throw .noEncoder(tried: candidates)
    }

    deinit {
        var context = unsafe Optional(context)
        unsafe ffmpeg.call.avcodec_free_context(&context)
    }

    private static func configure(
        _ context: UnsafeMutablePointer<AVCodecContext>, _ name: String, _ size: PaddedSize, _ framesPerSecond: Int
    ) {
        unsafe context.pointee.width = Int32(size.codedWidth)
        unsafe context.pointee.height = Int32(size.codedHeight)
        unsafe context.pointee.pix_fmt = AV_PIX_FMT_YUV420P
        unsafe context.pointee.time_base = AVRational(num: 1, den: Int32(framesPerSecond))
        unsafe context.pointee.framerate = AVRational(num: Int32(framesPerSecond), den: 1)
        unsafe context.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
        unsafe context.pointee.colorspace = AVCOL_SPC_BT709
        unsafe context.pointee.color_primaries = AVCOL_PRI_BT709
        unsafe context.pointee.color_trc = AVCOL_TRC_BT709
        unsafe context.pointee.color_range = AVCOL_RANGE_MPEG
        unsafe context.pointee.chroma_sample_location = AVCHROMA_LOC_LEFT
        // An MP4 keeps the codec's parameter sets in its header.
        unsafe context.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER
        guard name != "libx264" else { return }
        if name == "mpeg4" {
            unsafe context.pointee.flags |= AV_CODEC_FLAG_QSCALE
            unsafe context.pointee.global_quality = cff_quality(2)
        } else {
            // 0.2 bits a pixel: near crf 18 on ordinary footage.
            let bits = size.codedWidth * size.codedHeight * framesPerSecond / 5
            unsafe context.pointee.bit_rate = Int64(max(bits, 200_000))
        }
    }

    private static func open(
        _ ffmpeg: FFmpeg, _ context: UnsafeMutablePointer<AVCodecContext>, _ codec: UnsafePointer<AVCodec>,
        _ name: String
    ) -> Bool {
        var options: OpaquePointer?
        if name == "libx264" {
            // Without the macroblock tree, which reads uninitialised memory where the width is no multiple of 128: the
            // same frames would make another file each time.
            for (name, value) in [("crf", "18"), ("preset", "medium"), ("mbtree", "0")] {
                unsafe _ = ffmpeg.call.av_dict_set(&options, name, value, 0)
            }
        }
        let status = unsafe ffmpeg.call.avcodec_open2(context, codec, &options)
        unsafe ffmpeg.call.av_dict_free(&options)
        return status >= 0
    }
}
