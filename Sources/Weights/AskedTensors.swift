/// The tensors that a network reads, under the model's own names, whatever its files call them.
package final class AskedTensors {
    package internal(set) var shapes: [String: [Int]] = [:]

    package init() {}
}
