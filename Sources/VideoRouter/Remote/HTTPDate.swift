/// A date as HTTP writes it: "Sun, 06 Nov 1994 08:49:37 GMT".
enum HTTPDate {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Seconds since 1970; nil for what is no such date.
    static func seconds(_ text: String) -> Int? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let month = months.firstIndex(of: String(words[2])),
            let day = Int(words[1]), (1...31).contains(day), let year = Int(words[3]), (1970...9999).contains(year)
        else { return nil }
        let time = words[4].split(separator: ":").map { Int($0) ?? -1 }
        guard time.count == 3, (0...23).contains(time[0]), (0...59).contains(time[1]), (0...60).contains(time[2]) else {
            return nil
        }
        return days(year, month, day) * 86_400 + time[0] * 3600 + time[1] * 60 + time[2]
    }

    /// Of a date as APIs write it: "2026-11-30T16:16:00.000Z"; fractions are cut.
    static func internetSeconds(_ text: String) -> Double? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[10] == UInt8(ascii: "T"), bytes.last == UInt8(ascii: "Z"),
            let day = CalendarDay(String(text.prefix(10)))
        else { return nil }
        let time = text.dropFirst(11).prefix(8).split(separator: ":").map { Int($0) ?? -1 }
        guard time.count == 3, (0...23).contains(time[0]), (0...59).contains(time[1]), (0...60).contains(time[2]) else {
            return nil
        }
        return Double(day.days * 86_400 + time[0] * 3600 + time[1] * 60 + time[2])
    }

    /// Since 1970, counted from March so that the leap day comes last.
    static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = (month + 10) % 12
        let years = month < 2 ? year - 1 : year
        return 365 * years + years / 4 - years / 100 + years / 400 + (shifted * 306 + 5) / 10 + day - 1 - 719_468
    }

    /// Days of a month, which counts from 1.
    static func length(_ year: Int, _ month: Int) -> Int {
        let isLeap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0
        return month == 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
    }
}
