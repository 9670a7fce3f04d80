import Foundation
import Headwater

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A destination that is configured by the settings document: posts track events to `integrations.Webhook.url`, when the
/// user agreed to the category `marketing`.
final class WebhookDestination: DestinationPlugin, @unchecked Sendable {
    private struct Options: Decodable {
        let url: URL
    }

    let key = "Webhook"
    let timeline = Timeline()
    let categories = ["marketing"]
    weak var analytics: Analytics?
    private var url: URL?

    func update(settings: Settings, type: UpdateType) {
        let options: Options? = settings.integrationSettings(forPlugin: self)
        url = options?.url
    }

    func track(event: TrackEvent) -> TrackEvent? {
        guard let url else { return event }
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.httpBody = Data(event.json.text.utf8)
        URLSession.shared.dataTask(with: request).resume()
        return event
    }
}
