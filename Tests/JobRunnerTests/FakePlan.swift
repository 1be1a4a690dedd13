import VideoTypes

@testable import JobStore
@testable import fake_service

/// Plans of the clips that the tests order.
enum FakePlan {
    static func order(seed: UInt64, steps: Int = 4) -> JobOrder {
        FakeOrder.order(FakeOrder.settings(seed: seed, steps: steps))
    }

    static func plan(seed: UInt64, steps: Int = 4) -> ClipPlan {
        FakeOrder.plan(FakeOrder.settings(seed: seed, steps: steps))
    }
}
