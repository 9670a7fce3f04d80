import Foundation

/// Where a source's queue lies.
enum Folder {
    /// `nil` for memory.
    static func of(_ values: Configuration.Values) -> URL? {
        let base: URL
        switch values.storageMode {
        case .memory: return nil
        case .diskAtURL(let url): return url.standardizedFileURL
        case .appGroup(let group):
            #if canImport(Darwin)
            guard let shared = FileManager.default.containerURL(forSecurityApplicationGroupIdentifier: group) else {
                return applicationSupport.map { $0.appendingPathComponent(name(values.writeKey)) }
            }
            base = shared.appendingPathComponent("Library/Application Support/headwater")
            #else
            guard let support = applicationSupport else { return nil }
            base = support.appendingPathComponent(group)
            #endif
        case .disk:
            guard let support = applicationSupport else { return nil }
            base = support
        }
        return base.appendingPathComponent(name(values.writeKey)).standardizedFileURL
    }

    private static var applicationSupport: URL? {
        #if os(tvOS)
        // tvOS keeps nothing but caches.
        let place = FileManager.SearchPathDirectory.cachesDirectory
        #else
        let place = FileManager.SearchPathDirectory.applicationSupportDirectory
        #endif
        return FileManager.default.urls(for: place, in: .userDomainMask).first?.appendingPathComponent("headwater")
    }

    /// The write key as a file's name. One that files cannot have as it is, or that differs from another by its case alone,
    /// has its hash (FNV-1a, 64 bits) added: no two sources share a queue.
    static func name(_ writeKey: String) -> String {
        func isPlain(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
            default: false
            }
        }
        func isUpper(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
        let bytes = Array(writeKey.utf8)
        if !bytes.isEmpty, bytes.allSatisfy(isPlain) { return writeKey }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let safe = bytes.prefix(64).map { isPlain($0) || isUpper($0) ? $0 : UInt8(ascii: "_") }
        return String(decoding: safe, as: UTF8.self) + "-" + String(hash, radix: 16)
    }

    /// Makes the folder: readable after the first unlock (the app may be woken while the device is locked), in no backup.
    static func prepare(_ folder: URL) throws {
        var attributes: [FileAttributeKey: Any] = [:]
        #if os(iOS) || os(tvOS) || os(watchOS) || os(visionOS)
        attributes[.protectionKey] = FileProtectionType.completeUntilFirstUserAuthentication
        #endif
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true, attributes: attributes)
        #if canImport(Darwin)
        var folder = folder
        var values = URLResourceValues()
        values.isExcludedFromBackup = true
        try? folder.setResourceValues(values)
        #endif
    }
}

/// The few things that the SDK itself remembers, in `app.json` beside the queue; in memory where there is no folder.
final class Memory: Sendable {
    private let file: URL?
    private let state: Guarded<JSON>

    init(folder: URL?) {
        file = folder?.appendingPathComponent("app.json")
        let text = file.flatMap { try? String(contentsOf: $0, encoding: .utf8) }
        state = Guarded((text.flatMap { try? JSON(text: $0) }) ?? .object([:]))
    }

    subscript(key: String) -> JSON? {
        get { state.with { $0[key] } }
        set {
            state.with { state in
                guard state[key] != newValue else { return }
                state[key] = newValue
                if let file { try? Data(state.text.utf8).write(to: file, options: .atomic) }
            }
        }
    }
}
