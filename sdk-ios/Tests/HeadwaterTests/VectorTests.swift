import Foundation
import Testing

@testable import Headwater

/// The vectors that all languages share (`tests/vectors`), through the public API. Those of the collector and
/// `engine/batch-cuts.json` have nothing in an SDK's API to hold them against; the Rust tests run them.
@Suite struct VectorTests {
    func vectors(_ path: String) throws -> JSON {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../../tests/vectors")
        return try JSON(text: String(contentsOf: root.appendingPathComponent(path), encoding: .utf8))
    }

    func cases(_ path: String) throws -> [JSON] {
        let cases = try #require(try vectors(path)["cases"]?.arrayValue)
        try #require(cases.count > 5)
        return cases
    }

    @Test func textsThatAreJSONAreReadAndWrittenAgain() throws {
        for vector in try cases("json/accept.json") {
            guard let text = vector["json"]?.stringValue else { continue }
            let name = vector["name"]?.stringValue ?? ""
            if text == "1e999" {
                // A value here is a number, and this is none that a Double can be.
                #expect(throws: JSONError.self) { try JSON(text: text) }
                continue
            }
            let value = try JSON(text: text)
            #expect(try JSON(text: value.text) == value, "\(name)")
            // Numbers here are values, not texts, and members have no order.
            if let written = vector["written"]?.stringValue { #expect(try JSON(text: written) == value, "\(name)") }
        }
    }

    @Test func textsThatAreNotJSONAreRefused() throws {
        for vector in try cases("json/reject.json") {
            guard let text = vector["json"]?.stringValue else { continue }
            #expect(throws: JSONError.self, "\(vector["name"]?.stringValue ?? "")") { try JSON(text: text) }
        }
    }

    @Test func ofAKeyThatIsNamedTwiceTheLastWins() throws {
        for vector in try cases("json/duplicate-keys.json") {
            guard let text = vector["json"]?.stringValue, let wins = vector["last_wins"]?.stringValue else { continue }
            #expect(try JSON(text: text) == JSON(text: wins), "\(vector["name"]?.stringValue ?? "")")
        }
    }

    @Test func everyAnswerOfAHubMeansWhatTheTableSays() async throws {
        let statuses = try #require(try vectors("engine/retry-table.json")["statuses"]?.arrayValue)
        try #require(statuses.count > 20)
        for row in statuses {
            let status = try #require(row["status"]?.intValue)
            let hub = AnsweringHub(status: status)
            let analytics = Analytics(configuration: hub.configuration)
            analytics.track(name: "e")
            let report = await analytics.flush()
            let met = [report.delivered, report.dropped, report.pending]
            switch row["verdict"]?.stringValue {
            case "delivered": #expect(met == [1, 0, 0], "\(status)")
            case "refused", "rejected": #expect(met == [0, 1, 0], "\(status)")
            case "retry": #expect(met == [0, 0, 1], "\(status)")
            default: Issue.record("the table says something new of \(status)")
            }
            analytics.shutdown(timeout: 0)
        }
    }
}
