/// The service with an engine that pretends.
@main
enum FakeService {
    static func main() {}
}
