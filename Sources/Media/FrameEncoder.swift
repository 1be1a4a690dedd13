import CFFmpeg
import VideoTypes

/// Frames in, packets of the best encoder that opens on this machine out.
@safe final class FrameEncoder {
    private let ffmpeg: FFmpeg
    private let size: PaddedSize
    private let converter: ColourConverter
    private let opened: OpenedEncoder
    private var picture: UnsafeMutablePointer<AVFrame>?
    private var packet: UnsafeMutablePointer<AVPacket>?
    private var frames = 0

    var name: String { opened.name }

    init(_ ffmpeg: FFmpeg, size: PaddedSize, framesPerSecond: Int) throws(MediaError) {
        self.ffmpeg = ffmpeg
        self.size = size
        converter = try ColourConverter(ffmpeg, width: size.codedWidth, height: size.codedHeight, .fromRGB)
        opened = try OpenedEncoder(ffmpeg, size: size, framesPerSecond: framesPerSecond)
        unsafe packet = try ffmpeg.allocated(ffmpeg.call.av_packet_alloc(), "av_packet_alloc")
        let picture = try unsafe ffmpeg.allocated(ffmpeg.call.av_frame_alloc(), "av_frame_alloc")
        unsafe self.picture = unsafe picture
        unsafe picture.pointee.width = Int32(size.codedWidth)
        unsafe picture.pointee.height = Int32(size.codedHeight)
        unsafe picture.pointee.format = AV_PIX_FMT_YUV420P.rawValue
        unsafe picture.pointee.colorspace = AVCOL_SPC_BT709
        unsafe picture.pointee.color_primaries = AVCOL_PRI_BT709
        unsafe picture.pointee.color_trc = AVCOL_TRC_BT709
        unsafe picture.pointee.color_range = AVCOL_RANGE_MPEG
        unsafe picture.pointee.chroma_location = AVCHROMA_LOC_LEFT
        try ffmpeg.check(unsafe ffmpeg.call.av_frame_get_buffer(picture, 0), "av_frame_get_buffer")
    }

    deinit {
        unsafe ffmpeg.call.av_frame_free(&picture)
        unsafe ffmpeg.call.av_packet_free(&packet)
    }

    /// Writes what a muxer needs to know into `parameters`.
    @unsafe func describe(into parameters: UnsafeMutablePointer<AVCodecParameters>) throws(MediaError) {
        let status = unsafe ffmpeg.call.avcodec_parameters_from_context(parameters, opened.context)
        try ffmpeg.check(status, "avcodec_parameters_from_context")
    }

    var timeBase: AVRational { unsafe opened.context.pointee.time_base }

    /// Sends a frame, or the end of the clip, and hands over each packet that is ready; the packet lives for the call.
    @unsafe func encode(
        _ frame: Frame?, _ body: (UnsafeMutablePointer<AVPacket>) throws(MediaError) -> Void
    ) throws(MediaError) {
        guard let packet = unsafe packet, let picture = unsafe picture else { return }
        if let frame {
            try ffmpeg.check(unsafe ffmpeg.call.av_frame_make_writable(picture), "av_frame_make_writable")
            unsafe converter.convert(
                size.padded(frame), width: size.codedWidth, height: size.codedHeight, into: picture)
            unsafe picture.pointee.pts = Int64(frames)
            frames += 1
        }
        let end: UnsafeMutablePointer<AVFrame>? = nil
        let status = unsafe ffmpeg.call.avcodec_send_frame(opened.context, frame == nil ? end : picture)
        try ffmpeg.check(status, "avcodec_send_frame")
        while true {
            let status = unsafe ffmpeg.call.avcodec_receive_packet(opened.context, packet)
            if status == cff_error_again() || status == cff_error_end_of_file() { return }
            try ffmpeg.check(status, "avcodec_receive_packet")
            // Encoders leave it out; without it the last frame would last no time.
            unsafe packet.pointee.duration = 1
            try unsafe body(packet)
        }
    }
}
