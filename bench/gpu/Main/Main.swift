import GPUBench

@main
enum Main {
    static func main() { runBenchmark() }
}
