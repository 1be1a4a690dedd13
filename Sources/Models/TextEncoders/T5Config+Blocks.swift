extension T5Config {
    /// Numbers of one block in a backend's memory.
    package var blockParameters: Int { 4 * dModel * inner + 3 * dModel * dFf + 2 * dModel }
}
