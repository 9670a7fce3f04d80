import Foundation

/// Names of analytics-swift that mean little here: code that uses them goes on, and is told what to use.
extension Analytics {
    /// Nothing: an `Analytics` has started when its initialiser returns, and no call waits for anything.
    @available(*, deprecated, message: "Not needed: it has started when init returns.")
    public func waitUntilStarted() {}

    /// The folder of the queue while events wait in it; there are no files of single batches.
    @available(*, deprecated, message: "There are no batch files: use pendingEvents or hasUnsentEvents.")
    public var pendingUploads: [URL]? {
        guard let queue, hasUnsentEvents else { return nil }
        return [queue]
    }

    /// Throws away what waits, when this is an address that ``pendingUploads`` gave; else nothing.
    @available(*, deprecated, message: "There are no batch files: use purgeStorage().")
    public func purgeStorage(fileURL: URL) {
        if fileURL.standardizedFileURL.path == queue?.standardizedFileURL.path { purgeStorage() }
    }

    /// As the configuration says.
    public var operatingMode: OperatingMode { values.operatingMode }

    private var queue: URL? { hub.folder?.appendingPathComponent("queue") }
}
