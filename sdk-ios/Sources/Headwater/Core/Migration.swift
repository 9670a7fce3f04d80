import Foundation
internal import HeadwaterBinding

/// What analytics-swift left on the device: its user and its unsent events. Taken over once.
enum Migration {
    static func run(_ analytics: Analytics) {
        guard analytics.memory["migrated"] == nil, analytics.hub.folder != nil, let client = analytics.hub.client else {
            return
        }
        let key = analytics.values.writeKey
        for file in files(of: key) {
            // Events are stamped already: they go into the queue as they are, whoever the user is now.
            for event in events(in: file) { _ = try? client.submit(event: event) }
            try? FileManager.default.removeItem(at: file)
        }
        if let identity = identity(of: key) { try? client.importIdentity(identity: identity) }
        analytics.memory["migrated"] = true
    }

    /// From the preferences `com.segment.storage.{write key}`; structures lie there as property lists.
    private static func identity(of key: String) -> Identity? {
        guard let defaults = UserDefaults(suiteName: "com.segment.storage.\(key)"),
            let anonymousId = defaults.string(forKey: "segment.anonymousId"), !anonymousId.isEmpty
        else { return nil }
        let traits = defaults.data(forKey: "segment.traits")
            .flatMap { try? PropertyListDecoder().decode(JSON.self, from: $0) }
        return Identity(
            anonymousId: anonymousId, userId: defaults.string(forKey: "segment.userId"),
            traits: (traits?.objectValue).map { JSON.object($0).text } ?? "{}", groupId: nil, groupTraits: "{}")
    }

    /// `{n}-segment-events` and `{n}-segment-events.temp`, in the order of their numbers.
    static func files(of key: String) -> [URL] {
        let places: [FileManager.SearchPathDirectory] = [
            .applicationSupportDirectory, .documentDirectory, .cachesDirectory,
        ]
        return places.compactMap { FileManager.default.urls(for: $0, in: .userDomainMask).first }
            .flatMap { files(in: $0.appendingPathComponent("segment/\(key)")) }
    }

    static func files(in folder: URL) -> [URL] {
        let all = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        func number(_ file: URL) -> Int { Int(file.lastPathComponent.prefix { $0.isNumber }) ?? 0 }
        return all.filter { $0.lastPathComponent.contains("-segment-events") }.sorted { number($0) < number($1) }
    }

    /// One event a line between the envelope's first and last; lines that were cut off are nobody's.
    static func events(in file: URL) -> [String] {
        guard let data = try? Data(contentsOf: file) else { return [] }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { line in
            let text = line.trimmingCharacters(in: CharacterSet(charactersIn: ", \r\t"))
            guard let event = try? JSON(text: text), event["messageId"]?.stringValue != nil, rawEvent(event) != nil
            else { return nil }
            return event.text
        }
    }
}
