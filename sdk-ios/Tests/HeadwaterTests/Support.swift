import Foundation
import Testing

@testable import Headwater

/// A folder of its own for each test.
func place(_ name: String = #function) -> URL {
    let file = name.prefix { $0.isLetter || $0.isNumber }
    return FileManager.default.temporaryDirectory
        .appendingPathComponent("headwater-tests/\(file)-\(UUID().uuidString)")
}

/// Keeps the events that were queued.
final class Recorder: Plugin, @unchecked Sendable {
    let type: PluginType
    weak var analytics: Analytics?
    private let lock = NSLock()
    private var kept: [JSON] = []

    init(type: PluginType = .after) { self.type = type }

    func execute<T: RawEvent>(event: T?) -> T? {
        lock.withLock { kept.append(event?.json ?? .null) }
        return event
    }

    var events: [JSON] { lock.withLock { kept } }
    var names: [String] { events.compactMap { $0["event"]?.stringValue } }
}

/// What was heard, from any thread.
final class Heard<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var values: [Value] = []

    func add(_ value: Value) { lock.withLock { values.append(value) } }
    var all: [Value] { lock.withLock { values } }

    /// Waits until so many were heard.
    func wait(for count: Int) async throws {
        for _ in 0..<12_000 where all.count < count { try await Task.sleep(nanoseconds: 5_000_000) }
        try #require(all.count >= count)
    }
}

extension Configuration {
    /// No network, no traces of the machine that runs the tests.
    static func quiet(_ key: String = "key") -> Configuration {
        Configuration(writeKey: key)
            .apiHost("http://127.0.0.1:9")
            .fetchSettings(false)
            .storageMode(.memory(10_000))
            .migratesFromAnalyticsSwift(false)
    }
}

extension Analytics {
    /// One that keeps what it queues to itself.
    static func recorded(_ configuration: Configuration = .quiet()) -> (Analytics, Recorder) {
        let analytics = Analytics(configuration: configuration)
        analytics.setOnline(false)
        let recorder = Recorder()
        analytics.add(plugin: recorder)
        return (analytics, recorder)
    }
}
