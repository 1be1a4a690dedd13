/// Which bytes of a file answer a request (RFC 9110, sections 13 and 14).
enum FileSelection: Equatable {
    case whole
    case part(ClosedRange<Int>)
    case unsatisfiable
    /// The client has it already.
    case notModified

    init(method: String, headers: HTTPHeaders, byteCount: Int, entityTag: String) {
        let isRead = method == "GET" || method == "HEAD"
        if isRead, let known = headers["If-None-Match"], Self.isListed(entityTag, in: known) {
            self = .notModified
        } else if method == "GET", let range = headers["Range"], Self.allowsRange(headers["If-Range"], entityTag) {
            self = Self.selected(range, byteCount: byteCount)
        } else {
            self = .whole
        }
    }

    /// Only the same strong tag; a date is never the same, for files have none here.
    private static func allowsRange(_ condition: String?, _ entityTag: String) -> Bool {
        guard let condition else { return true }
        return condition == "\"\(entityTag)\""
    }

    private static func isListed(_ entityTag: String, in list: String) -> Bool {
        list.split(separator: ",").contains { item in
            let item = item.trimmed
            let strong = item.hasPrefix("W/") ? item.dropFirst(2) : item
            return item == "*" || strong == "\"\(entityTag)\""
        }
    }

    /// What is malformed, in other units or more than one range gets the whole file, as if nothing had been asked.
    private static func selected(_ text: String, byteCount: Int) -> FileSelection {
        let unit = "bytes="
        guard text.lowercased().hasPrefix(unit) else { return .whole }
        let ends = text.dropFirst(unit.count).trimmed.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return .whole }
        if ends[0].isEmpty {
            guard let count = number(ends[1]) else { return .whole }
            guard count > 0, byteCount > 0 else { return .unsatisfiable }
            return .part(max(0, byteCount - count)...byteCount - 1)
        }
        guard let first = number(ends[0]) else { return .whole }
        guard let last = ends[1].isEmpty ? Int.max : number(ends[1]), first <= last else { return .whole }
        guard first < byteCount else { return .unsatisfiable }
        return .part(first...min(last, byteCount - 1))
    }

    /// A number too large for an Int is as good as the largest one.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else { return nil }
        return Int(text) ?? .max
    }
}

extension Substring {
    /// Without the blanks and tabs around it.
    fileprivate var trimmed: Substring {
        let start = drop { $0 == " " || $0 == "\t" }
        return start.prefix(start.reversed().drop { $0 == " " || $0 == "\t" }.count)
    }
}
