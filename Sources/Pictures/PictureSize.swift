package import VideoTypes

/// The size of a clip that begins with a picture.
package struct PictureSize: Sendable, Equatable {
    package let width: Int
    package let height: Int

    /// Shaped as the picture, about as many pixels as `area`, both sides multiples of `multiple`: Wan's rule.
    package init(shapedAs frame: Frame, area: Int, multiple: Int) {
        let aspect = Double(frame.height) / Double(frame.width)
        func side(_ length: Double) -> Int {
            max(1, Int(length.rounded(.toNearestOrEven)) / multiple) * multiple
        }
        height = side((Double(area) * aspect).squareRoot())
        width = side((Double(area) / aspect).squareRoot())
    }
}
