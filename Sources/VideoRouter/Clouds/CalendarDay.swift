/// A day: "2026-11-17".
package struct CalendarDay: Sendable, Hashable, Comparable, LosslessStringConvertible {
    /// Since 1970.
    package let days: Int
    package let description: String

    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard text.utf8.count == 10, parts.count == 3, let year = Int(parts[0]), (1970...9999).contains(year),
            let month = Int(parts[1]), (1...12).contains(month), let day = Int(parts[2]),
            (1...HTTPDate.length(year, month)).contains(day)
        else { return nil }
        days = HTTPDate.days(year, month - 1, day)
        description = text
    }

    /// nil before 1970 and after 9999.
    package init?(days: Int) {
        guard days >= 0, days <= HTTPDate.days(9999, 11, 31) else { return nil }
        // Never too late a year: none has more days.
        var year = 1970 + days / 366
        while HTTPDate.days(year + 1, 0, 1) <= days { year += 1 }
        var rest = days - HTTPDate.days(year, 0, 1)
        var month = 1
        while rest >= HTTPDate.length(year, month) {
            rest -= HTTPDate.length(year, month)
            month += 1
        }
        let padded = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
        self.init("\(year)-\(padded(month))-\(padded(rest + 1))")
    }

    package static func < (left: CalendarDay, right: CalendarDay) -> Bool { left.days < right.days }

    package static func days(at secondsSince1970: Double) -> Int { Int((secondsSince1970 / 86_400).rounded(.down)) }
}
