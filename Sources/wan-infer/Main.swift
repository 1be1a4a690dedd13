@main
enum Main {
    static func main() {
        print("wan-infer")
    }
}
