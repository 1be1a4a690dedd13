import FoundationEssentials

/// Values as the journal keeps them.
enum StoredJSON {
    private static let infinity = "inf"
    private static let negativeInfinity = "-inf"
    private static let notANumber = "nan"

    static func encode(_ value: some Encodable) throws(StoreError) -> String {
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: infinity, negativeInfinity: negativeInfinity, nan: notANumber)
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw .damaged("a value cannot be written: \(type(of: value))")
        }
    }

    static func decode<T: Decodable>(_ type: T.Type, _ text: String) throws(StoreError) -> T {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: infinity, negativeInfinity: negativeInfinity, nan: notANumber)
        do {
            return try decoder.decode(type, from: Data(text.utf8))
        } catch {
            throw .damaged("no \(type) where one should be")
        }
    }
}
