import CFFmpeg

/// Packets into one MP4 with its index in front.
@safe final class MP4Muxer {
    private let ffmpeg: FFmpeg
    private var context: UnsafeMutablePointer<AVFormatContext>?
    private var stream: UnsafeMutablePointer<AVStream>?
    private var encoderTimeBase = AVRational()

    init(
        _ ffmpeg: FFmpeg, path: String, encoder: FrameEncoder, framesPerSecond: Int, metadata: ClipMetadata?
    ) throws(MediaError) {
        self.ffmpeg = ffmpeg
        // The prefix keeps FFmpeg from reading "name:" in a path as a protocol.
        let url = "file:" + path
        let status = unsafe ffmpeg.call.avformat_alloc_output_context2(&context, nil, "mp4", url)
        try ffmpeg.check(status, "avformat_alloc_output_context2")
        guard let context = unsafe context else { return }
        let stream = try unsafe ffmpeg.allocated(ffmpeg.call.avformat_new_stream(context, nil), "avformat_new_stream")
        unsafe self.stream = unsafe stream
        encoderTimeBase = encoder.timeBase
        unsafe stream.pointee.time_base = encoderTimeBase
        unsafe stream.pointee.avg_frame_rate = AVRational(num: Int32(framesPerSecond), den: 1)
        try unsafe encoder.describe(into: stream.pointee.codecpar)
        for (key, value) in metadata?.entries ?? [] {
            try ffmpeg.check(unsafe ffmpeg.call.av_dict_set(&context.pointee.metadata, key, value, 0), "av_dict_set")
        }
        try ffmpeg.check(unsafe ffmpeg.call.avio_open(&context.pointee.pb, url, AVIO_FLAG_WRITE), "avio_open")
        var options: OpaquePointer?
        unsafe _ = ffmpeg.call.av_dict_set(&options, "movflags", "+faststart", 0)
        defer { unsafe ffmpeg.call.av_dict_free(&options) }
        try ffmpeg.check(unsafe ffmpeg.call.avformat_write_header(context, &options), "avformat_write_header")
    }

    deinit {
        guard let context = unsafe context else { return }
        unsafe _ = ffmpeg.call.avio_closep(&context.pointee.pb)
        unsafe ffmpeg.call.avformat_free_context(context)
    }

    /// Takes over what the packet refers to.
    @unsafe func write(_ packet: UnsafeMutablePointer<AVPacket>) throws(MediaError) {
        guard let context = unsafe context, let stream = unsafe stream else { return }
        unsafe ffmpeg.call.av_packet_rescale_ts(packet, encoderTimeBase, stream.pointee.time_base)
        unsafe packet.pointee.stream_index = 0
        let status = unsafe ffmpeg.call.av_interleaved_write_frame(context, packet)
        try ffmpeg.check(status, "av_interleaved_write_frame")
        try checkOutput()
    }

    func finish() throws(MediaError) {
        guard let context = unsafe context else { return }
        try ffmpeg.check(unsafe ffmpeg.call.av_write_trailer(context), "av_write_trailer")
        unsafe ffmpeg.call.avio_flush(context.pointee.pb)
        try checkOutput()
        try ffmpeg.check(unsafe ffmpeg.call.avio_closep(&context.pointee.pb), "avio_closep")
    }

    /// A buffered write that failed is only noted in the output context.
    private func checkOutput() throws(MediaError) {
        guard let output = unsafe context?.pointee.pb else { return }
        try ffmpeg.check(unsafe output.pointee.error, "write")
    }
}
