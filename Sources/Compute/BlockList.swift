/// Which keys the queries of an attention see: for each head and each block of queries some blocks of keys.
///
/// In the layout its backend wants.
package struct BlockList {
    /// Rows of a block of queries, and of a block of keys; the last ones may have fewer.
    package static let queries = 128
    package static let keys = 64

    package let storage: any Storage
    package let heads: Int
    /// Rows that the lists are for.
    package let queries: Int
    package let keys: Int
    /// How many blocks of keys are seen, all heads and blocks of queries together.
    package let count: Int

    /// - Parameter lists: for each head and block of queries the numbers of blocks of keys, ascending.
    package init(_ lists: [[[Int]]], queries: Int, keys: Int, in storage: any Storage) {
        func blocks(_ rows: Int, _ size: Int) -> Int { (rows + size - 1) / size }
        let last = blocks(keys, Self.keys)
        for (head, tiles) in lists.enumerated() {
            precondition(
                tiles.count == blocks(queries, Self.queries),
                "\(tiles.count) lists of head \(head) for \(queries) queries")
            for list in tiles {
                precondition(
                    zip(list, list.dropFirst()).allSatisfy(<) && (list.first ?? 0) >= 0 && (list.last ?? -1) < last,
                    "blocks \(list) of \(last)")
            }
        }
        self.storage = storage
        self.heads = lists.count
        self.queries = queries
        self.keys = keys
        count = lists.joined().reduce(0) { $0 + $1.count }
    }

    /// Where the list of each head and block of queries begins among all blocks, and where the last one ends; then the
    /// blocks themselves.
    package static func flattened(_ lists: [[[Int]]]) -> (starts: [Int32], blocks: [Int32]) {
        var (starts, blocks): ([Int32], [Int32]) = ([0], [])
        for list in lists.joined() {
            blocks += list.map(Int32.init)
            starts.append(Int32(blocks.count))
        }
        return (starts, blocks)
    }
}
