import TestTools
import Testing
import VideoProvider
import VideoTypes

/// When the clip in the making will be ready, in the library and in the service.
@Suite(.bounded) struct ClipProgressTests {
    private static let expected = ClipTime(
        p50: 20, p90: 30, stageSeconds: [.load: 2, .text: 1, .denoise: 12, .decode: 5])

    private func rest(_ reports: [(VideoProgress.Stage, Int, Int, Double)], at now: Double) -> TimeSpan {
        var clip = ClipProgress(now: 0)
        for (stage, completed, total, time) in reports {
            clip.report(VideoProgress(stage: stage, completed: completed, total: total), now: time)
        }
        return clip.rest(of: Self.expected, at: now)
    }

    @Test func `before the first word the model of time is all there is`() {
        #expect(rest([], at: 0) == TimeSpan(p50: 20, p90: 30))
        #expect(rest([], at: 5).p50 == 15)
        #expect(rest([], at: 500).p50 == 0.4)
    }

    @Test func `stages that are over no longer count`() {
        #expect(rest([(.denoise, 0, 10, 3)], at: 3).p50 == 17)
        #expect(rest([(.denoise, 0, 10, 3)], at: 4).p50 == 16)
        #expect(rest([(.decode, 0, 5, 9)], at: 9).p50 == 5)
    }

    @Test func `after two steps the clip's own pace counts`() {
        let slow: [(VideoProgress.Stage, Int, Int, Double)] = [(.denoise, 0, 10, 0), (.denoise, 2, 10, 8)]
        #expect(rest(slow, at: 8).p50 == 8 * 4 + 5)
        #expect(rest(slow, at: 10).p50 == 8 * 4 - 2 + 5)
        // However long nothing is heard, it is one step that takes so long.
        #expect(rest(slow, at: 100).p50 == 7 * 4 + 5)
    }

    @Test func `a clip that goes on in the middle is paced by what it did itself`() {
        let resumed: [(VideoProgress.Stage, Int, Int, Double)] = [(.denoise, 6, 10, 1), (.denoise, 8, 10, 3)]
        #expect(rest(resumed, at: 3).p50 == 2 + 5)
        #expect(rest([(.denoise, 5, 10, 1)], at: 1).p50 == 6 + 5)
    }

    @Test func `reports that make no sense give no nonsense`() {
        let odd: [(VideoProgress.Stage, Int, Int, Double)] = [(.denoise, 0, 0, 1), (.denoise, 50, 10, 1)]
        let rest = rest(odd, at: 1)
        #expect(rest.p50.isFinite && rest.p50 >= 0 && rest.p90 >= rest.p50)
    }

    @Test func `a time limit is one that nine clips in ten keep`() {
        let estimate = TimeEstimate(TimeSpan(p50: 3, p90: 6), behind: TimeSpan(p50: 10, p90: 14))
        #expect(estimate == TimeEstimate(queueSeconds: 10, p50: 13, p90: 18))
        #expect(estimate.isWithin(18) && !estimate.isWithin(17.9))
    }
}
