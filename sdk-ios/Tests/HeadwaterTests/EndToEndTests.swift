import Foundation
import Testing

@testable import Headwater

/// The real collector, on a folder of its own.
final class Collector: @unchecked Sendable {
    let address: String
    private let binary: String
    private let data: URL
    private let process = Process()

    init() throws {
        binary = try #require(ProcessInfo.processInfo.environment["HEADWATER_BIN"], "set HEADWATER_BIN to the collector")
        data = place("collector")
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        process.executableURL = URL(fileURLWithPath: binary)
        process.arguments = ["dev", "--port", "0", "--data", data.appendingPathComponent("log").path]
        // Its first line says where it listens.
        let said = data.appendingPathComponent("said.txt")
        _ = FileManager.default.createFile(atPath: said.path, contents: nil)
        process.standardOutput = try FileHandle(forWritingTo: said)
        process.standardError = FileHandle.nullDevice
        try process.run()
        var line: Substring?
        for _ in 0..<12_000 where line == nil {
            Thread.sleep(forTimeInterval: 0.005)
            let text = try String(contentsOf: said, encoding: .utf8)
            if text.contains("\n") { line = text.split(separator: "\n").first }
        }
        let address = line?.split(separator: " ").last.map(String.init)
        self.address = try #require(address, "the collector did not say where it listens")
    }

    /// What it has, in its order.
    func events() throws -> [JSON] {
        let export = Process()
        export.executableURL = URL(fileURLWithPath: binary)
        export.arguments = ["export", "--data", data.appendingPathComponent("log").path]
        let output = Pipe()
        export.standardOutput = output
        export.standardError = FileHandle.nullDevice
        try export.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        return try text.split(separator: "\n").map { try JSON(text: String($0)) }
    }

    // Foundation starts programs with SIGTERM blocked.
    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }
}

@Suite(.serialized) struct EndToEndTests {
    func configuration(_ hub: Collector, _ folder: URL) -> Configuration {
        Configuration(writeKey: "wk").apiHost(hub.address).storageMode(.diskAtURL(folder))
            .migratesFromAnalyticsSwift(false)
    }

    @Test func callsArriveInTheirOrderWithTheirUser() async throws {
        let hub = try Collector()
        let analytics = Analytics(configuration: configuration(hub, place()))
        analytics.track(name: "first", properties: ["n": 1])
        analytics.identify(userId: "u1", traits: ["plan": "pro"])
        analytics.screen(title: "Cart")
        analytics.track(name: "last", properties: ["text": "é😀\n", "total": 27.5])
        let report = await analytics.flush()
        #expect(report.pending == 0)
        let events = try hub.events()
        #expect(events.map { $0["type"]?.stringValue } == ["track", "identify", "screen", "track"])
        #expect(events.last?[keyPath: "properties.text"] == "é😀\n")
        #expect(events.last?["userId"] == "u1")
        #expect(events.first?["userId"]?.stringValue == nil)
        #expect(analytics.pendingEvents == 0)
    }

    @Test func aThousandTasksArriveOnceEach() async throws {
        let hub = try Collector()
        let analytics = Analytics(configuration: configuration(hub, place()).flushAt(50))
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<1_000 {
                group.addTask {
                    for n in 0..<3 { analytics.track(name: "e", properties: ["task": task, "n": n]) }
                }
            }
        }
        let report = analytics.shutdown(timeout: 60)
        #expect(report?.pending == 0)
        let events = try hub.events()
        #expect(events.count == 3_000)
        #expect(Set(events.compactMap { $0["messageId"]?.stringValue }).count == 3_000)
        var seen: [Int: Int] = [:]
        for event in events {
            let task = event[keyPath: "properties.task"]?.intValue ?? -1
            #expect(event[keyPath: "properties.n"]?.intValue == seen[task, default: 0])
            seen[task, default: 0] += 1
        }
    }

    @Test func whatWaitsIsSentByTheNextStart() throws {
        let hub = try Collector()
        let folder = place()
        let offline = Analytics(configuration: configuration(hub, folder))
        offline.setOnline(false)
        offline.track(name: "offline")
        let id = offline.anonymousId
        offline.shutdown(timeout: 0)
        let online = Analytics(configuration: configuration(hub, folder))
        online.track(name: "online")
        #expect(online.shutdown(timeout: 30)?.pending == 0)
        let events = try hub.events()
        #expect(events.map { $0["event"] } == ["offline", "online"])
        #expect(events.allSatisfy { $0["anonymousId"]?.stringValue == id })
    }
}
