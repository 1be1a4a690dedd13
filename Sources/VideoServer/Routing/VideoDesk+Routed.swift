import JobRunner
import JobStore
import Threads
import VideoProvider
import VideoRouter
import VideoTypes

// Orders for a router.
extension VideoDesk {
    /// - Parameter routed: that has the clips made.
    func quote(_ request: CreateRequest, by routed: RoutedService, owner: String?) throws(APIError) -> Quote {
        if let webhook = request.webhook { _ = try webhooks.admit(webhook) }
        var video = request.video
        if let former = video.continues {
            // The book knows everybody's clips: nobody goes on from somebody else's.
            guard let id = JobID(former), (try? job(id, owner: owner)) != nil else {
                throw .invalid("continues", "needs a clip of yours: no finished clip of a request '\(former.clipped)'")
            }
        }
        video.referenceImages = try ReferencePicture.images(of: request)
        // A clip that is being made is charged whoever waits: nobody else's request has this id.
        let options = try options(for: request.model, routed)
        let wanted = video
        let result = AwaitedValue.of { () async -> Result<[ProviderFinding], RouterError> in
            do throws(RouterError) {
                return .success(try await routed.fleet.router.explain(wanted, options: options))
            } catch {
                return .failure(error)
            }
        }
        let findings: [ProviderFinding]
        do throws(RouterError) {
            findings = try result.get()
        } catch {
            throw APIError(
                400, error.code.rawValue, error.message, parameter: error.parameter.map(RoutedText.parameter))
        }
        let work = Quote.Routed(request: video, options: options, findings: findings)
        return Quote(work: .routed(work), estimate: work.best?.estimate, pictures: video.referenceImages)
    }

    /// A provider, a model of theirs, or the router's own choice.
    private func options(for model: String?, _ routed: RoutedService) throws(APIError) -> RoutingOptions {
        var options = RoutingOptions(allowsPromise: false)
        guard let model, model != modelName, !routed.alsoCalled.contains(model) else { return options }
        if routed.fleet.providers.contains(where: { $0.name == model }) {
            options.provider = model
        } else if routed.fleet.clouds.contains(where: { $0.offer.model == model }) {
            options.model = model
        } else {
            throw APIError(
                404, "model_not_found",
                "there is no model '\(model.clipped)' here; leave it out for the best one, or see /v1/models",
                parameter: "model")
        }
        return options
    }

    /// Refuses what nobody makes, whatever the hour; what nobody can make now waits for its turn.
    func checkLimits(_ routed: Quote.Routed) throws(APIError) {
        guard let error = RouterError.lasting(routed.findings) else { return }
        let reasons = RoutedText.reasons(routed.findings.wanted(routed.options))
        throw APIError(
            400, error.code.rawValue, ([error.message] + reasons).joined(separator: ". "),
            parameter: error.parameter.map(RoutedText.parameter))
    }
}
