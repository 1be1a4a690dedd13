#if canImport(Glibc)
import Glibc
#endif

@main
enum Main {
    static func main() {
        do {
            let command = try BenchCommand(CommandLine.arguments.dropFirst())
            exit(try command.run(on: .here()) ? 0 : 1)
        } catch {
            BenchOutput.complain("gpu-bench: \(error)")
            exit(2)
        }
    }
}
