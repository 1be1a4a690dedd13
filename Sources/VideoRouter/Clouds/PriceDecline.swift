import Glibc

/// How prices of APIs fall from year to year.
package struct PriceDecline: Sendable, Hashable {
    /// Part of a price that is gone after a year: 0.8 where a fifth is left, negative where it has grown.
    package let perYear: Double
    /// What it was fitted to; nil where somebody stated it.
    package let fit: Fit?

    package struct Fit: Sendable, Hashable {
        /// Prices of the same thing at two days or more.
        package let series: Int
        package let points: Int
        package let first: CalendarDay
        package let last: CalendarDay
    }

    private static let daysPerYear = 365.25

    /// - Parameter perYear: less than 1; nil for what is none.
    package init?(stated perYear: Double) {
        guard perYear.isFinite, perYear < 1 else { return nil }
        self.perYear = perYear
        fit = nil
    }

    /// By least squares: one slope of the logarithms for all, a height for each thing that has prices of several days.
    ///
    /// nil where nothing has.
    package init?(fitting list: PriceList) {
        let series = list.series.filter { Set($0.map(\.day.days)).count > 1 }
        var (products, squares) = (0.0, 0.0)
        for points in series {
            let years = points.map { Double($0.day.days) / Self.daysPerYear }
            let heights = points.map { log($0.dollars) }
            let count = Double(points.count)
            let (meanYear, meanHeight) = (years.reduce(0, +) / count, heights.reduce(0, +) / count)
            for (year, height) in zip(years, heights) {
                products += (year - meanYear) * (height - meanHeight)
                squares += (year - meanYear) * (year - meanYear)
            }
        }
        let days = series.joined().map(\.day).sorted()
        let left = exp(products / squares)
        guard squares > 0, left > 0, left.isFinite, let first = days.first, let last = days.last else { return nil }
        perYear = 1 - left
        fit = Fit(series: series.count, points: days.count, first: first, last: last)
    }

    /// What costs so much now, after so many years.
    package func dollars(_ now: Double, after years: Double) -> Double { now * pow(1 - perYear, years) }

    /// The first day on which what costs `now` today costs no more than `goal`; nil where none is in the calendar.
    package func day(from today: CalendarDay, now: Double, to goal: Double) -> CalendarDay? {
        guard now > 0, goal > 0 else { return nil }
        guard now > goal else { return today }
        guard perYear > 0 else { return nil }
        let days = (log(goal / now) / log(1 - perYear) * Self.daysPerYear).rounded(.up)
        guard days < 4e6 else { return nil }
        return CalendarDay(days: today.days + Int(days))
    }
}

extension PriceList {
    /// What the same thing cost at several days, today's price among them.
    fileprivate var series: [[(day: CalendarDay, dollars: Double)]] {
        entries.sorted { ($0.key.cloud, $0.key.model) < ($1.key.cloud, $1.key.model) }.flatMap { _, entry in
            entry.rates.map { rate in
                let past = entry.past.filter {
                    $0.rate.resolution == rate.resolution && $0.rate.sound == rate.sound
                        && $0.rate.seconds == rate.seconds
                }
                return ([(entry.day, rate.dollars)] + past.map { ($0.day, $0.rate.dollars) }).filter { $0.1 > 0 }
            }
        }
    }
}
