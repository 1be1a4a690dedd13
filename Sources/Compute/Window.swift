/// What a convolution sees of its input, axis by axis.
package struct Window: Hashable, Sendable {
    package let time: Axis
    package let height: Axis
    package let width: Axis

    package init(time: Axis, height: Axis, width: Axis) {
        self.time = time
        self.height = height
        self.width = width
    }

    /// The past alone in time, and as much on both sides of height and width: the result has the input's extent.
    package static func causal(_ kernel: [Int]) -> Window {
        func around(_ extent: Int) -> Axis { Axis(before: (extent - 1) / 2, after: extent / 2) }
        return Window(time: Axis(before: kernel[0] - 1), height: around(kernel[1]), width: around(kernel[2]))
    }

    package struct Axis: Hashable, Sendable {
        /// From a place of the result to the next, in places of the input.
        package let stride: Int
        /// From a place under the kernel to the next, in places of the input.
        package let dilation: Int
        /// Places before the first of the input: in time frames of the history, else zeros.
        package let before: Int
        /// Zeros behind the last place of the input; in time there are none.
        package let after: Int

        package init(stride: Int = 1, dilation: Int = 1, before: Int = 0, after: Int = 0) {
            self.stride = stride
            self.dilation = dilation
            self.before = before
            self.after = after
        }

        /// Places of the result on `places` of the input under a kernel of this extent; 0 where it does not fit.
        package func results(of places: Int, kernel: Int) -> Int {
            let seen = before + places + after - (kernel - 1) * dilation
            return seen > 0 ? (seen - 1) / stride + 1 : 0
        }
    }

    var axes: [Axis] { [time, height, width] }

    /// Frames, height and width of a convolution's result on input of this extent.
    package func extent(of input: [Int], kernel: [Int]) -> [Int] {
        zip(axes, zip(input, kernel)).map { axis, sizes in axis.results(of: sizes.0, kernel: sizes.1) }
    }
}
