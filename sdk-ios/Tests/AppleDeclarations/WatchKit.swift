@_exported import Foundation

@MainActor open class WKExtension: NSObject {
    nonisolated public static let applicationDidFinishLaunchingNotification = Notification.Name("WKDidFinishLaunching")
    nonisolated public static let applicationDidBecomeActiveNotification = Notification.Name("WKDidBecomeActive")
    nonisolated public static let applicationWillEnterForegroundNotification = Notification.Name("WKWillEnterForeground")
    nonisolated public static let applicationDidEnterBackgroundNotification = Notification.Name("WKDidEnterBackground")
}

@MainActor open class WKInterfaceDevice: NSObject {
    public static func current() -> WKInterfaceDevice { fatalError() }
    public var name: String { fatalError() }
    public var screenBounds: CGRect { fatalError() }
}
