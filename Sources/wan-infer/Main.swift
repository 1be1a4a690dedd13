#if canImport(Glibc)
import Glibc
#endif

@main
enum Main {
    static func main() {
        Console.reserveDescriptors()
        Interrupt.install()
        exit(Program(output: .output, errors: .errors).run(CommandLineWords.all))
    }
}
