import TestTools
import Testing

/// The rules of the house, and for each rule a sample that breaks it.
@Suite(.bounded) struct HouseTests {
    @Test func `rooms import only what stands below them`() throws {
        let files = try SourceFile.all(["Sources"], ["swift"])
        #expect(files.count > 50)
        let found = files.flatMap(ImportRule.violations)
        report(found)
    }

    @Test func `the table of imports has no circle`() {
        var order: [String] = []
        var rest = ImportRule.table
        while let next = rest.first(where: { $0.value.allSatisfy { rest[$0] == nil } }) {
            order.append(next.key)
            rest[next.key] = nil
        }
        #expect(rest.isEmpty, "these see one another: \(rest.keys.sorted())")
        #expect(order.last == "wan-infer")
    }

    @Test func `every arrow of the package goes down a level`() throws {
        let rooms = ImportRule.rooms(inPackage: try SourceFile("Package.swift").text)
        let levels = ImportRule.levels(inPage: try SourceFile(".github/CONTRIBUTING.md").text)
        #expect(rooms.count > 20 && rooms["wan-infer"]?.contains("VideoServer") == true)
        #expect(levels["VideoTypes"] == 0 && levels["CLibrary"] == 0 && levels["wan-infer"] == 10)
        report(ImportRule.violations(rooms: rooms, levels: levels))
    }

    @Test func `an arrow that goes up, and a room without a level, are found`() {
        let package = """
            room("A"),
            room(
                "B",
                ["A", "D"]),
            .executableTarget(
                name: "wan-infer",
                dependencies: ["A", "B"]),
            room("Behind")
            """
        let rooms = ImportRule.rooms(inPackage: package)
        #expect(rooms == ["A": [], "B": ["A", "D"], "wan-infer": ["A", "B"]])
        let levels = ImportRule.levels(
            inPage: "| level | room | a | b |\n| 1 | `A` | x | y |\n| 1 | `B`, `E` | x | y |")
        #expect(levels == ["A": 1, "B": 1, "E": 1])
        #expect(
            ImportRule.violations(rooms: rooms, levels: levels) == [
                "B of level 1 sees A", "E has a level and is no room", "wan-infer has no level",
            ])
    }

    @Test func `a forbidden import is found`() {
        for line in ["import Media", "package import Media", "@testable import Media", "import struct Media.MP4Writer"]
        {
            let file = SourceFile(path: "Sources/Models/Wan/X.swift", text: "import Compute\n\(line)\n")
            #expect(ImportRule.violations(in: file) == ["Sources/Models/Wan/X.swift:2: Models may not import Media"])
        }
        let comment = SourceFile(path: "Sources/Models/X.swift", text: "// import Media\nlet text = 1\n")
        #expect(ImportRule.violations(in: comment).isEmpty)
        let stranger = SourceFile(path: "Sources/Kitchen/X.swift", text: "")
        #expect(ImportRule.violations(in: stranger).count == 1)
    }

    @Test func `a family is named in its own folders alone`() throws {
        let files = try SourceFile.all(
            ["Sources", "Tests/GoldenRuns", "Tests/TestSupport", "Tests/DecisionWalk", "bench/gpu/Program"], ["swift"])
        let families = FamilyRule.families(in: files)
        #expect(families.contains("Wan"))
        report(files.flatMap { FamilyRule.violations(in: $0, families) })
    }

    @Test func `a family out of its place is found`() {
        func found(_ path: String, _ text: String) -> Int {
            FamilyRule.violations(in: SourceFile(path: path, text: text), ["Wan", "Cog"]).count
        }
        #expect(found("Sources/VideoProvider/X.swift", "let pipeline: WanPipeline") == 1)
        #expect(found("Sources/Weights/X.swift", "let isWan = true") == 1)
        #expect(found("Sources/Pipelines/X.swift", "case \"WanPipeline\": CogModel()") == 2)
        #expect(found("Sources/Pipelines/Cog/X.swift", "WanVAEDecoder()") == 1)
        #expect(found("Sources/Models/Wan/X.swift", "WanBlock()") == 0)
        #expect(found("Sources/Pipelines/Families.swift", "WanModel()") == 0)
        #expect(found("Sources/Layers/X.swift", "let x = Wanted() // as Wan does") == 0)
        let files = ["Sources/Models/Probe.swift", "Sources/Models/Wan/A.swift", "Sources/Pipelines/Cog/B.swift"]
        #expect(FamilyRule.families(in: files.map { SourceFile(path: $0, text: "") }) == ["Wan", "Cog"])
    }

    @Test func `files, functions and lines keep their budget`() throws {
        let files =
            try SourceFile.all(["Sources", "Tests"], ["swift"])
            + SourceFile.all(["CKernels", "Sources"], ["c", "h", "cpp", "cu", "cuh"])
        let found = files.flatMap(SizeRule.violations)
        report(found)
    }

    @Test func `what is too long is found`() {
        let line = String(repeating: "x", count: 121)
        let long = String(repeating: "a\n", count: 501)
        let body = String(repeating: "        step()\n", count: 59)
        let function = "struct S {\n    private static func f() {\n\(body)    }\n}\n"
        let initializer = "struct S {\n    @unsafe init(_ x: Int) {\n\(body)    }\n}\n"
        func found(_ name: String, _ text: String) -> [String] {
            SizeRule.violations(in: SourceFile(path: name, text: text))
        }
        #expect(found("a.swift", line) == ["a.swift:1: 121 columns, the limit is 120"])
        #expect(found("a.swift", long) == ["a.swift: 501 lines, the limit is 500"])
        #expect(found("a.c", long).isEmpty)
        #expect(found("a.c", long + long) == ["a.c: 1002 lines, the limit is 800"])
        #expect(found("a.swift", function) == ["a.swift:2: a function of 61 lines, the limit is 60"])
        #expect(found("a.swift", initializer) == ["a.swift:2: a function of 61 lines, the limit is 60"])
        let wrapped = function.replacing("f() {", with: "f(\n        x: Int\n    ) throws {")
        #expect(found("a.swift", wrapped) == ["a.swift:2: a function of 63 lines, the limit is 60"])
        let requirement = "protocol P {\n    func f()\n\(body)    }\n}\n"
        #expect(found("a.swift", requirement).isEmpty)
        #expect(found("a.swift", function.replacing("        step()\n        step()\n", with: "")).isEmpty)
    }

    @Test func `memory is touched only where it belongs, and exceptions give a reason`() throws {
        let found = try SourceFile.all(["Sources"], ["swift"]).flatMap(WordRule.violations)
        report(found)
    }

    @Test func `whatever could hit a file of others is accounted for`() throws {
        let found = FileRule.found(try SourceFile.all(["Sources", "CKernels"], ["swift", "c", "h", "cpp"]))
        let listed = FileRule.listed(try SourceFile(FileRule.page).text)
        #expect(found.subtracting(listed) == [] && listed.subtracting(found) == [])
    }

    @Test func `a file that removes others is found, and a line of the page`() {
        func found(_ text: String) -> Set<String> {
            FileRule.found([SourceFile(path: "Sources/Media/X.swift", text: text)])
        }
        #expect(found("unsafe unlink(path)") == ["Media/X.swift"])
        #expect(found("let flags = O_WRONLY | O_TRUNC") == ["Media/X.swift"])
        #expect(found("// unlink(path) is not called here").isEmpty && found("let x = links(1)").isEmpty)
        #expect(
            FileRule.listed("| file | what |\n|---|---|\n| `Media/X.swift` | removes `y` | z |") == ["Media/X.swift"])
    }

    @Test func `forbidden words are found`() {
        func found(_ room: String, _ text: String) -> Int {
            WordRule.violations(in: SourceFile(path: "Sources/\(room)/X.swift", text: text)).count
        }
        #expect(found("Models", "let x = unsafe f()") == 1)
        #expect(found("Media", "let x = unsafe f()") == 0)
        #expect(found("Models", "// unsafe is not used here") == 0)
        #expect(found("Media", "try! f()") == 1)
        #expect(found("Media", "nonisolated(unsafe) var x = 1") == 1)
        #expect(found("Media", "final class C: @unchecked " + "Sendable {") == 1)
        #expect(found("Media", "// Safe: never changes.\nfinal class C: @unchecked " + "Sendable {") == 0)
        #expect(found("Media", "// TO" + "DO later") == 1)
        #expect(found("Media", "hint: \"use --device cpu\"") == 1)
        #expect(found("Media", "hint: \"run wan-infer doctor\"") == 1)
        #expect(found("wan-infer", "hint: \"use --device cpu\"") == 0)
        #expect(found("Media", "hint: \"use \\(.device, \"cpu\")\"") == 0)
    }

    @Test func `every test has a limit, and says what it needs`() throws {
        let files = try SourceFile.all(["Tests"], ["swift"]).filter { $0.target.hasSuffix("Tests") }
        #expect(files.count > 100)
        report(TestRule.unbounded(in: files))
        report(files.flatMap(TestRule.violations))
    }

    @Test func `a test without a limit is found`() {
        func found(_ text: String) -> [String] {
            TestRule.unbounded(in: [SourceFile(path: "Tests/XTests/X.swift", text: text)])
        }
        #expect(found("@Suite(.bounded) struct X {\n    @Test func f() {}\n}").isEmpty)
        #expect(found("@Suite(.bounded, .serialized)\nstruct X {\n    @Test(x)\n    func f() {}\n}").isEmpty)
        let without = found("struct X {\n    @Test func f() {}\n}")
        #expect(without == ["Tests/XTests/X.swift:2: XTests.X is not @Suite(.bounded"])
        #expect(found("@Suite(.bounded) struct X {}\nextension X {\n    @Test func f() {}\n}").isEmpty)
        #expect(found("@Suite(.bounded) struct X {}\n@Suite struct Y {\n    @Test func f() {}\n}").count == 1)
        #expect(found("@Suite(.bounded) struct X {}\n@Test func f() {}").count == 1)
    }

    @Test func `a wait without an end, and a test that leaves unsaid, are found`() {
        func found(_ line: String) -> Int {
            TestRule.violations(in: SourceFile(path: "Tests/XTests/X.swift", text: line)).count
        }
        #expect(found("whi" + "le x.isEmpty { usleep(10) }") == 1)
        #expect(found("whi" + "le x.isEmpty { await Task.yield() }") == 1)
        #expect(found("for" + " _ in 0..<100 where x.isEmpty { usleep(10) }") == 1)
        #expect(found("#expect(ContinuousClock.now - start <" + " .seconds(10))") == 1)
        #expect(found("let end = ContinuousClock.now +" + " .seconds(10)") == 1)
        #expect(found("if Date()" + " > end { break }") == 1)
        #expect(found("gua" + "rd Subprocess.find(\"x\") != nil else { return }") == 1)
        #expect(found("gua" + "rd mount.status == 0 else { return }") == 1)
        #expect(found("@Test(.time" + "Limit(.minutes(1))) func f() {}") == 1)
        #expect(found("#expect(eventually { x.isEmpty })") == 0)
    }

    private func report(_ violations: [String]) {
        for violation in violations {
            Issue.record("\(violation)")
        }
    }
}
