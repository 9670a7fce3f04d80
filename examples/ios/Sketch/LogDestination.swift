import Foundation
import Headwater

/// A destination that needs nothing: writes events to the log.
final class LogDestination: DestinationPlugin, @unchecked Sendable {
    let key = "Log"
    let timeline = Timeline()
    let needsSettings = false
    weak var analytics: Analytics?

    func track(event: TrackEvent) -> TrackEvent? {
        print("track \(event.event) \(event.properties?.text ?? "{}")")
        return event
    }

    func screen(event: ScreenEvent) -> ScreenEvent? {
        print("screen \(event.name ?? "")")
        return event
    }
}
