package import VideoProvider
package import VideoTypes

/// What passes between the service and its worker: one JSON value on a line.
package enum WorkerMessage: Sendable, Hashable, Codable {
    /// The worker's first word: its engine is open.
    case hello(EngineFacts)
    /// The worker's last word where its engine could not be opened.
    case unusable(VideoError)
    case run(WorkOrder)
    /// Stop this one after the step in hand.
    case cancel(WorkTag)
    case progress(WorkTag, VideoProgress)
    /// A sketch of the clip in the making: PNG in Base64.
    case sketch(WorkTag, String)
    case finished(WorkTag, ClipReport)
    case failed(WorkTag, VideoError)
    case shutdown
}

/// Which attempt at which job a message speaks of.
package struct WorkTag: Sendable, Hashable, Codable {
    package let job: String
    package let attempt: Int

    package init(job: String, attempt: Int) {
        self.job = job
        self.attempt = attempt
    }
}

/// What a worker needs to make one clip.
package struct WorkOrder: Sendable, Hashable, Codable {
    package let tag: WorkTag
    package let settings: VideoSettings
    /// Those that the settings name, in their order.
    package let pictures: [Picture]
    /// Where the clip goes; the service gives it its final name.
    package let path: String
    package let checkpoint: CheckpointPlace?

    /// A file that the service keeps.
    package struct Picture: Sendable, Hashable, Codable {
        package let role: PictureRole
        package let path: String

        package init(role: PictureRole, path: String) {
            self.role = role
            self.path = path
        }
    }

    package init(
        tag: WorkTag, settings: VideoSettings, pictures: [Picture] = [], path: String, checkpoint: CheckpointPlace?
    ) {
        self.tag = tag
        self.settings = settings
        self.pictures = pictures
        self.path = path
        self.checkpoint = checkpoint
    }
}
