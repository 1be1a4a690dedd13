import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// What is written down before money is spent.
@Suite(.bounded) struct OrderBookTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func record(_ request: String, prompt: String = "x", account: String = "fal") -> OrderRecord {
        OrderRecord(
            reference: OrderRecord.randomReference(), account: account, provider: "p", model: "m", request: request,
            digest: "d", prompt: prompt, seconds: 5, quotedDollars: 0.5, placedAt: 1_800_000_000)
    }

    @Test func `what was written is there again, the last line of an order counts`() throws {
        var order = record("a")
        do {
            let book = try OrderBook(path: folder.file("orders"))
            try book.write(order)
            #expect(book.dollars("p", "a") == 0.5 && book.openCount == 1)
            (order.state, order.ticket) = (.placed, CloudTicket("t"))
            try book.write(order)
        }
        let book = try OrderBook(path: folder.file("orders"))
        #expect(book.latest("p", "a") == order && book.openCount == 1)
        #expect(book.open(of: "a") { _ in true }.count == 1 && book.open(of: "b") { _ in true }.isEmpty)
        var variant = record("a.2")
        variant.state = .unknown
        try book.write(variant)
        #expect(book.open(of: "a") { _ in true }.count == 2)
        (variant.state, variant.dollars) = (.refused, 0)
        try book.write(variant)
        #expect(book.dollars("p", "a.2") == 0 && book.totalDollars == 0.5)
    }

    @Test func `a torn line and a strange one keep nothing back`() throws {
        let path = folder.file("orders")
        do { try OrderBook(path: path).write(record("a")) }
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data("{\"reference\": \"torn".utf8))
        try file.close()
        do {
            let book = try OrderBook(path: path)
            #expect(book.openCount == 1)
            try book.write(record("b"))
        }
        #expect(try OrderBook(path: path).openCount == 2)
    }

    @Test func `one process has it, and a file of something else is left alone`() throws {
        let path = folder.file("orders")
        let book = try OrderBook(path: path)
        #expect(throws: RouterError.self) { try OrderBook(path: path) }
        #expect(book.openCount == 0)
        let other = folder.file("letter")
        try Data("Dear Sir\n".utf8).write(to: URL(filePath: other))
        #expect(throws: RouterError.self) { try OrderBook(path: other) }
        #expect(try String(contentsOfFile: other, encoding: .utf8) == "Dear Sir\n")
        #expect(throws: RouterError.self) { try OrderBook(path: folder.path) }
        #expect(throws: RouterError.self) { try OrderBook(path: folder.file("nowhere/orders")) }
    }

    @Test func `a ticket in a list goes to one order only`() throws {
        let book = try OrderBook(path: folder.file("orders"))
        var (first, second) = (record("a"), record("b"))
        (first.state, second.state) = (.unknown, .unknown)
        try book.write(first)
        try book.write(second)
        let tickets = [CloudTicket("t1"), CloudTicket("t2")].compactMap { $0 }
        #expect(book.claim(first, tickets)?.ticket?.id == "t1")
        #expect(book.claim(second, tickets)?.ticket?.id == "t2")
        #expect(book.claim(second, [tickets[0]]) == nil)
        // Somebody whose answer may still come could own it.
        let third = record("c")
        try book.write(third)
        var fourth = record("d")
        fourth.state = .unknown
        try book.write(fourth)
        let more = [CloudTicket("t3")].compactMap { $0 }
        #expect(book.claim(fourth, more) == nil)
        #expect(book.claim(record("e", prompt: "y"), more)?.ticket?.id == "t3")
    }

    @Test func `a book that has become long is written anew without what ended long ago`() throws {
        let path = folder.file("orders")
        let last = record("open")
        do {
            let book = try OrderBook(path: path)
            var old = record("old")
            (old.state, old.endedAt) = (.done, 1)
            for _ in 0..<600 { try book.write(old) }
            for _ in 0..<600 { try book.write(last) }
        }
        let before = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        let book = try OrderBook(path: path)
        let after = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        #expect(after < before / 100)
        // Who placed it has ended without an answer.
        let found = book.latest("p", "open")
        #expect(found?.reference == last.reference && found?.state == .unknown && book.openCount == 1)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }
}
