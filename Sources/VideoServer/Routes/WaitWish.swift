import StrictJSON

/// What a client says in `Prefer: wait=N`.
enum WaitWish {
    static let longest = 60

    /// Seconds to wait, nil for none.
    ///
    /// What is not understood is passed over, as RFC 7240 has it.
    static func seconds(_ header: String?) -> Int? {
        for wish in (header ?? "").split(separator: ",") {
            let parts = wish.split(separator: "=", maxSplits: 1).map {
                $0.filter { $0 != " " && $0 != "\"" }.lowercased()
            }
            guard parts.first == "wait" else { continue }
            guard parts.count == 2 else { return longest }
            guard JSONNumber.isInteger(parts[1]), let seconds = Int(parts[1]), seconds >= 0 else { continue }
            return min(seconds, longest)
        }
        return nil
    }
}
