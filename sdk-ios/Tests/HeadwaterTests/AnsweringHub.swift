import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

@testable import Headwater

/// A hub that answers without a network, through the session that apps can inject. Each has a host of its own.
final class AnsweringHub: Sendable {
    let host = "hub-\(UUID().uuidString.lowercased()).test"
    private static let all = Guarded<[String: AnsweringHub]>([:])
    private let state = Guarded<(status: Int?, requests: [URLRequest])>((200, []))

    /// - Parameter status: What it answers; `nil` for never.
    init(status: Int?) {
        state.with { $0.status = status }
        Self.all.with { $0[host] = self }
    }

    var requests: [URLRequest] { state.with { $0.requests } }

    func answers(_ status: Int?) { state.with { $0.status = status } }

    fileprivate static func take(_ request: URLRequest) -> Int? {
        let hub = all.with { $0[request.url?.host ?? ""] }
        return hub?.state.with { state in
            state.requests.append(request)
            return state.status
        } ?? nil
    }

    var configuration: Configuration {
        Configuration(writeKey: "key").apiHost("http://" + host).fetchSettings(false).storageMode(.memory(10_000))
            .migratesFromAnalyticsSwift(false)
            .httpSession {
                let configuration = URLSessionConfiguration.ephemeral
                configuration.protocolClasses = [Answer.self]
                return URLSession(configuration: configuration)
            }
    }
}

private final class Answer: URLProtocol {
    override class func canInit(with request: URLRequest) -> Bool { true }
    override class func canonicalRequest(for request: URLRequest) -> URLRequest { request }
    override func startLoading() {
        guard let status = AnsweringHub.take(request), let url = request.url,
            let response = HTTPURLResponse(url: url, statusCode: status, httpVersion: "HTTP/1.1", headerFields: [:])
        else { return }
        client?.urlProtocol(self, didReceive: response, cacheStoragePolicy: .notAllowed)
        client?.urlProtocol(self, didLoad: Data("{}".utf8))
        client?.urlProtocolDidFinishLoading(self)
    }
    override func stopLoading() {}
}
