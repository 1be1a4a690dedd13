import JobStore
import VideoTypes

/// What a client is told of a job that failed: fixed texts, since the engine's own may name paths of this machine.
enum FailureText {
    static func message(_ error: VideoError) -> String {
        switch error.code.name {
        case "cancelled": "the job was cancelled"
        case "invalid_request": "the engine refused the request"
        case "out_of_memory": "the clip does not fit into the memory of this machine"
        case "device_lost", "device_unavailable", "device_not_found": "the device that computes has failed"
        case "worker_crashed": "the engine broke off each time the clip was tried"
        case "output_lost": APIError.outputLost.message
        case "disk_full": "the disk of this machine is full"
        case "media_failed", "output_failed": "the clip could not be written"
        case "not_finite": "the model computed numbers that are not finite"
        case "weights_invalid", "model_not_found": "the model cannot be used"
        case "content_policy_violation": "the content was refused"
        case "budget_exceeded": "no provider could make the clip for the money that was left"
        case "deadline_exceeded": "no provider could make the clip in time"
        case "no_provider_available": "the providers are down, busy or failing"
        default: "the engine failed; the log of the service says why"
        }
    }

    /// What is wrong with a job or with what it made; null where nothing is.
    static func json(of job: Job) -> JSONText {
        if let error = job.error { return json(error.code.name, message(error)) }
        return job.isFileGone ? json(APIError.expired.code, APIError.expired.message) : .null
    }

    private static func json(_ code: String, _ message: String) -> JSONText {
        .object([("code", .string(code)), ("message", .string(message))])
    }
}
