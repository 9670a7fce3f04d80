import Foundation
import Testing

@testable import Headwater

/// Plugins that must not be left out, and throw: nothing leaves that one of them guards.
@Suite struct GuardTests {
    struct NoList: Error {}

    /// Takes `email` out, and then does what the script says; nothing when that is over.
    final class Scrub: EventPlugin, @unchecked Sendable {
        let type: PluginType
        let required: Bool
        weak var analytics: Analytics?
        private let script: Guarded<[String]>

        init(_ type: PluginType = .before, required: Bool = true, _ script: [String] = []) {
            self.type = type
            self.required = required
            self.script = Guarded(script)
        }

        func track(event: TrackEvent) throws -> TrackEvent? {
            var event = event
            event.properties?["email"] = nil
            switch script.with({ $0.isEmpty ? "passes" : $0.removeFirst() }) {
            case "fails": throw NoList()
            case "drops": return nil
            default: return event
            }
        }
    }

    private let secret: JSON = ["email": "ada@example.com", "plan": "pro"]

    private func vectors(_ member: String) throws -> [JSON] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../../tests/vectors")
        let text = try String(contentsOf: root.appendingPathComponent("engine/guards.json"), encoding: .utf8)
        return try #require(try JSON(text: text)[member]?.arrayValue)
    }

    private func leaks(_ recorder: Recorder) -> Bool { recorder.events.contains { $0.text.contains("ada@") } }

    private func until(_ holds: () -> Bool) async throws {
        for _ in 0..<12_000 where !holds() { try await Task.sleep(nanoseconds: 5_000_000) }
        try #require(holds())
    }

    private func type(_ row: JSON) -> PluginType? {
        switch row["type"]?.stringValue {
        case "before": .before
        case "enrichment": .enrichment
        case "after": .after
        case "utility": .utility
        default: nil
        }
    }

    @Test func whatAFailureMeansIsAsInTheVectors() throws {
        for row in try vectors("plugins") {
            let kind = try #require(type(row))
            let required = row["required"]?.boolValue ?? PluginTests.Step(kind, "usual").required
            let (analytics, recorder) = Analytics.recorded()
            analytics.add(plugin: Scrub(kind, required: required, ["fails"]))
            analytics.track(name: "e", properties: secret)
            #expect(recorder.events.count == (row["failure"] == "kept" ? 0 : 1), "\(row)")
            #expect(analytics.pendingEvents == 1, "\(row)")
        }
    }

    @Test func whatBecomesOfAnEventThatIsTriedAgainIsAsInTheVectors() async throws {
        for row in try vectors("lives") {
            let script = (row["tries"]?.arrayValue ?? []).compactMap(\.stringValue)
            let reports = Heard<DropReport>()
            let (analytics, recorder) = Analytics.recorded(.quiet().onReport { reports.add($0) })
            analytics.add(plugin: Scrub(.before, script))
            analytics.track(name: "e", properties: secret)
            try await until { recorder.events.count + reports.all.count == 1 }
            #expect((reports.all.first?.reason ?? "queued") == row["ends"]?.stringValue, "\(row)")
            #expect(!leaks(recorder), "\(row)")
        }
    }

    @Test func laterEventsOvertakeOneThatIsKeptBackAndTheErrorIsTold() async throws {
        let errors = Heard<String>()
        let (analytics, recorder) = Analytics.recorded(.quiet().errorHandler { errors.add("\($0)") })
        analytics.add(plugin: Scrub(.before, ["fails"]))
        analytics.track(name: "first", properties: secret)
        analytics.track(name: "later")
        #expect(recorder.names == ["later"])
        #expect(analytics.pendingEvents == 2)
        try await until { recorder.events.count == 2 }
        #expect(recorder.names == ["later", "first"])
        #expect(!leaks(recorder))
        #expect(errors.all.count == 1)
        #expect(errors.all[0].contains("NoList"))
    }

    @Test func whatIsKeptBackSurvivesTheProcessAndWaitsForItsPlugin() async throws {
        let configuration = Configuration.quiet().storageMode(.diskAtURL(place()))
        let first = Analytics(configuration: configuration)
        first.setOnline(false)
        first.add(plugin: Scrub(.before, ["fails", "fails", "fails"]))
        first.track(name: "kept", properties: secret)
        first.shutdown(timeout: 0)
        let (second, recorder) = Analytics.recorded(configuration)
        #expect(second.pendingEvents == 1)
        second.add(plugin: Scrub())
        try await until { recorder.events.count == 1 }
        #expect(recorder.names == ["kept"])
        #expect(!leaks(recorder))
    }

    @Test func whatAnEarlierRunHeldForAWaitingPluginDoesNotGoWithoutThePluginsThatItMustPass() async throws {
        let configuration = Configuration.quiet().storageMode(.diskAtURL(place()))
        let first = Analytics(configuration: configuration)
        first.setOnline(false)
        first.add(plugin: Scrub())
        first.add(plugin: PluginTests.Slow())
        first.track(name: "held", properties: secret)
        first.shutdown(timeout: 0)
        let (second, recorder) = Analytics.recorded(configuration)
        #expect(second.pendingEvents == 1)
        second.add(plugin: Scrub())
        try await until { recorder.events.count == 1 }
        #expect(!leaks(recorder))
    }

    final class Vendor: DestinationPlugin, @unchecked Sendable {
        let key: String
        let needsSettings = false
        let timeline = Timeline()
        weak var analytics: Analytics?
        let got = Heard<JSON>()

        init(_ key: String) { self.key = key }

        func track(event: TrackEvent) -> TrackEvent? {
            got.add(event.json)
            return event
        }
    }

    @Test func aDestinationsOwnRequiredPluginKeepsTheEventFromThatDestinationOnly() async throws {
        let (analytics, recorder) = Analytics.recorded()
        let (scrubbed, free) = (Vendor("scrubbed"), Vendor("free"))
        scrubbed.add(plugin: Scrub(.before, ["fails"]))
        analytics.add(plugin: scrubbed)
        analytics.add(plugin: free)
        analytics.track(name: "e", properties: secret)
        try await free.got.wait(for: 1)
        #expect(recorder.events.count == 1)
        try await scrubbed.got.wait(for: 1)
        #expect(!scrubbed.got.all[0].text.contains("ada@"))
    }
}
