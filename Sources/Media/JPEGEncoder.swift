import CFFmpeg
import VideoTypes

/// A frame as the bytes of a JPEG file.
enum JPEGEncoder {
    /// - Parameter scale: FFmpeg's, from 1, the best, to 31.
    static func encode(_ frame: Frame, _ ffmpeg: FFmpeg, scale: Int32 = 3) throws(MediaError) -> [UInt8] {
        guard let codec = unsafe ffmpeg.call.avcodec_find_encoder_by_name("mjpeg") else {
            throw .noEncoder(tried: ["mjpeg"])
        }
        let context = try unsafe ffmpeg.allocated(
            ffmpeg.call.avcodec_alloc_context3(codec), "avcodec_alloc_context3")
        var contextToFree = unsafe Optional(context)
        defer { unsafe ffmpeg.call.avcodec_free_context(&contextToFree) }
        unsafe context.pointee.width = Int32(frame.width)
        unsafe context.pointee.height = Int32(frame.height)
        unsafe context.pointee.pix_fmt = AV_PIX_FMT_YUV420P
        unsafe context.pointee.color_range = AVCOL_RANGE_JPEG
        unsafe context.pointee.time_base = AVRational(num: 1, den: 1)
        unsafe context.pointee.flags |= AV_CODEC_FLAG_QSCALE
        unsafe context.pointee.global_quality = cff_quality(scale)
        unsafe context.pointee.thread_count = 1
        try ffmpeg.check(unsafe ffmpeg.call.avcodec_open2(context, codec, nil), "avcodec_open2")
        var picture = try unsafe Optional(self.picture(of: frame, ffmpeg, scale))
        defer { unsafe ffmpeg.call.av_frame_free(&picture) }
        try ffmpeg.check(unsafe ffmpeg.call.avcodec_send_frame(context, picture), "avcodec_send_frame")
        var packet = try unsafe Optional(ffmpeg.allocated(ffmpeg.call.av_packet_alloc(), "av_packet_alloc"))
        defer { unsafe ffmpeg.call.av_packet_free(&packet) }
        try ffmpeg.check(unsafe ffmpeg.call.avcodec_receive_packet(context, packet), "avcodec_receive_packet")
        guard let packet = unsafe packet else { return [] }
        return unsafe Array(UnsafeBufferPointer(start: packet.pointee.data, count: Int(packet.pointee.size)))
    }

    private static func picture(
        of frame: Frame, _ ffmpeg: FFmpeg, _ scale: Int32
    ) throws(MediaError) -> UnsafeMutablePointer<AVFrame> {
        let converter = try ColourConverter(ffmpeg, width: frame.width, height: frame.height, .fromRGBToJPEG)
        let picture = try unsafe ffmpeg.allocated(ffmpeg.call.av_frame_alloc(), "av_frame_alloc")
        unsafe picture.pointee.width = Int32(frame.width)
        unsafe picture.pointee.height = Int32(frame.height)
        unsafe picture.pointee.format = AV_PIX_FMT_YUV420P.rawValue
        unsafe picture.pointee.color_range = AVCOL_RANGE_JPEG
        unsafe picture.pointee.quality = cff_quality(scale)
        do throws(MediaError) {
            try ffmpeg.check(unsafe ffmpeg.call.av_frame_get_buffer(picture, 0), "av_frame_get_buffer")
        } catch {
            var unused = unsafe Optional(picture)
            unsafe ffmpeg.call.av_frame_free(&unused)
            throw error
        }
        unsafe converter.convert(frame.pixels, width: frame.width, height: frame.height, into: picture)
        return unsafe picture
    }
}
