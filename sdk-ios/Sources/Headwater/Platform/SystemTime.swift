import Foundation

#if canImport(UIKit) && !os(watchOS)
import UIKit
#endif

extension BackgroundTime {
    /// The platform's own way.
    static var system: BackgroundTime {
        #if os(iOS) || os(tvOS) || os(visionOS)
        // Extensions have no application to ask.
        Bundle.main.bundlePath.hasSuffix(".appex") ? expiringActivity : applicationTask
        #elseif os(watchOS)
        expiringActivity
        #else
        unlimited
        #endif
    }

    #if os(iOS) || os(tvOS) || os(visionOS)
    private static let applicationTask = BackgroundTime { expired in
        let task = Guarded<UIBackgroundTaskIdentifier>(.invalid)
        let over: @Sendable () -> Void = {
            onMain {
                let id = task.with { task in
                    defer { task = .invalid }
                    return task
                }
                if id != .invalid { UIApplication.shared.endBackgroundTask(id) }
            }
        }
        onMain {
            let id = UIApplication.shared.beginBackgroundTask(withName: "headwater") {
                expired()
            }
            task.with { $0 = id }
        }
        return over
    }

    /// At once where it is the main thread already, as in the notification that the app went out of sight.
    private static func onMain(_ act: @escaping @MainActor @Sendable () -> Void) {
        if Thread.isMainThread {
            MainActor.assumeIsolated { act() }
        } else {
            DispatchQueue.main.async { MainActor.assumeIsolated { act() } }
        }
    }
    #endif

    #if os(iOS) || os(tvOS) || os(visionOS) || os(watchOS)
    private static let expiringActivity = BackgroundTime { expired in
        let done = DispatchSemaphore(value: 0)
        ProcessInfo.processInfo.performExpiringActivity(withReason: "headwater") { isExpired in
            if isExpired {
                expired()
            } else {
                // The time is granted as long as this does not return.
                done.wait()
            }
        }
        return { done.signal() }
    }
    #endif
}
