extension KeyedDecodingContainer {
    /// The value of a field; `otherwise` where it is left out or null.
    package func callAsFunction<Value: Decodable>(_ key: Key, _ otherwise: Value) throws -> Value {
        try decodeIfPresent(Value.self, forKey: key) ?? otherwise
    }
}
