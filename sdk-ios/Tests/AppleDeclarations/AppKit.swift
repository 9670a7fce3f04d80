@_exported import Foundation

@MainActor open class NSApplication: NSObject {
    nonisolated public static let didFinishLaunchingNotification = Notification.Name("NSApplicationDidFinishLaunching")
    nonisolated public static let didBecomeActiveNotification = Notification.Name("NSApplicationDidBecomeActive")
    nonisolated public static let didResignActiveNotification = Notification.Name("NSApplicationDidResignActive")
    nonisolated public static let didHideNotification = Notification.Name("NSApplicationDidHide")
    nonisolated public static let didUnhideNotification = Notification.Name("NSApplicationDidUnhide")
    nonisolated public static let willTerminateNotification = Notification.Name("NSApplicationWillTerminate")
}
