import Foundation
import Testing

@testable import Headwater

@Suite struct JSONTests {
    @Test func textComesBackAsItWas() throws {
        let texts = [
            #"{"a":[1,-2.5,true,false,null,"x"]}"#, "[]", "{}", #""é😀""#, "0", "-0.5", "1e10", "9223372036854775807",
        ]
        for text in texts {
            let value = try JSON(text: text)
            #expect(try JSON(text: value.text) == value)
        }
        #expect(try JSON(text: "9223372036854775807") == .int(.max))
        #expect(try JSON(text: #""\u00e9\ud83d\ude00\n\/""#) == .string("é😀\n/"))
        #expect(throws: JSONError.notJSON(offset: 1)) { try JSON(text: #""\ud83d""#) }
    }

    @Test func whatIsNoJSONSaysWhere() {
        for text in ["", "{", "[1,]", "{\"a\" 1}", "01", "1.", "nul", "\"\u{1}\"", "[1] x", "+1", "0x10", "\"\\x\""] {
            #expect(throws: JSONError.self, "\(text)") { try JSON(text: text) }
        }
    }

    @Test func controlCharactersAreEscaped() throws {
        let text = JSON.string("\u{0}\u{1F}\"\\\n").text
        #expect(text == #""\u0000\u001f\"\\\n""#)
        #expect(try JSON(text: text) == .string("\u{0}\u{1F}\"\\\n"))
    }

    struct Inner: Codable, Equatable { var when: Date; var tags: [String]; var none: Int? }
    struct Outer: Codable, Equatable { var name: String; var inner: Inner; var map: [String: Double]; var url: URL; var big: UInt64 }

    @Test func encodableTypesBecomeTrees() throws {
        let value = Outer(
            name: "n", inner: Inner(when: Date(timeIntervalSince1970: 1_700_000_000.123), tags: ["a", "b"], none: nil),
            map: ["x": 1.5], url: URL(string: "https://a.example/b")!, big: 7)
        let json = try JSON(value)
        #expect(json[keyPath: "inner.when"] == "2023-11-14T22:13:20.123Z")
        #expect(json[keyPath: "inner.tags"] == ["a", "b"])
        #expect(json[keyPath: "inner.none"] == nil)
        #expect(json["url"] == "https://a.example/b")
        #expect(json["big"] == 7)
        #expect(json["map"] == ["x": 1.5])
    }

    @Test func datesBeforeTheEpochAndInLeapYearsAreRight() {
        #expect(Date(timeIntervalSince1970: -1).iso8601 == "1969-12-31T23:59:59.000Z")
        #expect(Date(timeIntervalSince1970: 951_827_696.5).iso8601 == "2000-02-29T12:34:56.500Z")
        #expect(Date(timeIntervalSince1970: 0).iso8601 == "1970-01-01T00:00:00.000Z")
    }

    @Test func dictionariesOfPlainValuesBecomeTrees() throws {
        let json = try JSON(dictionary: [
            "s": "x", "i": 3, "d": 1.5, "b": true, "n": Optional<Any>.none as Any, "a": [1, "y"] as [Any],
            "o": ["k": Date(timeIntervalSince1970: 0)] as [String: Any], "e": Inner(when: Date(), tags: [], none: 1),
        ])
        #expect(json["i"] == 3)
        #expect(json["b"] == true)
        #expect(json["n"] == .null)
        #expect(json["a"] == [1, "y"])
        #expect(json[keyPath: "o.k"] == "1970-01-01T00:00:00.000Z")
        #expect(json[keyPath: "e.none"] == 1)
        final class Odd {}
        #expect(throws: JSONError.unsupported(path: "o.x", type: "Odd")) {
            try JSON(dictionary: ["o": ["x": Odd()] as [String: Any]])
        }
    }

    @Test func numbersThatAreNoneFollowTheStrategy() throws {
        #expect(try JSON(["x": Double.nan]) == ["x": 0])
        #expect(try JSON(["x": Double.infinity], numbers: .null) == ["x": nil])
        #expect(throws: JSONError.notFinite(path: "x")) { try JSON(["x": Double.nan], numbers: .throw) }
    }
}
