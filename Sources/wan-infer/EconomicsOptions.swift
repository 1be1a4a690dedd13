import VideoProvider
import VideoTypes

extension CommandOption {
    /// What `economics` is told of money.
    static let economics = [
        money("throughput", "X", "seconds of video that a machine makes in a minute (as learned)"),
        money("volume", "X", "seconds of video that are wanted in a month (10000)"),
        money("hardware-dollars", "X", "what a machine of one's own costs once"),
        money("hardware-months", "X", "over how many months it is paid off (36)"),
        money("electricity-dollars", "X", "what its electricity costs in a month (by watts)"),
        money("operations-dollars", "X", "what people and network cost in a month"),
        money("decline", "X", "percent by which APIs get cheaper in a year (fitted to prices)"),
        money("prices", "FILE.json", "prices of yours, in the place of those of this program"),
        money("svg", "FILE.svg", "also draw it"),
    ]

    private static func money(_ name: String, _ value: String, _ summary: String) -> CommandOption {
        CommandOption(name: name, value: value, summary: summary, group: .money, commands: [.economics])
    }
}

/// The same as values.
struct EconomicsOptions {
    /// Seconds of video a minute; nil for what is known of this machine.
    let throughput: Double?
    /// Seconds of video a month.
    let volume: Double
    /// For an hour of work.
    let rentDollars: Double
    let hardwareDollars: Double
    let hardwareMonths: Double
    /// A month, for each machine; nil where its watts count.
    let electricityDollars: Double?
    let operationsDollars: Double
    let apiDollarsPerSecond: Double?
    /// Part of a price that is gone after a year; nil where that is fitted.
    let decline: Double?

    init(_ values: OptionValues) throws(VideoError) {
        let dollars = 0...1e9
        throughput = try values.amount(
            "throughput", in: 1e-6...1e6, hint: "seconds of video in a minute; leave it out for what was measured here")
        volume = try values.amount("volume", in: 0...1e12, hint: "seconds of video in a month") ?? 10_000
        rentDollars = try values.dollars("gpu-dollars-per-hour") ?? 0
        hardwareDollars = try values.amount("hardware-dollars", in: dollars, hint: "the price of one machine") ?? 0
        hardwareMonths =
            try values.amount("hardware-months", in: 1...1200, hint: "months over which a machine is paid off") ?? 36
        electricityDollars = try values.amount(
            "electricity-dollars", in: dollars, hint: "dollars in a month; leave it out to count watts")
        operationsDollars =
            try values.amount("operations-dollars", in: dollars, hint: "dollars in a month for people and network") ?? 0
        apiDollarsPerSecond = try values.dollars("api-dollars-per-second")
        decline = try values.amount(
            "decline", in: 0...99.9, hint: "percent in a year; leave it out to fit it to the list of prices"
        ).map { $0 / 100 }
    }

    /// What is counted by its watts: nobody pays the electricity of a rented machine besides its rent.
    var countsWatts: Bool { electricityDollars == nil && rentDollars == 0 }

    /// - Parameters:
    ///   - busySeconds: for which a second of video keeps the machine busy.
    ///   - backend: "cpu", "cuda:0", …
    func costs(busySeconds: Double, backend: String) -> MonthlyCosts {
        let economics =
            countsWatts
            ? Economics(gpuDollarsPerHour: rentDollars)
            : Economics(dollarsPerKilowattHour: 0, gpuDollarsPerHour: rentDollars)
        return MonthlyCosts(
            operationsDollars: operationsDollars,
            machineDollars: hardwareDollars / hardwareMonths + (electricityDollars ?? 0),
            videoSecondDollars: economics.cost(seconds: busySeconds, joules: nil, backend: backend).amortisedDollars,
            busySeconds: busySeconds)
    }
}

extension OptionValues {
    fileprivate func amount(
        _ name: String, in range: ClosedRange<Double>, hint: Wording
    ) throws(VideoError) -> Double? {
        guard let value = try number(name) else { return nil }
        // A NaN is in no range.
        guard range.contains(value) else {
            throw .invalid(
                "--\(name) must be between \(range.lowerBound) and \(range.upperBound), got \(value)", hint: hint)
        }
        return value
    }
}
