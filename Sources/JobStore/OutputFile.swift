/// A finished clip that is open for reading; whoever got it closes it.
package struct OutputFile: Sendable, Hashable {
    package let descriptor: Int32
    package let byteCount: Int
}
