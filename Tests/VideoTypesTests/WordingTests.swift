import FoundationEssentials
import TestTools
import Testing
import VideoTypes

/// Errors that carry values, and surfaces that spell them.
@Suite(.bounded) struct WordingTests {
    /// Somebody who knows tiles and nothing else.
    private static let tiler = Vocabulary { term, value in
        term == .tilesVAE ? value.map { "tiles:\($0)" } ?? "tiles" : nil
    }

    private static let error = VideoError(
        .outOfMemory, "\(.frames) of \(3) fit", field: .frames,
        remedies: ["\(.tilesVAE, "on") helps", "use \(.device, "cpu")", "wait"])

    @Test func `each surface spells terms in its own words and leaves out what it has not`() {
        #expect(Self.error.message == "frames of 3 fit")
        #expect(Self.error.hint == "tilesVAE = on helps; use device = cpu; wait")
        #expect(Self.error.hint(in: Self.tiler) == "tiles:on helps; wait")
        // A message is always said, in the library's words where there are no others.
        #expect(Self.error.message(in: Self.tiler) == "frames of 3 fit")
        #expect(VideoError(.diskFull, "full", remedies: ["use \(.device, "cpu")"]).hint(in: Self.tiler) == nil)
    }

    @Test func `the library has a name for every term`() {
        for term in Term.allCases {
            #expect(Vocabulary.library.spelled(term)?.isEmpty == false)
            #expect(Vocabulary.library.spelled(term, "1")?.hasSuffix(term == .models ? " 1" : " = 1") == true)
        }
    }

    @Test func `wordings are joined and compared by what they say`() {
        let inner: Wording = "b \(.steps) c"
        #expect("a \(inner) d" as Wording == "a b \(.steps) c d")
        #expect("a\("b")" as Wording == Wording(plain: "ab"))
        #expect("a \(.steps)" as Wording != "a steps")
    }

    @Test func `an error comes back from JSON as it was, and one from before there were terms too`() throws {
        let json = try JSONEncoder().encode(Self.error)
        #expect(try JSONDecoder().decode(VideoError.self, from: json) == Self.error)
        let old = #"{"code":"disk_full","message":"full","hint":"free some space"}"#
        let found = try JSONDecoder().decode(VideoError.self, from: Data(old.utf8))
        #expect(found == VideoError(.diskFull, "full", hint: "free some space"))
        let plain = #"{"code":"disk_full","message":"full"}"#
        #expect(try JSONDecoder().decode(VideoError.self, from: Data(plain.utf8)) == VideoError(.diskFull, "full"))
    }
}
