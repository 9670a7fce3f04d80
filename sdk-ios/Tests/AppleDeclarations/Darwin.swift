// What Foundation has on Apple's systems only. Compiled with the package's own sources.
import Foundation

struct FileProtectionType: Hashable, Sendable {
    static let completeUntilFirstUserAuthentication = FileProtectionType()
}

extension FileAttributeKey {
    static let protectionKey = FileAttributeKey(rawValue: "NSFileProtectionKey")
}

extension FileManager {
    func containerURL(forSecurityApplicationGroupIdentifier group: String) -> URL? { nil }
}

extension ProcessInfo {
    func performExpiringActivity(withReason reason: String, using block: @escaping @Sendable (Bool) -> Void) {}
}

public class NSUserActivity: NSObject {
    var activityType: String { "" }
    var webpageURL: URL? { nil }
    var referrerURL: URL? { nil }
}
let NSUserActivityTypeBrowsingWeb = "NSUserActivityTypeBrowsingWeb"
