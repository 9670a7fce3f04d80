import Foundation

#if canImport(UIKit) && !os(watchOS)
import UIKit
#elseif os(watchOS)
import WatchKit
#elseif canImport(AppKit)
import AppKit
#endif

/// The system's notifications as the steps of ``Lifecycle``.
enum AppEvents {
    /// Listens to the app. Answers what must be kept while it should.
    static func watch(_ analytics: Analytics) -> [AnyObject & Sendable] {
        #if canImport(UIKit) && !os(watchOS)
        return [
            observe(UIApplication.didFinishLaunchingNotification, analytics) { Lifecycle.launched($0) },
            // An `Analytics` made after the launch missed that one.
            observe(UIApplication.didBecomeActiveNotification, analytics) { Lifecycle.launchedBefore($0) },
            observe(UIApplication.willEnterForegroundNotification, analytics) { Lifecycle.foregrounded($0) },
            observe(UIApplication.didEnterBackgroundNotification, analytics) { Lifecycle.backgrounded($0) },
            observe(UIApplication.willTerminateNotification, analytics) { $0.lifecycle(.terminating) },
        ]
        #elseif os(watchOS)
        return [
            observe(WKExtension.applicationDidFinishLaunchingNotification, analytics) { Lifecycle.launched($0) },
            observe(WKExtension.applicationDidBecomeActiveNotification, analytics) { Lifecycle.launchedBefore($0) },
            // The watch tells of it after a launch as well.
            observe(WKExtension.applicationWillEnterForegroundNotification, analytics) {
                if $0.background.isOut { Lifecycle.foregrounded($0) }
            },
            observe(WKExtension.applicationDidEnterBackgroundNotification, analytics) { Lifecycle.backgrounded($0) },
        ]
        #elseif canImport(AppKit)
        return [
            observe(NSApplication.didFinishLaunchingNotification, analytics) { Lifecycle.launched($0) },
            observe(NSApplication.didBecomeActiveNotification, analytics) { Lifecycle.activated($0) },
            observe(NSApplication.didResignActiveNotification, analytics) { Lifecycle.deactivated($0) },
            observe(NSApplication.didHideNotification, analytics) { Lifecycle.hidden($0) },
            observe(NSApplication.didUnhideNotification, analytics) { Lifecycle.unhidden($0) },
            observe(NSApplication.willTerminateNotification, analytics) { Lifecycle.terminated($0) },
        ]
        #else
        return []
        #endif
    }

    private static func observe(
        _ name: Notification.Name, _ analytics: Analytics, _ then: @escaping @Sendable (Analytics) -> Void
    ) -> AnyObject & Sendable {
        Observation(name) { [weak analytics] in
            if let analytics { then(analytics) }
        }
    }
}

/// Listens while it lives.
private final class Observation: @unchecked Sendable {
    private let token: any NSObjectProtocol

    init(_ name: Notification.Name, _ then: @escaping @Sendable () -> Void) {
        token = NotificationCenter.default.addObserver(forName: name, object: nil, queue: nil) { _ in then() }
    }

    deinit { NotificationCenter.default.removeObserver(token) }
}
