/// A size with the same proportions that fits into a square; never larger than it was.
struct FittedSize: Equatable {
    let width: Int
    let height: Int

    init(width: Int, height: Int, side: Int) {
        let longest = max(width, height, 1)
        guard longest > side else {
            self.width = width
            self.height = height
            return
        }
        self.width = max(1, (width * side + longest / 2) / longest)
        self.height = max(1, (height * side + longest / 2) / longest)
    }
}
