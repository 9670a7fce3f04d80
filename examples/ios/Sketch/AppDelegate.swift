import Headwater
import UIKit

extension Analytics {
    /// One for the whole app.
    static let main = Analytics(
        configuration: Configuration(writeKey: "<your write key>")
            .apiHost("hub.example")
            .flushAt(20)
            .sessions(timeout: 30 * 60)
            .onReport { report in print("\(report.count) events lost: \(report.reason)") })
}

@main
final class AppDelegate: UIResponder, UIApplicationDelegate {
    func application(
        _ application: UIApplication, didFinishLaunchingWithOptions options: [UIApplication.LaunchOptionsKey: Any]?
    ) -> Bool {
        Analytics.main.add(plugin: LogDestination())
        return true
    }

    func application(_ app: UIApplication, open url: URL, options: [UIApplication.OpenURLOptionsKey: Any] = [:]) -> Bool {
        Analytics.main.openURL(url)
        return true
    }

    func application(_ application: UIApplication, didRegisterForRemoteNotificationsWithDeviceToken token: Data) {
        Analytics.main.registeredForRemoteNotifications(deviceToken: token)
    }
}
