import Sampling
import VideoTypes

extension Guidance {
    static func isNeeded(_ settings: VideoSettings) -> Bool {
        isNeeded(Float(settings.sampling.guidance(ofExpert: 0)))
    }
}
